// A backend whose operations are CUDA kernels, on the simulated device: correct and slow, for tests. What it
// cannot compute is asked before, by type and shape; the rest of kernels/ops.h holds.
#pragma once
#include <cstdint>
#include <memory>

#include "kernels/backend.h"
#include "kernels/cuda/sim/block.h"
#include "kernels/dtype.h"

namespace sluice::kernels::cuda {

struct SimOptions {
    CpuOptions host;  // what works on logits, and on whatever else lies in the host's memory
    uint64_t memory_bytes = uint64_t{576} << 20;  // of the device; the host needs more, to watch each access
    sim::Order order = sim::Order::forward;       // of threads
};

// null when options.host is unknown or not available here.
std::unique_ptr<Backend> make_sim_backend(const SimOptions& options);

// Matrices of linear layers and embeddings; of experts and dense feed-forwards; KV caches.
constexpr bool can_multiply(DType type) {
    return type == DType::f32 || type == DType::f16 || type == DType::bf16 || type == DType::q8_0 ||
           type == DType::q4_k;
}
constexpr bool can_feed_forward(DType type) {
    return type == DType::q8_0 || type == DType::q4_k;
}
constexpr bool can_cache(DType type) {
    return type == DType::f16 || type == DType::bf16 || type == DType::f32;
}

}  // namespace sluice::kernels::cuda
