#include "kernels/cuda/sim/simulator.h"

#include <algorithm>
#include <numeric>

namespace sluice::kernels::cuda::sim {
namespace {

std::vector<uint32_t> block_order(uint32_t blocks, Order order, std::mt19937_64& rng) {
    std::vector<uint32_t> out(blocks);
    std::iota(out.begin(), out.end(), 0u);
    if (order == Order::reverse || order == Order::depth_first) std::reverse(out.begin(), out.end());
    if (order == Order::random)
        for (size_t i = out.size(); i > 1; --i) std::swap(out[i - 1], out[rng() % i]);
    return out;
}

}  // namespace

void Simulator::run(const Grid& grid, void* arguments, void (*kernel)(void*)) {
    if (fault_) return;
    const Dim3& g = grid.blocks;
    SLUICE_CHECK(grid.threads.x * grid.threads.y * grid.threads.z <= unsigned{kMostThreads});
    const uint32_t launch_begin = next_serial_;
    for (const uint32_t i : block_order(g.x * g.y * g.z, options_.blocks, rng_)) {
        Block::Setup setup;
        setup.index = {i % g.x, i / g.x % g.y, i / g.x / g.y};
        setup.threads = grid.threads;
        setup.grid = g;
        setup.serial = next_serial_++;
        setup.launch_begin = launch_begin;
        setup.order = options_.threads;
        setup.eager_copies = options_.eager_copies;
        setup.kernel = kernel;
        setup.arguments = arguments;
        fault_ = Block(setup, fibres_, rng_).run();
        if (fault_) return;
    }
}

}  // namespace sluice::kernels::cuda::sim
