// Paged attention for decoding. A block takes one split of 256 positions for up to eight heads of a token
// that share a KV head. First the tiles of keys, then those of values go through two buffers in shared
// memory: while one is computed with, the next is copied. Scores have a lane for each position, values a
// thread for each dimension, so every sum runs in one thread, in the order that decision 1 asks for; the
// number of splits follows from the position alone.
#include "kernels/cuda/elements.h"
#include "kernels/cuda/kernels.h"
#include "kernels/cuda/numerics.h"

namespace sluice::kernels::cuda {
namespace {

constexpr int kThreads = kMostHeadDim;
constexpr int kWarps = kThreads / kLanes;
constexpr int kRows = 8;  // heads of a block
constexpr int kRowsOfWarp = kRows / kWarps;
constexpr int kTileElems = kMostHeadDim * kBlockTokens;
static_assert(kBlockTokens == kLanes && kSplitTokens % kBlockTokens == 0);

// What a block works on.
struct Split {
    int token, kv_head, first_head, rows, index;
    int tokens;  // of the split
    int table;   // where its blocks begin in block_ids

    __device__ int tiles() const { return (tokens + kBlockTokens - 1) / kBlockTokens; }
};

__device__ Split split_of(const AttentionArgs& a) {
    const int group = a.heads / a.cache.kv_heads, parts = (group + kRows - 1) / kRows;
    Split s;
    s.index = static_cast<int>(blockIdx.x);
    s.kv_head = static_cast<int>(blockIdx.y) / parts;
    s.token = static_cast<int>(blockIdx.z);
    const int from = static_cast<int>(blockIdx.y) % parts * kRows;
    s.first_head = s.kv_head * group + from;
    s.rows = group - from < kRows ? group - from : kRows;
    const int seen = a.batch.positions[s.token] + (SLUICE_BUG(attend_last_token) ? 0 : 1);
    const int left = seen - s.index * kSplitTokens;
    s.tokens = left < kSplitTokens ? left : kSplitTokens;
    s.table = a.batch.table_begin[s.token] + s.index * (kSplitTokens / kBlockTokens);
    return s;
}

// Begins to copy tile `stage`: keys first, then values. Past the end it copies nothing; the group is empty
// then.
template <class Type>
__device__ void begin_copy(const AttentionArgs& a, const Split& s, int stage, Ptr<typename Type::Elem> tile) {
    using Elem = typename Type::Elem;
    constexpr int kElems = 16 / static_cast<int>(sizeof(Elem));
    const int tiles = s.tiles(), elems = a.cache.head_dim * kBlockTokens;
    if (stage < 2 * tiles) {
        const Ptr<const std::byte> pool = stage < tiles ? a.cache.keys : a.cache.values;
        const int64_t block = a.batch.block_ids[s.table + stage % tiles];
        const auto from = ptr_cast<const Elem>(pool) + (block * a.cache.kv_heads + s.kv_head) * elems;
        for (int i = static_cast<int>(threadIdx.x) * kElems; i < elems; i += kThreads * kElems)
            copy_async_16<Elem>(tile + i, from + i);
    }
    copy_async_commit();
}

// scores[r][position] of a tile of keys [head_dim][32]: a lane a position, a warp some rows.
template <class Type>
__device__ void score(const AttentionArgs& a, const Split& s, Ptr<const typename Type::Elem> keys,
                      Ptr<const float> q, Ptr<float> scores, int tile) {
    const int lane = lane_index(), dim = a.cache.head_dim;
    float sum[kRowsOfWarp] = {};
    for (int d = 0; d < dim; ++d) {
        const float k = Type::widen(keys[d * kBlockTokens + lane]);
        for (int i = 0; i < kRowsOfWarp; ++i) {
            const int r = warp_index() + i * kWarps;
            if (r < s.rows) sum[i] = __fmaf_rn(q[r * dim + d], k, sum[i]);
        }
    }
    for (int i = 0; i < kRowsOfWarp; ++i) {
        const int r = warp_index() + i * kWarps;
        if (r < s.rows) scores[r * kSplitTokens + tile * kBlockTokens + lane] = __fmul_rn(sum[i], a.scale);
    }
}

__device__ Ptr<float> partial_of(const AttentionArgs& a, int token, int head, int split) {
    const int64_t stride = a.cache.head_dim + 2;
    return a.partial + ((int64_t{token} * a.heads + head) * a.splits + split) * stride;
}

// Turns the scores of a warp's rows into weights; their greatest score and the sum go to the partial result.
__device__ void weigh(const AttentionArgs& a, const Split& s, Ptr<float> scores) {
    const int lane = lane_index();
    for (int r = warp_index(); r < s.rows; r += kWarps) {
        const Ptr<float> p = scores + r * kSplitTokens;
        float greatest = -3.40282347e+38f;
        for (int j = lane; j < s.tokens; j += kLanes) greatest = p[j] > greatest ? p[j] : greatest;
        greatest = warp_max(greatest);
        for (int j = lane; j < s.tokens; j += kLanes) p[j] = exp_f32(__fsub_rn(p[j], greatest));
        __syncwarp();
        float sum = 0.0f;
        if (lane < kPartialSums)
            for (int j = lane; j < s.tokens; j += kPartialSums) sum = __fadd_rn(sum, p[j]);
        sum = sum_16(sum);
        if (lane == 0) {
            const Ptr<float> out = partial_of(a, s.token, s.first_head + r, s.index);
            out[0] = greatest;
            out[1] = sum;
        }
    }
}

// sum[r] += the weighted values of a tile [32][head_dim], for this thread's dimension.
template <class Type>
__device__ void add_values(const AttentionArgs& a, const Split& s, Ptr<const typename Type::Elem> values,
                           Ptr<const float> weights, int tile, float* sum) {
    const int d = static_cast<int>(threadIdx.x), dim = a.cache.head_dim, begin = tile * kBlockTokens;
    const int n = s.tokens - begin < kBlockTokens ? s.tokens - begin : kBlockTokens;
    if (d >= dim) return;
    for (int j = 0; j < n; ++j) {
        const float v = Type::widen(values[j * dim + d]);
        for (int r = 0; r < kRows; ++r)
            if (r < s.rows) sum[r] = __fmaf_rn(weights[r * kSplitTokens + begin + j], v, sum[r]);
    }
}

template <class Type>
__global__ void __launch_bounds__(kThreads) attend_kernel(AttentionArgs a) {
    using Elem = typename Type::Elem;
    SLUICE_SHARED(Elem, buffers, 2 * kTileElems);
    SLUICE_SHARED(float, scores, kRows* kSplitTokens);
    SLUICE_SHARED(float, q, kRows* kMostHeadDim);
    const Split s = split_of(a);
    if (s.tokens <= 0) return;  // the whole block
    const int thread = static_cast<int>(threadIdx.x), dim = a.cache.head_dim, tiles = s.tiles();
    const auto buffer = [&](int stage) { return buffers + stage % 2 * kTileElems; };
    begin_copy<Type>(a, s, 0, buffer(0));
    const auto own_q = a.q + (int64_t{s.token} * a.heads + s.first_head) * dim;
    for (int i = thread; i < s.rows * dim; i += kThreads) q[i] = own_q[i];
    float sum[kRows] = {};
    for (int stage = 0; stage < 2 * tiles; ++stage) {
        if (stage == tiles) weigh(a, s, scores);
        begin_copy<Type>(a, s, stage + 1, buffer(stage + 1));
        if (!SLUICE_BUG(attend_without_wait)) copy_async_wait<1>();
        if (!SLUICE_BUG(attend_without_barrier)) __syncthreads();
        if (stage < tiles) {
            score<Type>(a, s, buffer(stage), q, scores, stage);
        } else {
            add_values<Type>(a, s, buffer(stage), scores, stage - tiles, sum);
        }
        if (!SLUICE_BUG(attend_buffer_overwritten)) __syncthreads();
    }
    copy_async_wait<0>();
    if (thread >= dim) return;
    for (int r = 0; r < kRows; ++r)
        if (r < s.rows) partial_of(a, s.token, s.first_head + r, s.index)[2 + thread] = sum[r];
}

// A block a head of a token, a thread a dimension.
__global__ void __launch_bounds__(kThreads) merge_kernel(AttentionArgs a) {
    const int head = static_cast<int>(blockIdx.x), token = static_cast<int>(blockIdx.y);
    const int d = static_cast<int>(threadIdx.x), dim = a.cache.head_dim;
    if (d >= dim) return;
    const int splits = a.batch.positions[token] / kSplitTokens + 1;
    Ptr<const float> p = partial_of(a, token, head, 0);
    float greatest = p[0], sum = p[1], value = p[2 + d];
    for (int split = 1; split < splits + (SLUICE_BUG(merge_one_more) ? 1 : 0); ++split) {
        p = partial_of(a, token, head, split);
        if (p[1] == 0.0f) continue;
        const float most = p[0] > greatest ? p[0] : greatest;
        const float keep = exp_f32(__fsub_rn(greatest, most)), take = exp_f32(__fsub_rn(p[0], most));
        sum = __fadd_rn(__fmul_rn(sum, keep), __fmul_rn(p[1], take));
        value = __fmaf_rn(p[2 + d], take, __fmul_rn(value, keep));
        greatest = most;
    }
    a.y[(int64_t{token} * a.heads + head) * dim + d] = __fmul_rn(value, __fdiv_rn(1.0f, sum));
}

}  // namespace

void attention(Stream& stream, const AttentionArgs& args) {
    SLUICE_CHECK(args.cache.head_dim <= kMostHeadDim);
    if (args.batch.tokens == 0) return;
    const int group = args.heads / args.cache.kv_heads;
    const auto kernel = args.cache.type == DType::f16    ? attend_kernel<F16>
                        : args.cache.type == DType::bf16 ? attend_kernel<Bf16>
                                                         : attend_kernel<F32>;
    Grid grid = grid_of(args.splits, kThreads, args.cache.kv_heads * ((group + kRows - 1) / kRows));
    grid.blocks.z = static_cast<unsigned>(args.batch.tokens);
    stream.launch(grid, kernel, args);
    stream.launch(grid_of(args.heads, kThreads, args.batch.tokens), merge_kernel, args);
}

}  // namespace sluice::kernels::cuda
