// A generation as the engine takes it: tokens in, events out. Immutable once submitted.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/event.h"
#include "engine/grammar/constraint.h"
#include "engine/options.h"
#include "engine/sampling/params.h"

namespace sluice::engine {

using RequestKey = uint64_t;  // given by Engine::submit

struct Request {
    std::vector<int32_t> prompt;  // at least one token
    sampling::Params sampling;
    int32_t n = 1;           // choices; they share the prompt's blocks
    int32_t max_tokens = 0;  // per choice; 0: score the prompt only; above the free context: clamped
    int32_t min_tokens = 0;  // no end-of-text before
    bool ignore_eos = false;
    bool prompt_logprobs = false;
    Pooling pooling = Pooling::none;                  // else: Embedded comes, and no tokens; n is 1
    std::vector<std::string> stop;                    // cut from the text
    std::vector<int32_t> stop_tokens;                 // beside the model's own end tokens
    std::shared_ptr<grammar::Constraint> constraint;  // what the text may be; null: anything
    int32_t priority = 0;                             // higher goes first
    std::string cache_salt;                           // requests share cached prefixes only within one salt
    std::optional<Clock::time_point> deadline;        // then Failed{deadline_exceeded}
    std::shared_ptr<EventSink> sink;
};

}  // namespace sluice::engine
