// Figures that the engine publishes after every step, and what it knows of its model. Plain data.
#pragma once
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/options.h"
#include "engine/sampling/params.h"

namespace sluice::engine {

struct EngineStats {
    int64_t waiting = 0;  // requests queued
    int64_t running = 0;  // sequences in the running batch
    int64_t blocks_total = 0;
    int64_t blocks_used = 0;  // held by sequences; cached but unheld blocks are free
    int64_t blocks_cached = 0;
    // totals since start
    int64_t steps = 0;
    int64_t prompt_tokens = 0;  // computed or found in the cache
    int64_t generation_tokens = 0;
    int64_t prefix_queries = 0;  // prompt tokens looked up in the prefix cache
    int64_t prefix_hits = 0;     // of them found
    int64_t preemptions = 0;
    int64_t requests_finished_stop = 0;
    int64_t requests_finished_length = 0;
    int64_t requests_failed = 0;
    int64_t requests_cancelled = 0;
    int64_t step_tokens = 0;     // sum of batch sizes
    double step_seconds = 0;     // from the plan to the last event
    double forward_seconds = 0;  // of them in the model; the rest is planning, sampling and telling
    int64_t moe_ffn_calls = 0;
    int64_t dense_ffn_calls = 0;
    // tokens per step, cumulative counts for the bounds 1, 8, 16, 32, ... 16384 (last: +inf)
    std::vector<int64_t> iteration_tokens_buckets;
    std::chrono::steady_clock::time_point last_step;  // progress: when the last step ended
    bool busy = false;                                // work was pending when the figures were taken
};

struct ModelInfo {
    std::string name;                  // as clients ask for it
    std::vector<std::string> aliases;  // its other names
    std::string architecture;          // "qwen3moe", ...
    std::string path;                  // empty for the embedded model
    std::string backend;               // "cpu/avx2", ...
    std::string quantisation;          // "Q4_K:289 Q6_K:49 F32:241": tensors by type
    int64_t created = 0;               // unix seconds at load
    int64_t file_bytes = 0;
    int64_t parameters = 0;
    int32_t layers = 0;
    int32_t hidden = 0;
    int32_t heads = 0;
    int32_t kv_heads = 0;
    int32_t head_dim = 0;
    int32_t vocab = 0;
    int32_t experts = 0;  // 0: dense
    int32_t experts_used = 0;
    int32_t context_trained = 0;  // as the file states
    int32_t context = 0;          // what one request may use: min(trained, --max-context, pool)
    int32_t threads = 0;
    int32_t kv_blocks = 0;
    int64_t kv_bytes = 0;
    std::string kv_type;
    std::string weights;  // "repacked", "mapped", "uploaded"
    std::string device;   // how its memory is used, in words; empty: the CPU computes
    Pooling pooling = Pooling::last;
    sampling::Params sampling;  // what requests that name no value get: the file's advice, else OpenAI's
};

}  // namespace sluice::engine
