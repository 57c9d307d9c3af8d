// What the engine tells about a request. Events of one request arrive in order, from the engine thread;
// the last one is exactly one Finished or Failed, and nothing follows it.
#pragma once
#include <boost/container/small_vector.hpp>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/result.h"

namespace sluice::engine {

using Clock = std::chrono::steady_clock;

struct Logprob {
    int32_t token = 0;
    float logprob = 0;
    std::string bytes = {};  // of the token alone; may be part of a code point
};
struct TokenLogprobs {
    Logprob chosen;
    std::vector<Logprob> top = {};
    bool first_of_prompt = false;  // echo: the first prompt token has no logprob
};

enum class FinishReason { stop, length };
constexpr std::string_view to_string(FinishReason r) {
    return r == FinishReason::stop ? "stop" : "length";
}

// New text of one choice. Whole code points; may be empty while text is held back (stop strings, split
// bytes). One Delta a token and choice: tokens.size() is 1, or more after a merge; 0 when only held-back text
// comes out.
struct Delta {
    int32_t choice = 0;
    std::string text = {};
    boost::container::small_vector<int32_t, 2> tokens = {};  // a step allocates nothing for its tokens
    std::vector<TokenLogprobs> logprobs = {};                // one a token when asked for
};
// Logprobs of the prompt's tokens, before any Delta, when Request::prompt_logprobs is set.
struct PromptScored {
    std::vector<TokenLogprobs> logprobs;  // [prompt length]
};
// What Request::pooling makes of the prompt, scaled to length 1.
struct Embedded {
    std::vector<float> values;  // [hidden]
};
struct ChoiceFinished {
    int32_t choice = 0;
    FinishReason reason = FinishReason::stop;
    std::string stop_string = {};  // the one that matched, if any
};
struct Usage {
    int32_t prompt_tokens = 0;
    int32_t cached_tokens = 0;  // of the prompt, found in the prefix cache
    int32_t completion_tokens = 0;
};
// Where the time of a request went; from its submission on.
struct Timing {
    Clock::duration queued{};     // until a step computed something of it
    Clock::duration prefill{};    // from then to the first token
    Clock::duration inference{};  // from then to the end
};
struct Finished {
    Usage usage;
    Timing timing = {};
};
struct Failed {
    Error error;
};

using Event = std::variant<PromptScored, Embedded, Delta, ChoiceFinished, Finished, Failed>;

// Receives events. Called on the engine thread: must not block, throw or call the engine.
class EventSink {
  public:
    virtual ~EventSink() = default;
    virtual void on_event(Event event) = 0;
};

}  // namespace sluice::engine
