// One warp a block of 32 or 256 activations, each lane with neighbouring ones.
#include "kernels/cuda/kernels.h"
#include "kernels/cuda/numerics.h"

namespace sluice::kernels::cuda {
namespace {

constexpr int kWarps = 4;
constexpr int kThreads = kWarps * kLanes;

// Whole numbers of -127..127; NaN becomes -127.
__device__ int to_quant(float x) {
    x = x > -127.0f ? x : -127.0f;
    return static_cast<int>(nearest(x < 127.0f ? x : 127.0f));
}

// What a warp makes of a block: the scale, and each lane's quants and their sum.
template <int kPerLane>
struct Quants {
    float d;
    int sum;
    uint32_t bytes[(kPerLane + 3) / 4];  // the first in the lowest
};

template <int kPerLane>
__device__ Quants<kPerLane> quantise_block(const float* v) {
    float greatest = 0.0f;
    for (int i = 0; i < kPerLane; ++i) {
        const float size = v[i] < 0.0f ? -v[i] : v[i];
        greatest = greatest > size ? greatest : size;
    }
    const float amax = warp_max(greatest);
    const bool empty = !(amax >= cpu::kSmallestAmax);
    const float inverse = empty ? 0.0f : __fdiv_rn(127.0f, amax);
    Quants<kPerLane> out = {empty ? 0.0f : __fdiv_rn(amax, 127.0f), 0, {}};
    for (int i = 0; i < kPerLane; ++i) {
        const int q = to_quant(__fmul_rn(v[i], inverse));
        out.sum += q;
        out.bytes[i / 4] |= (static_cast<uint32_t>(q) & 0xffu) << (i % 4 * 8);
    }
    return out;
}

__device__ void store(const Quants<1>& q, Ptr<std::byte> block) {
    const int lane = lane_index();
    int sum = q.sum;
    for (int bits = kLanes / 2; bits > 0; bits /= 2) sum += __shfl_xor_sync(kAllLanes, sum, bits);
    ptr_cast<uint8_t>(block + offsetof(cpu::Act32, q))[lane] = static_cast<uint8_t>(q.bytes[0]);
    if (lane != 0) return;
    ptr_cast<float>(block + offsetof(cpu::Act32, d))[0] = q.d;
    ptr_cast<int>(block + offsetof(cpu::Act32, sum))[0] = sum;
}

__device__ void store(const Quants<8>& q, Ptr<std::byte> block) {
    const int lane = lane_index();
    const int sum16 = q.sum + __shfl_xor_sync(kAllLanes, q.sum, 1);
    const int sum32 = sum16 + __shfl_xor_sync(kAllLanes, sum16, 2);
    const auto bytes = ptr_cast<uint32_t>(block + offsetof(cpu::Act256, q));
    for (int i = 0; i < 2; ++i) bytes[lane * 2 + i] = q.bytes[i];
    if (lane % 2 == 0)
        ptr_cast<int16_t>(block + offsetof(cpu::Act256, sum16))[lane / 2] = static_cast<int16_t>(sum16);
    if (lane % 4 == 0)
        ptr_cast<int16_t>(block + offsetof(cpu::Act256, sum32))[lane / 4] = static_cast<int16_t>(sum32);
    if (lane == 0) ptr_cast<float>(block + offsetof(cpu::Act256, d))[0] = q.d;
}

template <int kPerLane>
__global__ void __launch_bounds__(kThreads) quantise_kernel(QuantiseArgs a) {
    constexpr int kBlock = kPerLane * kLanes;
    constexpr int kBytes = kPerLane == 1 ? sizeof(cpu::Act32) : sizeof(cpu::Act256);
    const int64_t block = int64_t{blockIdx.x} * kWarps + warp_index();
    if (block >= int64_t{a.rows} * (a.cols / kBlock)) return;
    float v[kPerLane];
    for (int i = 0; i < kPerLane; ++i) {
        const int64_t at = block * kBlock + lane_index() * kPerLane + i;
        v[i] = a.x[at];
        if (a.up) v[i] = __fmul_rn(silu(v[i]), a.up[at]);
    }
    store(quantise_block<kPerLane>(v), a.y + block * kBytes);
}

}  // namespace

void quantise(Stream& stream, cpu::ActFormat format, const QuantiseArgs& args) {
    const bool large = format == cpu::ActFormat::blocks_256;
    const int64_t blocks = int64_t{args.rows} * (args.cols / (large ? 256 : 32));
    if (blocks == 0) return;
    stream.launch(grid_of((blocks + kWarps - 1) / kWarps, kThreads),
                  large ? quantise_kernel<8> : quantise_kernel<1>, args);
}

}  // namespace sluice::kernels::cuda
