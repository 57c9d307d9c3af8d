// A model computes logits for a batch. It owns its weights (and through them the file mapping) and its KV
// memory. Thread: engine.
#pragma once
#include <cstdint>
#include <span>

#include "engine/model/expert_use.h"
#include "kernels/backend.h"
#include "kernels/kv_view.h"

namespace sluice::model {

// One step, flat. Built by engine/batch from the scheduler's plan.
struct Batch {
    std::span<const int32_t> tokens;           // [T]
    kernels::BatchView where;                  // positions, block tables
    std::span<const int32_t> logit_rows;       // [R] ascending indices into tokens
    std::span<const int32_t> state_rows = {};  // [S] likewise
};

class Model {
  public:
    virtual ~Model() = default;
    virtual int32_t vocab() const = 0;

    // Writes the KV of every token to its slot and returns logits [R, vocab], the caller's until the next
    // call.
    virtual std::span<float> forward(const Batch& batch) = 0;

    // The hidden states [S, hidden] after the output norm, of the last call. A model may have none to show.
    virtual int32_t hidden() const { return 0; }
    virtual std::span<const float> states() const { return {}; }

    // null: there are no experts.
    virtual const ExpertUse* expert_use() const { return nullptr; }

    // Copies one block's keys and values in all layers (copy-on-write). Before forward of the same step.
    virtual void copy_block(int32_t from, int32_t to) = 0;

    // What computes for it. Between calls of forward its threads are there for what is done with logits.
    virtual kernels::Backend& backend() = 0;
};

}  // namespace sluice::model
