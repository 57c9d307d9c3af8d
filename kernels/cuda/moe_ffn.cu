// The mixture of experts: the order of its launches, and the sum of what the experts of a token say,
// ascending.
#include "kernels/cuda/kernels.h"
#include "kernels/cuda/numerics.h"

namespace sluice::kernels::cuda {
namespace {

constexpr int kThreads = 128;
constexpr int kManySlots = 8;  // an expert, on average: a whole tile of columns

// One thread an element, so that the sum has one order.
__global__ void __launch_bounds__(kThreads) combine_kernel(CombineArgs a) {
    const int i = static_cast<int>(blockIdx.x) * kThreads + static_cast<int>(threadIdx.x);
    if (i >= a.cols) return;
    const int token = static_cast<int>(blockIdx.y);
    const int64_t at = int64_t{token} * a.cols + i;
    float sum = 0.0f;
    for (int slot = token * a.top_k; slot < (token + 1) * a.top_k; ++slot)
        sum = __fadd_rn(sum, __fmul_rn(a.x[int64_t{slot} * a.cols + i], a.weight[slot]));
    a.y[at] = __fadd_rn(a.y[at], sum);
}

#if defined(SLUICE_SEEDED_BUGS)
// A block for each slot, so that blocks meet at an element.
__global__ void combine_slots_kernel(CombineArgs a) {
    const int i = static_cast<int>(blockIdx.x) * kThreads + static_cast<int>(threadIdx.x);
    if (i >= a.cols) return;
    const int slot = static_cast<int>(blockIdx.y);
    const auto y = a.y + (int64_t{slot / a.top_k} * a.cols + i);
    const float part = a.x[int64_t{slot} * a.cols + i] * a.weight[slot];
    if (SLUICE_BUG(combine_atomic)) {
        atomicAdd(y, part);
    } else {
        y[0] += part;
    }
}
#endif

}  // namespace

void combine(Stream& stream, const CombineArgs& args) {
    if (args.tokens == 0 || args.cols == 0) return;
    const int wide = (args.cols + kThreads - 1) / kThreads;
#if defined(SLUICE_SEEDED_BUGS)
    if (SLUICE_BUG(combine_atomic) || SLUICE_BUG(combine_over_blocks))
        return stream.launch(grid_of(wide, kThreads, args.tokens * args.top_k), combine_slots_kernel, args);
#endif
    stream.launch(grid_of(wide, kThreads, args.tokens), combine_kernel, args);
}

void moe_ffn(Stream& stream, const MoeFfnArgs& args) {
    const RouteArgs& r = args.route;
    const int slots = r.tokens * r.top_k;
    const cpu::ActFormat format = cpu::act_format(args.type);
    const auto multiply = [&](Ptr<const std::byte> weights, int rows, int cols, Ptr<const std::byte> x,
                              int slots_per_x, Ptr<float> y) {
        const auto product = slots >= kManySlots * r.experts ? expert_gemm : expert_gemv;
        product(stream, args.type,
                {weights, r.experts, rows, cols, x, slots_per_x, r.expert_begin, r.row, y});
    };
    route(stream, r);
    quantise(stream, format, {args.x, nullptr, args.x_quantised, r.tokens, args.hidden});
    multiply(args.gate, args.ffn, args.hidden, args.x_quantised, r.top_k, args.gated);
    multiply(args.up, args.ffn, args.hidden, args.x_quantised, r.top_k, args.upped);
    quantise(stream, format, {args.gated, args.upped, args.middle_quantised, slots, args.ffn});
    multiply(args.down, args.hidden, args.ffn, args.middle_quantised, 1, args.outcome);
    combine(stream, {args.outcome, r.weight, args.y, r.tokens, r.top_k, args.hidden});
}

}  // namespace sluice::kernels::cuda
