// The fused router. Choosing takes a warp for each token: softmax, the top k by rounds of a warp-wide
// maximum, weights. Grouping is a stable counting sort of all (token, choice) slots by expert in one block.
// Few tokens take one launch, in which a block does both.
#include "kernels/cuda/kernels.h"
#include "kernels/cuda/numerics.h"

namespace sluice::kernels::cuda {
namespace {

constexpr int kWarps = 8;
constexpr int kThreads = kWarps * kLanes;
constexpr int kFewTokens = 64;
constexpr float kTaken = -2.0f;       // in place of the probability of an expert that is chosen
constexpr float kNotANumber = -1.0f;  // what NaN counts as among probabilities

// Probabilities of a token's experts, in shared memory of its warp.
__device__ void softmax(Ptr<const float> x, Ptr<float> p, int experts) {
    const int lane = lane_index();
    float greatest = -__builtin_huge_valf();
    for (int e = lane; e < experts; e += kLanes) greatest = x[e] > greatest ? x[e] : greatest;
    greatest = warp_max(greatest);
    for (int e = lane; e < experts; e += kLanes) p[e] = exp_f32(__fsub_rn(x[e], greatest));
    if (!SLUICE_BUG(route_sum_before_sync)) __syncwarp();
    float partial = 0.0f;
    if (lane < kPartialSums)
        for (int e = lane; e < experts; e += kPartialSums) partial = __fadd_rn(partial, p[e]);
    const float inverse = __shfl_sync(kAllLanes, __fdiv_rn(1.0f, sum_16(partial)), 0);
    __syncwarp();
    for (int e = lane; e < experts; e += kLanes) p[e] = __fmul_rn(p[e], inverse);
    __syncwarp();
}

struct Choice {
    float p;  // its probability, kNotANumber for NaN
    int expert;
};

// The most probable expert that is not taken, ties to the lower id; the same for all lanes.
__device__ Choice best_left(Ptr<const float> p, int experts) {
    Choice best{kTaken, experts};
    for (int e = lane_index(); e < experts; e += kLanes) {
        const float own = p[e] == p[e] ? p[e] : kNotANumber;
        if (own > best.p) best = {own, e};
    }
    for (int bits = kLanes / 2; bits > 0; bits /= 2) {
        const float other_p = __shfl_xor_sync(kAllLanes, best.p, bits);
        const int other = __shfl_xor_sync(kAllLanes, best.expert, bits);
        const bool tie = SLUICE_BUG(route_tie_to_any) ? false : other_p == best.p && other < best.expert;
        if (other_p > best.p || tie) best = {other_p, other};
    }
    return best;
}

// Lane j keeps the j-th choice, then each goes to its place by ascending id.
__device__ void choose(const RouteArgs& a, int token, Ptr<float> p) {
    const int lane = lane_index();
    softmax(a.logits + int64_t{token} * a.experts, p, a.experts);
    float own_p = 0.0f, sum = 0.0f;
    int own = a.experts;
    for (int j = 0; j < a.top_k; ++j) {
        const Choice best = best_left(p, a.experts);
        const float probability = p[best.expert];  // NaN stays NaN here
        __syncwarp();
        if (lane == 0) p[best.expert] = kTaken;
        __syncwarp();
        sum = __fadd_rn(sum, probability);
        if (lane == j) own_p = probability, own = best.expert;
    }
    int rank = 0;
    for (int j = 0; j < a.top_k; ++j) {
        const unsigned mask = SLUICE_BUG(route_wrong_mask) ? (1u << a.top_k) - 1u : kAllLanes;
        rank += __shfl_sync(mask, own, j) < own ? 1 : 0;
    }
    const float scale = a.renormalise ? __fdiv_rn(a.weight_scale, sum) : a.weight_scale;
    if (lane < a.top_k) {
        const int64_t slot = int64_t{token} * a.top_k + (SLUICE_BUG(route_rank_forgotten) ? 0 : rank);
        a.expert[slot] = own;
        a.weight[slot] = __fmul_rn(own_p, scale);
    }
    __syncwarp();
}

// begin[e] becomes the sum of the counts before e, in the block and in args; all threads call.
__device__ void prefix_sum(const RouteArgs& a, Ptr<const int> count, Ptr<int> begin) {
    if (warp_index() == 0) {
        const int lane = lane_index();
        int before = 0;
        for (int from = 0; from < a.experts; from += kLanes) {
            const int e = from + lane;
            const int own = e < a.experts ? static_cast<int>(count[e]) : 0;
            int sum = own;
            for (int by = 1; by < kLanes; by *= 2) {
                const int left = __shfl_up_sync(kAllLanes, sum, by);
                if (lane >= by) sum += left;
            }
            if (e < a.experts) {
                begin[e] = before + sum - own;
                a.expert_begin[e] = before + sum - own;
            }
            before += __shfl_sync(kAllLanes, sum, kLanes - 1);
        }
        if (lane == 0) a.expert_begin[a.experts] = before;
    }
    __syncthreads();
}

// Slots of each expert, in ascending order, from begin[e] on.
__device__ void place_slots(const RouteArgs& a, Ptr<int> begin, Ptr<int> of_warp) {
    const int thread = static_cast<int>(threadIdx.x), lane = lane_index(), warp = warp_index();
    const int slots = a.tokens * a.top_k;
    for (int from = 0; from < slots; from += kThreads) {
        for (int i = thread; i < kWarps * a.experts; i += kThreads) of_warp[i] = 0;
        __syncthreads();
        const int slot = from + thread;
        const int e = slot < slots ? static_cast<int>(a.expert[slot]) : a.experts;
        const unsigned alike = __match_any_sync(kAllLanes, e);
        const int rank = __popc(alike & ((1u << lane) - 1u));
        if (rank == 0 && e < a.experts) of_warp[warp * a.experts + e] = __popc(alike);
        if (!SLUICE_BUG(route_place_before_barrier)) __syncthreads();
        if (e < a.experts) {
            int at = begin[e] + rank;
            for (int w = 0; w < warp; ++w) at += of_warp[w * a.experts + e];
            a.row[at] = slot;
        }
        __syncthreads();
        for (int i = thread; i < a.experts; i += kThreads)
            for (int w = 0; w < kWarps; ++w) begin[i] += of_warp[w * a.experts + i];
        __syncthreads();
    }
}

__device__ void group(const RouteArgs& a) {
    SLUICE_SHARED(int, count, kMostExperts);
    SLUICE_SHARED(int, begin, kMostExperts);
    SLUICE_SHARED(int, of_warp, kWarps* kMostExperts);
    const int thread = static_cast<int>(threadIdx.x);
    if (!SLUICE_BUG(route_count_not_cleared))
        for (int e = thread; e < a.experts; e += kThreads) count[e] = 0;
    if (!SLUICE_BUG(route_count_before_barrier)) __syncthreads();  // also for what choose() wrote
    for (int slot = thread; slot < a.tokens * a.top_k; slot += kThreads) {
        const int e = a.expert[slot];
        if (SLUICE_BUG(route_count_not_atomic)) {
            count[e] += 1;
        } else {
            atomicAdd(count + e, 1);
        }
    }
    __syncthreads();
    prefix_sum(a, count, begin);
    place_slots(a, begin, of_warp);
}

__global__ void __launch_bounds__(kThreads) choose_kernel(RouteArgs a) {
    SLUICE_SHARED(float, probabilities, kWarps* kMostExperts);
    const int token = static_cast<int>(blockIdx.x) * kWarps + warp_index();
    if (token < a.tokens) choose(a, token, probabilities + warp_index() * kMostExperts);
}

__global__ void __launch_bounds__(kThreads) group_kernel(RouteArgs a) {
    group(a);
}

__global__ void __launch_bounds__(kThreads) route_kernel(RouteArgs a) {
    SLUICE_SHARED(float, probabilities, kWarps* kMostExperts);
    for (int token = warp_index(); token < a.tokens; token += kWarps) {
        choose(a, token, probabilities + warp_index() * kMostExperts);
        if (SLUICE_BUG(route_barrier_in_loop)) __syncthreads();
    }
    group(a);
}

}  // namespace

void route(Stream& stream, const RouteArgs& args) {
    if (args.tokens <= kFewTokens) return stream.launch(grid_of(1, kThreads), route_kernel, args);
    stream.launch(grid_of((args.tokens + kWarps - 1) / kWarps, kThreads), choose_kernel, args);
    stream.launch(grid_of(1, kThreads), group_kernel, args);
}

}  // namespace sluice::kernels::cuda
