// What happens to heads between their projections and attention. One warp a head of a token: those of q, then
// those of k with the value beside it.
#include "kernels/cuda/elements.h"
#include "kernels/cuda/kernels.h"
#include "kernels/cuda/numerics.h"

namespace sluice::kernels::cuda {
namespace {

constexpr int kWarps = 4;
constexpr int kThreads = kWarps * kLanes;

// RMSNorm of a head in shared memory.
__device__ void norm_head(Ptr<float> head, Ptr<const float> weight, int dim, float eps) {
    const int lane = lane_index();
    float squares = 0.0f;
    if (lane < kPartialSums)
        for (int i = lane; i < dim; i += kPartialSums) {
            const float x = head[i];
            squares = __fmaf_rn(x, x, squares);
        }
    const float factor = rms_factor(__shfl_sync(kAllLanes, sum_16(squares), 0), dim, eps);
    if (!SLUICE_BUG(rope_norm_before_sync)) __syncwarp();
    for (int i = lane; i < dim; i += kLanes) head[i] = __fmul_rn(__fmul_rn(head[i], factor), weight[i]);
    __syncwarp();
}

__device__ void rotate_head(const RopeKvArgs& a, int token, Ptr<float> head) {
    const int half = a.rope_dim / 2;
    for (int i = lane_index(); i < half; i += kLanes) {
        const int first = a.interleaved ? 2 * i : i, second = a.interleaved ? 2 * i + 1 : i + half;
        const float c = a.cos[int64_t{token} * half + i], s = a.sin[int64_t{token} * half + i];
        const float x = head[first], y = head[second];
        head[first] = __fsub_rn(__fmul_rn(x, c), __fmul_rn(y, s));
        head[second] = __fadd_rn(__fmul_rn(x, s), __fmul_rn(y, c));
    }
    __syncwarp();
}

// A key from shared memory and its value, rounded, to their slot. Keys lie a block's tokens apart.
template <class Type>
__device__ void store_kv(const RopeKvArgs& a, int token, int kv_head, Ptr<const float> key) {
    const KvArgs& cache = a.cache;
    const int position = a.batch.positions[token], slot = position % kBlockTokens;
    const int64_t block = a.batch.block_ids[a.batch.table_begin[token] + position / kBlockTokens];
    const int64_t tile = (block * cache.kv_heads + kv_head) * cache.head_dim * kBlockTokens;
    const auto keys = ptr_cast<typename Type::Elem>(cache.keys) + tile;
    const auto values = ptr_cast<typename Type::Elem>(cache.values) + tile;
    const int64_t value = (int64_t{token} * cache.kv_heads + kv_head) * cache.head_dim;
    for (int d = lane_index(); d < cache.head_dim; d += kLanes) {
        keys[d * kBlockTokens + slot] = Type::narrow(key[d]);
        values[slot * cache.head_dim + d] = Type::narrow(a.v[value + d]);
    }
}

template <class Type>
__global__ void __launch_bounds__(kThreads) rope_kv_kernel(RopeKvArgs a) {
    SLUICE_SHARED(float, heads, kWarps* kMostHeadDim);
    const int all = a.heads + a.cache.kv_heads, dim = a.cache.head_dim;
    const int index = static_cast<int>(blockIdx.x) * kWarps + warp_index();
    const int token = static_cast<int>(blockIdx.y);
    if (index >= all) return;
    const bool is_key = index >= a.heads;
    const auto memory = is_key ? a.k + (int64_t{token} * a.cache.kv_heads + index - a.heads) * dim
                               : a.q + (int64_t{token} * a.heads + index) * dim;
    const Ptr<float> head = heads + warp_index() * kMostHeadDim;
    for (int i = lane_index(); i < dim; i += kLanes) head[i] = memory[i];
    __syncwarp();
    const Ptr<const float> norm = is_key ? a.k_norm : a.q_norm;
    if (norm) norm_head(head, norm, dim, a.eps);
    rotate_head(a, token, head);
    for (int i = lane_index(); i < dim; i += kLanes) memory[i] = head[i];
    if (is_key) store_kv<Type>(a, token, index - a.heads, head);
}

}  // namespace

void rope_kv(Stream& stream, const RopeKvArgs& args) {
    SLUICE_CHECK(args.cache.head_dim <= kMostHeadDim);
    if (args.batch.tokens == 0) return;
    const auto kernel = args.cache.type == DType::f16    ? rope_kv_kernel<F16>
                        : args.cache.type == DType::bf16 ? rope_kv_kernel<Bf16>
                                                         : rope_kv_kernel<F32>;
    const int all = args.heads + args.cache.kv_heads;
    stream.launch(grid_of((all + kWarps - 1) / kWarps, kThreads, args.batch.tokens), kernel, args);
}

}  // namespace sluice::kernels::cuda
