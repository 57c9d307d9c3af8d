// Where the engine thread leaves its figures and other threads read them, without waiting for a step.
#pragma once
#include <mutex>

#include "engine/event.h"
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

    // Any thread.
    EngineStats read(int64_t waiting, bool busy) const;

  private:
    EngineStats next_;  // engine thread only
    mutable std::mutex mutex_;
    EngineStats shown_;
};

}  // namespace sluice::engine
