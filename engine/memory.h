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

// What serving needs at least: every sum stops at the largest number instead of going round.
struct MemoryNeed {
    uint64_t weights = 0;
    uint64_t kv = 0;       // `concurrency` requests of `context` tokens each, in whole blocks
    uint64_t reserve = 0;  // activations, logits, sockets, the rest of the machine
    uint64_t total() const;
};
MemoryNeed memory_need(uint64_t block_bytes, int32_t context, int32_t concurrency, uint64_t weight_bytes);

// The longest context, in whole blocks, that many requests can have in that much memory; 0: none.
int64_t context_that_fits(uint64_t block_bytes, int32_t concurrency, uint64_t weight_bytes,
                          uint64_t available);

}  // namespace sluice::engine
