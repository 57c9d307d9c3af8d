// Flattens a scheduler plan into the arrays that a model reads. Buffers are kept from step to step.
// Thread: engine.
#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "engine/model/model.h"
#include "scheduler/types.h"

namespace sluice::engine {

class BatchBuilder {
  public:
    // Which rows of the logits and of the hidden states belong to a slice: rows() says so in plan order.
    struct Rows {
        int32_t first = 0;  // row in the logits
        int32_t count = 0;  // 0: none wanted; 1: the slice's last token; else one for each of its tokens
        int32_t first_state = 0, states = 0;  // likewise; none, or one for each token
    };
    // Of every token of a sequence, and not only the last one's logits for sampling.
    struct Wanted {
        bool logits = false, states = false;
    };

    model::Batch build(const scheduler::StepPlan& plan,
                       const std::function<Wanted(scheduler::SequenceId)>& wanted);

    const std::vector<Rows>& rows() const { return rows_; }

  private:
    void add(const scheduler::Slice& slice, Wanted wanted);

    std::vector<int32_t> tokens_, positions_, table_begin_, block_ids_, logit_rows_, state_rows_;
    std::vector<Rows> rows_;
};

}  // namespace sluice::engine
