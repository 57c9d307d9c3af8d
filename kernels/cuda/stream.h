// Where launches go: a CUDA stream under nvcc, a simulated device elsewhere. Launches of one stream run in
// order; the first error stays and makes later launches do nothing.
#pragma once
#include <cstdint>

#if defined(__CUDACC__)
#include <cuda_runtime.h>

#include <utility>
#else
#include "kernels/cuda/sim/simulator.h"
#endif
#include "kernels/check.h"

namespace sluice::kernels::cuda {

#if defined(__CUDACC__)

struct Grid {
    dim3 blocks, threads;
};

class Stream {
  public:
    explicit Stream(cudaStream_t stream) : stream_(stream) {}

    template <class... Parameters, class... Arguments>
    void launch(const Grid& grid, void (*kernel)(Parameters...), Arguments&&... arguments) {
        if (status_ != cudaSuccess) return;
        cudaLaunchConfig_t config = {};
        config.gridDim = grid.blocks;
        config.blockDim = grid.threads;
        config.stream = stream_;
        status_ = cudaLaunchKernelEx(&config, kernel, std::forward<Arguments>(arguments)...);
    }
    cudaError_t status() const { return status_; }

  private:
    cudaStream_t stream_;
    cudaError_t status_ = cudaSuccess;
};

#else

using Grid = sim::Grid;
using Stream = sim::Simulator;

#endif

// A grid of so many blocks and threads in x, and blocks in y.
inline Grid grid_of(int64_t blocks, int threads, int64_t blocks_y = 1) {
    Grid grid;
    grid.blocks.x = static_cast<unsigned>(blocks);
    grid.blocks.y = static_cast<unsigned>(blocks_y);
    grid.threads.x = static_cast<unsigned>(threads);
    return grid;
}

}  // namespace sluice::kernels::cuda
