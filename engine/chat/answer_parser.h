// Reads what a model writes as an assistant message: reasoning, content and tool calls, piece by piece while
// it is written. Linear time; any way to cut the text into pieces gives the same message. Value of one
// choice; one thread.
#pragma once
#include <boost/json/array.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sluice::chat {

enum class ToolFormat : uint8_t {
    none,
    hermes_json,  // <tool_call>\n{"name": ..., "arguments": {...}}\n</tool_call>  (Qwen2.5, Qwen3, Hermes)
    qwen3_coder_xml,  // <tool_call>\n<function=NAME>\n<parameter=P>\nVALUE\n</parameter>\n</function>...
    llama3_json,      // {"name": ..., "parameters": {...}} as the whole answer
};

// How a model's answers look, as its chat template shows.
struct AnswerFormat {
    ToolFormat tools = ToolFormat::none;
    bool reasoning = false;  // answers may begin with <think> ... </think>
};
AnswerFormat detect_answer_format(std::string_view template_source);

struct AnswerOptions {
    AnswerFormat format;
    bool in_reasoning = false;  // the prompt ends inside <think>
    bool parse_tools = true;    // false: no tools were offered, or tool_choice none; markup stays text
    bool parallel = true;       // false: only the first call counts
    boost::json::array tools;   // as the client sent them (OpenAI's shape), for argument types
};

struct ContentDelta {
    std::string text;
};
struct ReasoningDelta {
    std::string text;
};
struct CallBegun {  // index is 0, 1, ... without gaps
    int32_t index;
    std::string name;
};
struct CallArguments {  // joined they are one JSON object, unless the text ended within the call
    int32_t index;
    std::string text;
};
struct CallEnded {  // the arguments are complete
    int32_t index;
};
using AnswerPart = std::variant<ContentDelta, ReasoningDelta, CallBegun, CallArguments, CallEnded>;

class AnswerParser {
  public:
    explicit AnswerParser(AnswerOptions options);
    ~AnswerParser();
    AnswerParser(AnswerParser&&) noexcept;

    // Appends what is now certain. `text` is whole code points, control tokens left out.
    void push(std::string_view text, std::vector<AnswerPart>& out);
    // The text has ended, by itself or cut: what was held back. A call stays as it is, unless all that its
    // model forgot by itself is the closing tags.
    void finish(std::vector<AnswerPart>& out, bool cut = false);
    void restart();  // as new, for another answer

    bool in_reasoning() const;       // now
    int32_t parse_failures() const;  // calls that had to be given back as content

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace sluice::chat
