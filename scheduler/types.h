// What goes into the scheduler and what comes out, as plain integers.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace sluice::scheduler {

// Chosen by the caller, unique among live ones; the order of creation decides ties.
struct SequenceId {
    uint64_t v = 0;
    auto operator<=>(const SequenceId&) const = default;
};

struct Limits {
    int32_t max_running = 64;    // sequences that hold blocks at a time
    int32_t step_tokens = 64;    // prompt tokens computed in one step, beside one token for each decode
    int32_t max_waiting = 1024;  // submissions that hold nothing yet
    int32_t max_context = 0;     // prompt + output of one sequence; 0: what fits the pool
    bool prefix_cache = true;
};

// A prompt and how many choices to continue it with. Choices share the prompt's blocks.
struct Submission {
    std::vector<SequenceId> ids;    // one a choice
    std::vector<int32_t> prompt;    // not empty
    int32_t max_new_tokens = 0;     // per choice; 0: compute the prompt, then finish
    int32_t priority = 0;           // higher first; equal: first come
    uint64_t salt = 0;              // cached prefixes are shared within one salt
    bool recompute_prompt = false;  // ignore cached blocks: every prompt row is wanted (prompt logprobs)
};

enum class Admission {
    accepted,
    queue_full,
    too_long,  // can never run: prompt + 1 > max_context, or more choices than max_running
};

// What one step computes of one sequence. Spans stay valid until the next commit().
struct Slice {
    SequenceId id;
    int32_t first = 0;                   // position of the first token
    std::span<const int32_t> tokens;     // the tokens at positions first ..
    std::span<const int32_t> blocks;     // block table of the sequence, covers first + tokens.size()
    std::span<const SequenceId> sample;  // choices to sample from the last row; empty: none yet
};

struct BlockCopy {
    int32_t from = 0;
    int32_t to = 0;
};

struct StepPlan {
    std::vector<BlockCopy> copies;  // to be done first, in order (copy-on-write)
    std::vector<Slice> slices;      // decodes first

    bool empty() const { return slices.empty(); }
};

// One entry for each id in the plan's `sample` lists, in plan order.
struct SampledToken {
    SequenceId id;
    int32_t token = 0;
    bool finished = false;  // this token ends the sequence (end token, stop string, length)
};

struct StepResult {
    std::vector<SampledToken> tokens;
};

struct Counts {
    int64_t waiting = 0;  // submissions
    int64_t running = 0;  // sequences that hold blocks
    int64_t blocks_total = 0;
    int64_t blocks_used = 0;     // held by sequences
    int64_t blocks_cached = 0;   // held by nobody, kept for their contents
    int64_t prefix_queries = 0;  // totals, in tokens
    int64_t prefix_hits = 0;
    int64_t preemptions = 0;
};

}  // namespace sluice::scheduler
