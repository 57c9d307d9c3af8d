// Where the engine thread leaves its figures and other threads read them, without waiting for a step.
#pragma once
#include <chrono>
#include <mutex>

#include "engine/event.h"
#include "engine/model/expert_use.h"
#include "engine/stats.h"
#include "kernels/backend.h"
#include "scheduler/types.h"

namespace sluice::engine {

class StatsBoard {
  public:
    StatsBoard();

    // Engine thread.
    void count_step(int64_t batch_tokens, int64_t sampled_tokens);
    void count_prompt(int64_t tokens);
    void count_time(double step_seconds, double forward_seconds);
    void count_finished(FinishReason reason);
    void count_failed(ErrorKind kind);
    void publish(const scheduler::Counts& counts, int64_t waiting, const kernels::OpCounters& ops, bool busy);
    // Of big models these are many: they are copied a few times a second, and when the engine falls idle.
    void publish_experts(const model::ExpertUse& use, bool idle);

    // Any thread.
    EngineStats read(int64_t waiting, bool busy) const;
    model::ExpertUse read_experts() const;

  private:
    EngineStats next_;  // engine thread only
    mutable std::mutex mutex_;
    EngineStats shown_;
    model::ExpertUse experts_;
    std::chrono::steady_clock::time_point experts_copied_;  // engine thread only
};

}  // namespace sluice::engine
