// Decides what each step computes. Pure integers: no clock, no thread, no I/O; the same calls give the same
// plans. Policy: decodes first, then prompt chunks within step_tokens, by priority, then age. When the pool
// is full the lowest-priority youngest sequence gives up its blocks and recomputes later (preemption). Owns
// block pool, prefix index and sequences. Thread: engine.
//   submit* / cancel*  ->  plan()  ->  (compute)  ->  commit()  ->  ...
#pragma once
#include <cstdint>
#include <limits>
#include <memory>

#include "scheduler/types.h"

namespace sluice::scheduler {

class Scheduler {
  public:
    // hash_bits: see kvcache::PrefixIndex; less than 64 only in tests.
    Scheduler(const Limits& limits, int32_t num_blocks, int hash_bits = 64);
    ~Scheduler();

    Admission submit(Submission submission);

    // Forgets a sequence (one choice) in any state and frees its blocks; unknown ids are ignored. Between
    // plan() and commit() only to give the plan up: then every planned sequence must be cancelled.
    void cancel(SequenceId id);

    // prompt_tokens: bound for this step, below step_tokens; 0: only decodes. Empty when nothing can run,
    // which with live sequences never happens unless it is 0. Valid until the next one.
    const StepPlan& plan(int32_t prompt_tokens = std::numeric_limits<int32_t>::max());

    // Advances what the last plan computed. Finished sequences are gone afterwards.
    void commit(const StepResult& result);

    bool idle() const;  // no live sequence
    Counts counts() const;
    int32_t cached_prompt_tokens(
        SequenceId id) const;     // of the prompt, found in the cache at first admission; 0: unknown
    int32_t max_context() const;  // after the pool's bound

    // SLUICE_CHECKs that reference counts equal holders and free + cached + held = total (tests; slow).
    void check_integrity() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace sluice::scheduler
