// How much memory this process may use, and how much of it the KV pool gets.
#pragma once
#include <cstdint>

#include "engine/options.h"
#include "engine/result.h"

namespace sluice::engine {

// Bytes that can be taken now without swapping: the smaller of the machine's available memory and what is
// left of the cgroup's limit.
uint64_t available_memory();

struct KvPlan {
    int32_t blocks = 0;
    uint64_t bytes = 0;
};

// Sizes the pool: options.kv_memory_bytes, or half of what `available` leaves beside the weights, never more
// than max_running contexts of `context` tokens can use. out_of_memory (with the sums) when it does not fit.
Result<KvPlan> plan_kv_memory(const Options& options, uint64_t block_bytes, int32_t context,
                              uint64_t weight_bytes, uint64_t available);

}  // namespace sluice::engine
