#include "engine/batch.h"

namespace sluice::engine {

model::Batch BatchBuilder::build(const scheduler::StepPlan& plan,
                                 const std::function<Wanted(scheduler::SequenceId)>& wanted) {
    for (auto* v : {&tokens_, &positions_, &table_begin_, &block_ids_, &logit_rows_, &state_rows_})
        v->clear();
    rows_.clear();
    for (const scheduler::Slice& slice : plan.slices) add(slice, wanted(slice.id));
    return {tokens_, {positions_, table_begin_, block_ids_}, logit_rows_, state_rows_};
}

void BatchBuilder::add(const scheduler::Slice& slice, Wanted wanted) {
    const auto table = static_cast<int32_t>(block_ids_.size());
    const auto count = static_cast<int32_t>(slice.tokens.size());
    const auto begin = static_cast<int32_t>(tokens_.size());
    block_ids_.insert(block_ids_.end(), slice.blocks.begin(), slice.blocks.end());
    tokens_.insert(tokens_.end(), slice.tokens.begin(), slice.tokens.end());
    table_begin_.insert(table_begin_.end(), slice.tokens.size(), table);
    for (int32_t i = 0; i < count; ++i) positions_.push_back(slice.first + i);

    const int32_t logits = wanted.logits ? count : (slice.sample.empty() ? 0 : 1);
    const int32_t states = wanted.states ? count : 0;
    rows_.push_back(
        {static_cast<int32_t>(logit_rows_.size()), logits, static_cast<int32_t>(state_rows_.size()), states});
    for (int32_t i = count - logits; i < count; ++i) logit_rows_.push_back(begin + i);
    for (int32_t i = count - states; i < count; ++i) state_rows_.push_back(begin + i);
}

}  // namespace sluice::engine
