#include "engine/stats_board.h"

#include <algorithm>

namespace sluice::engine {
namespace {
constexpr int64_t kFirstBound = 8, kLastBound = 16384;
constexpr size_t kBuckets = 14;  // 1, 8, 16, ... 16384, +inf
constexpr std::chrono::milliseconds kExpertsEvery{250};
}  // namespace

StatsBoard::StatsBoard() {
    next_.iteration_tokens_buckets.assign(kBuckets, 0);
}

void StatsBoard::count_step(int64_t batch_tokens, int64_t sampled_tokens) {
    ++next_.steps;
    next_.step_tokens += batch_tokens;
    next_.generation_tokens += sampled_tokens;
    auto& buckets = next_.iteration_tokens_buckets;  // cumulative, as Prometheus shows them
    if (batch_tokens <= 1) ++buckets[0];
    size_t i = 1;
    for (int64_t bound = kFirstBound; bound <= kLastBound; bound *= 2, ++i) {
        if (batch_tokens <= bound) ++buckets[i];
    }
    ++buckets.back();
}

void StatsBoard::count_prompt(int64_t tokens) {
    next_.prompt_tokens += tokens;
}

void StatsBoard::count_time(double step_seconds, double forward_seconds) {
    next_.step_seconds += step_seconds;
    next_.forward_seconds += forward_seconds;
}

void StatsBoard::count_finished(FinishReason reason) {
    ++(reason == FinishReason::stop ? next_.requests_finished_stop : next_.requests_finished_length);
}

void StatsBoard::count_failed(ErrorKind kind) {
    ++(kind == ErrorKind::cancelled ? next_.requests_cancelled : next_.requests_failed);
}

void StatsBoard::publish(const scheduler::Counts& counts, int64_t waiting, const kernels::OpCounters& ops,
                         bool busy) {
    next_.waiting = waiting;
    next_.running = counts.running;
    next_.blocks_total = counts.blocks_total;
    next_.blocks_used = counts.blocks_used;
    next_.blocks_cached = counts.blocks_cached;
    next_.prefix_queries = counts.prefix_queries;
    next_.prefix_hits = counts.prefix_hits;
    next_.preemptions = counts.preemptions;
    next_.moe_ffn_calls = ops.moe_ffn;
    next_.dense_ffn_calls = ops.dense_ffn;
    next_.busy = busy;
    next_.last_step = std::chrono::steady_clock::now();
    const std::lock_guard lock(mutex_);
    shown_ = next_;
}

void StatsBoard::publish_experts(const model::ExpertUse& use, bool idle) {
    const auto now = std::chrono::steady_clock::now();
    if (!idle && now - experts_copied_ < kExpertsEvery) return;
    experts_copied_ = now;
    const std::lock_guard lock(mutex_);
    experts_ = use;
}

EngineStats StatsBoard::read(int64_t waiting, bool busy) const {
    const std::lock_guard lock(mutex_);
    EngineStats stats = shown_;
    stats.waiting = waiting;
    stats.busy = busy;
    return stats;
}

model::ExpertUse StatsBoard::read_experts() const {
    const std::lock_guard lock(mutex_);
    return experts_;
}

}  // namespace sluice::engine
