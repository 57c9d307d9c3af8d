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
    // Which logit rows of the batch belong to a slice: rows() says so in plan order.
    struct Rows {
        int32_t first = 0;  // row in the logits
        int32_t count = 0;  // 0: none wanted; 1: the slice's last token; else one for each of its tokens
    };

    // wants_all_rows(id): the logits of every token of this sequence are wanted, not only of the last.
    model::Batch build(const scheduler::StepPlan& plan,
                       const std::function<bool(scheduler::SequenceId)>& wants_all_rows);

    const std::vector<Rows>& rows() const { return rows_; }

  private:
    void add(const scheduler::Slice& slice, bool all_rows);

    std::vector<int32_t> tokens_, positions_, table_begin_, block_ids_, logit_rows_;
    std::vector<Rows> rows_;
};

}  // namespace sluice::engine
