// What the dialects of conversations share: each choice's text is read as a message (reasoning, content, tool
// calls) while it comes. Subclasses say how new parts look on the wire.
#pragma once
#include <string>
#include <vector>

#include "engine/chat/answer_parser.h"
#include "net/openai/reply.h"

namespace sluice::net::openai {

struct ToolCall {
    std::string id, name, arguments;
};

// A choice's answer so far.
struct Message {
    std::string content, reasoning;
    std::vector<ToolCall> calls;
    std::vector<engine::TokenLogprobs> logprobs;  // of the content's tokens
    engine::FinishReason reason = engine::FinishReason::stop;
    std::string stop_string;
};

// [{"token","logprob","bytes","top_logprobs"}, ...]
void write_tokens(JsonWriter& json, const std::vector<engine::TokenLogprobs>& tokens);

class MessageReply : public Reply {
  protected:
    MessageReply(const Call& call, ReplyHeader header, std::string_view call_prefix);

    const Message& message(size_t index) const { return choices_[index].message; }
    // stop and a call: "tool_calls".
    std::string_view finish_reason(size_t index) const;

    // One part, already in message(index). `logprobs` are its tokens' (content only).
    virtual void part(size_t index, const chat::AnswerPart& part,
                      const std::vector<engine::TokenLogprobs>& logprobs, std::string& out) = 0;
    // The choice has ended: reason and stop_string are set.
    virtual void end(size_t index, std::string& out) = 0;

  private:
    struct Choice {
        Message message;
        chat::AnswerParser parser;
        std::vector<engine::TokenLogprobs> waiting = {};  // of text that the parser still holds back
    };
    void prompt_scored(int32_t, engine::PromptScored, std::string&) final {}  // chat has no echo
    void delta(size_t index, engine::Delta delta, std::string& out) final;
    void choice_finished(size_t index, const engine::ChoiceFinished& end, std::string& out) final;
    void take_parts(size_t index, std::string& out);
    void add(Choice& choice, size_t index, const chat::AnswerPart& part);

    const std::string call_prefix_;
    std::vector<Choice> choices_;
    std::vector<chat::AnswerPart> parts_;  // kept for its memory
};

}  // namespace sluice::net::openai
