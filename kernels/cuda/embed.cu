// One thread an element of a row of the table.
#include "kernels/cuda/elements.h"
#include "kernels/cuda/kernels.h"
#include "kernels/cuda/numerics.h"
#include "kernels/cuda/q4_k.h"
#include "kernels/quant.h"

namespace sluice::kernels::cuda {
namespace {

constexpr int kThreads = 128;

template <class Type>
__device__ float element(Ptr<const std::byte> row, int i, Type) {
    return Type::widen(ptr_cast<const typename Type::Elem>(row)[i]);
}

struct Q8_0 {};
__device__ float element(Ptr<const std::byte> row, int i, Q8_0) {
    const auto block = row + int64_t{i / 32} * int64_t{sizeof(BlockQ8_0)};
    const int q = ptr_cast<const int8_t>(block + offsetof(BlockQ8_0, qs))[i % 32];
    return __fmul_rn(from_f16(ptr_cast<const uint16_t>(block)[0]), static_cast<float>(q));
}

struct Q4_K {};
__device__ float element(Ptr<const std::byte> row, int i, Q4_K) {
    const auto block = row + int64_t{i / 256} * int64_t{sizeof(BlockQ4_K)};
    const int group = i % 256 / 32;
    const ScalesQ4_K s(block, group);
    const int byte = ptr_cast<const uint8_t>(block + offsetof(BlockQ4_K, qs))[group / 2 * 32 + i % 32];
    const int q = group % 2 == 0 ? byte & 15 : byte >> 4;
    return __fsub_rn(__fmul_rn(__fmul_rn(s.d, static_cast<float>(s.scale)), static_cast<float>(q)),
                     __fmul_rn(s.dmin, static_cast<float>(s.min)));
}

template <class Type>
__global__ void __launch_bounds__(kThreads) embed_kernel(EmbedArgs a, int64_t row_size) {
    const int i = static_cast<int>(blockIdx.x) * kThreads + static_cast<int>(threadIdx.x);
    const int row = static_cast<int>(blockIdx.y);
    if (i < a.cols) a.y[int64_t{row} * a.cols + i] = element(a.table + a.tokens[row] * row_size, i, Type{});
}

using Kernel = void (*)(EmbedArgs, int64_t);
Kernel kernel_of(DType type) {
    switch (type) {
        case DType::f32:
            return embed_kernel<F32>;
        case DType::f16:
            return embed_kernel<F16>;
        case DType::bf16:
            return embed_kernel<Bf16>;
        case DType::q8_0:
            return embed_kernel<Q8_0>;
        case DType::q4_k:
            return embed_kernel<Q4_K>;
        default:
            return nullptr;
    }
}

}  // namespace

void embed(Stream& stream, DType type, const EmbedArgs& args) {
    const Kernel kernel = kernel_of(type);
    SLUICE_CHECK(kernel != nullptr);
    if (args.rows == 0) return;
    const int wide = (args.cols + kThreads - 1) / kThreads;
    stream.launch(grid_of(wide, kThreads, args.rows), kernel, args,
                  static_cast<int64_t>(row_bytes(type, args.cols)));
}

}  // namespace sluice::kernels::cuda
