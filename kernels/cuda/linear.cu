// Linear layers. Quantised weights are an expert that every row chooses (expert_gemv.cu, expert_gemm.cu);
// float weights have a kernel here: half a warp an output, a lane for each of the 16 partial sums of
// decision 1. Bias, and what y holds, come last, each rounded on its own.
#include "kernels/cuda/elements.h"
#include "kernels/cuda/kernels.h"
#include "kernels/cuda/numerics.h"

namespace sluice::kernels::cuda {
namespace {

constexpr int kThreads = 128;
constexpr int kOutputs = kThreads / kPartialSums;  // of a block
constexpr int kManyRows = 8;                       // a whole tile of columns

// Outputs behind the last are computed as copies of it and thrown away: all lanes take part in the sum.
template <class Type>
__global__ void __launch_bounds__(kThreads) linear_kernel(LinearArgs a, Ptr<float> y) {
    const int lane = lane_index() % kPartialSums, row = static_cast<int>(blockIdx.y);
    const int out = static_cast<int>(blockIdx.x) * kOutputs + static_cast<int>(threadIdx.x) / kPartialSums;
    const bool inside = out < a.out || SLUICE_BUG(linear_outputs_behind_the_end);
    const auto weight = ptr_cast<const typename Type::Elem>(a.weight);
    const int64_t w = int64_t{inside ? out : a.out - 1} * a.in, x = int64_t{row} * a.in;
    float sum = 0.0f;
    for (int i = lane; i < a.in; i += kPartialSums)
        sum = __fmaf_rn(Type::widen(weight[w + i]), a.x[x + i], sum);
    sum = sum_16(sum);
    if (inside && (lane == 0 || SLUICE_BUG(linear_every_lane_writes))) y[int64_t{row} * a.out + out] = sum;
}

// y = product (+ bias) (+ y), one thread an element.
__global__ void __launch_bounds__(kThreads) finish_kernel(LinearArgs a) {
    const int i = static_cast<int>(blockIdx.x) * kThreads + static_cast<int>(threadIdx.x);
    const int row = static_cast<int>(blockIdx.y);
    if (i >= a.out) return;
    const int64_t at = int64_t{row} * a.out + i;
    float value = a.product[at];
    if (a.bias) value = __fadd_rn(value, a.bias[SLUICE_BUG(linear_bias_of_row) ? row : i]);
    a.y[at] = a.accumulate ? __fadd_rn(a.y[at], value) : value;
}

void multiply(Stream& stream, const LinearArgs& args, Ptr<float> y) {
    if (cpu::act_format(args.type) != cpu::ActFormat::f32) {
        const auto product = args.rows >= kManyRows ? expert_gemm : expert_gemv;
        return product(stream, args.type,
                       {args.weight, 1, args.out, args.in, args.quantised, 1, args.begin, args.row, y});
    }
    const auto kernel = args.type == DType::f32   ? linear_kernel<F32>
                        : args.type == DType::f16 ? linear_kernel<F16>
                                                  : linear_kernel<Bf16>;
    stream.launch(grid_of((args.out + kOutputs - 1) / kOutputs, kThreads, args.rows), kernel, args, y);
}

}  // namespace

void linear(Stream& stream, const LinearArgs& args) {
    if (args.rows == 0 || args.out == 0) return;
    if (!args.bias && !args.accumulate) return multiply(stream, args, args.y);
    multiply(stream, args, args.product);
    stream.launch(grid_of((args.out + kThreads - 1) / kThreads, kThreads, args.rows), finish_kernel, args);
}

}  // namespace sluice::kernels::cuda
