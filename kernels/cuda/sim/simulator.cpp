#include "kernels/cuda/sim/simulator.h"

#include <algorithm>
#include <atomic>
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

std::atomic<uint32_t> next_serial = 1;  // of blocks, in the process

// Kept from device to device: stacks take longest to make. After a fault all starts anew.
thread_local std::unique_ptr<Workshop> workshop_of_thread;

}  // namespace

Region& Simulator::allocate(const std::string& name, size_t bytes, size_t grain) {
    const Space space = grain == 0 ? Space::input : Space::global;
    return *regions_.emplace_back(std::make_unique<Region>(name, space, bytes, grain == 0 ? 4 : grain));
}

void Simulator::free(const Region& region) {
    std::erase_if(regions_, [&](const auto& r) { return r.get() == &region; });
}

// Grids that a device refuses.
bool Simulator::refuses(const Grid& grid) {
    const Dim3 &g = grid.blocks, &t = grid.threads;
    const bool empty = g.x == 0 || g.y == 0 || g.z == 0;
    if (!empty && g.y <= kMostBlocksYZ && g.z <= kMostBlocksYZ && t.x * t.y * t.z <= kMostThreads)
        return false;
    const auto text = [](const Dim3& d) {
        return std::to_string(d.x) + " x " + std::to_string(d.y) + " x " + std::to_string(d.z);
    };
    fault_ = Fault{Detector::launch, std::string(name_of(Detector::launch)) + ": " + text(g) + " blocks of " +
                                         text(t) + " threads"};
    return true;
}

void Simulator::run(const Grid& grid, void* arguments, void (*kernel)(void*)) {
    if (fault_ || refuses(grid)) return;
    const Dim3& g = grid.blocks;
    if (!workshop_of_thread) workshop_of_thread = std::make_unique<Workshop>();
    Workshop& workshop = *workshop_of_thread;
    const uint32_t blocks = g.x * g.y * g.z, launch_begin = next_serial.fetch_add(blocks);
    for (const uint32_t i : block_order(blocks, options_.blocks, rng_)) {
        Block::Setup setup;
        setup.index = {i % g.x, i / g.x % g.y, i / g.x / g.y};
        setup.threads = grid.threads;
        setup.grid = g;
        setup.serial = launch_begin + i;
        setup.launch_begin = launch_begin;
        setup.order = options_.threads;
        setup.eager_copies = options_.eager_copies;
        setup.kernel = kernel;
        setup.arguments = arguments;
        fault_ = Block(setup, workshop, rng_).run();
        if (fault_) return workshop_of_thread.reset();
    }
}

}  // namespace sluice::kernels::cuda::sim
