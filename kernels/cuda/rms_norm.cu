// One block a row. Tiles of the row go through shared memory, so that loads use all threads while the 16
// partial sums of decision 1 stay in 16 lanes.
#include "kernels/cuda/kernels.h"
#include "kernels/cuda/numerics.h"

namespace sluice::kernels::cuda {
namespace {

constexpr int kThreads = 128;
constexpr int kTile = 2048;  // floats; a multiple of kPartialSums

// Lane l of the first warp adds the squares of elements l, l + 16, ... to its partial sum.
__device__ float add_squares(Ptr<const float> tile, int n, float partial) {
    const int lane = lane_index();
    if (lane >= kPartialSums) return partial;
    for (int i = lane; i < n; i += kPartialSums) {
        const float x = tile[i];
        partial = __fmaf_rn(x, x, partial);
    }
    return partial;
}

__global__ void __launch_bounds__(kThreads) rms_norm_kernel(RmsNormArgs a) {
    SLUICE_SHARED(float, tile, kTile);
    SLUICE_SHARED(float, row_scale, 1);
    const int thread = static_cast<int>(threadIdx.x);
    const int64_t begin = int64_t{blockIdx.x} * a.cols;
    const int cols = a.cols + (SLUICE_BUG(rms_off_by_one) ? 1 : 0);
    float partial = 0.0f;
    for (int from = 0; from < cols; from += kTile) {
        const int n = cols - from < kTile ? cols - from : kTile;
        for (int i = thread; i < n; i += kThreads) tile[i] = a.x[begin + from + i];
        if (!SLUICE_BUG(rms_sum_before_barrier)) __syncthreads();
        if (warp_index() == 0) partial = add_squares(tile, n, partial);
        if (!SLUICE_BUG(rms_tile_overwritten)) __syncthreads();
    }
    if (warp_index() == 0) {
        const float sum = sum_16(partial);
        if (thread == 0) row_scale[0] = rms_factor(sum, a.cols, a.eps);
        if (SLUICE_BUG(rms_divergent_barrier)) __syncthreads();
    }
    if (!SLUICE_BUG(rms_scale_before_barrier)) __syncthreads();
    const float scale = row_scale[0];
    for (int i = thread; i < a.cols; i += kThreads)
        a.y[begin + i] = __fmul_rn(__fmul_rn(a.x[begin + i], scale), a.weight[i]);
}

}  // namespace

void rms_norm(Stream& stream, const RmsNormArgs& args) {
    if (args.rows == 0) return;
    stream.launch(grid_of(args.rows, kThreads), rms_norm_kernel, args);
}

}  // namespace sluice::kernels::cuda
