// A backend whose operations are CUDA kernels, on the simulated device: correct and slow, for tests. What it
// cannot compute is asked before (limits.h); the rest of kernels/ops.h holds.
#pragma once
#include <cstdint>
#include <memory>

#include "kernels/backend.h"
#include "kernels/cuda/sim/block.h"

namespace sluice::kernels::cuda {

struct SimOptions {
    CpuOptions host;  // what works on logits, and on whatever else lies in the host's memory
    uint64_t memory_bytes = uint64_t{576} << 20;  // of the device; the host needs more, to watch each access
    sim::Order order = sim::Order::forward;       // of threads
};

// null when options.host is unknown or not available here.
std::unique_ptr<Backend> make_sim_backend(const SimOptions& options);

}  // namespace sluice::kernels::cuda
