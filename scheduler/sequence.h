// One sequence inside the scheduler: what is known of it and what of that is in the cache. Before its prompt
// is computed it stands for all its choices; then it forks into one for each. Thread: engine.
#pragma once
#include <algorithm>
#include <compare>
#include <cstdint>
#include <vector>

#include "kvcache/block_table.h"
#include "kvcache/prefix_index.h"
#include "scheduler/types.h"

namespace sluice::scheduler {

// Who goes first: higher priority, then earlier, then the lower choice.
struct Rank {
    int32_t priority = 0;
    uint64_t order = 0;
    int32_t choice = 0;
    bool before(const Rank& o) const {
        if (priority != o.priority) return priority > o.priority;
        return order != o.order ? order < o.order : choice < o.choice;
    }
};

struct Sequence {
    SequenceId key;                   // under which the scheduler owns it
    std::vector<SequenceId> choices;  // more than one only before the fork
    Rank rank;
    std::vector<int32_t> tokens;  // prompt, then what was generated
    int32_t prompt_tokens = 0;
    int32_t max_new_tokens = 0;
    uint64_t salt = 0;
    bool recompute_prompt = false;

    int32_t computed = 0;  // tokens whose keys and values are in the cache
    kvcache::BlockTable table;
    kvcache::PrefixIndex::Node node;  // where in the prefix index the next full block goes
    int32_t indexed_blocks = 0;
    bool indexable = true;      // false: the chain in the index is broken
    bool started = false;       // has been admitted once
    bool running = false;       // holds blocks
    bool planned = false;       // has a slice in the current plan
    int32_t planned_count = 0;  // of so many tokens
    int32_t cached_prompt_tokens = 0;

    int32_t length() const { return static_cast<int32_t>(tokens.size()); }
    int32_t missing() const { return length() - computed; }
    int32_t generated() const { return length() - prompt_tokens; }
    bool decoding() const { return generated() > 0 && missing() == 1; }
};

}  // namespace sluice::scheduler
