// What a scripted model answers to which conversation, and where its tokens begin and end. The rules are in a
// JSON list, first match wins: {"when": [texts of the last user turn], "anywhere": [texts of the prompt],
// "turn": answers given so far, "say": [pieces], or "text": "..." with "cut": "bytes", N or "random:SEED",
// "delay_ms": N}. Every condition may be absent. A user can also write the answer into the message itself:
// [[say:BASE64]], more of them for the turns after it, with [[cut:...]] and [[delay:MS]].
// Immutable after parse(); any thread.
#pragma once
#include <boost/json/value.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/result.h"

namespace sluice::test {

// How a text falls into tokens: pieces of so many bytes, or of 1 to 8 as a seed has it. The tags of calls and
// thoughts are tokens of their own, in random cuts only some of them; "!" after the cut: none.
struct Cut {
    size_t bytes = 1;
    uint64_t seed = 0;  // with bytes 0
    bool tags = true;

    static Result<Cut> parse(std::string_view text);
};

struct ScriptedAnswer {
    std::string text;
    std::vector<size_t> ends;  // of its tokens, ascending; the last is the end of the text
    int delay_ms = 0;          // before each token

    std::string_view next(size_t from) const;  // from `from` to the end of the token there
};
ScriptedAnswer cut_answer(std::string text, const Cut& cut, int delay_ms);

inline constexpr std::string_view kTags[] = {"<think>", "</think>", "<tool_call>", "</tool_call>"};

struct Turn {
    std::string role, text;
};
// A prompt as the model reads it: its closed turns, and what has been said since.
struct Conversation {
    std::vector<Turn> turns;  // empty: raw text, all of it in `said`
    std::string said;
};

class Script {
  public:
    static Result<Script> parse(const boost::json::value& rules);

    // The answer, of which conversation.said is the beginning when it goes as the script has it; said loses
    // what the template wrote for the model. An empty text without ends: raw text that asks for nothing.
    ScriptedAnswer answer(Conversation& conversation) const;

    std::vector<std::string> pieces() const;  // that the rules name

  private:
    struct Rule {
        std::vector<std::string> when, anywhere;
        int64_t turn = -1;
        ScriptedAnswer answer;

        bool matches(const Conversation& conversation) const;
    };
    static Result<Rule> parse_rule(const boost::json::object& rule);

    std::vector<Rule> rules_;
};

}  // namespace sluice::test
