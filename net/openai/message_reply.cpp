#include "net/openai/message_reply.h"

#include <fmt/format.h>

#include <utility>

namespace sluice::net::openai {

namespace {

void write_logprob(JsonWriter& json, const engine::Logprob& entry) {
    json.key("token").text(entry.bytes).key("logprob").number(entry.logprob).key("bytes").begin_array();
    for (const char c : entry.bytes) json.integer(static_cast<unsigned char>(c));
    json.end_array();
}

}  // namespace

void write_tokens(JsonWriter& json, const std::vector<engine::TokenLogprobs>& tokens) {
    json.begin_array();
    for (const engine::TokenLogprobs& token : tokens) {
        json.begin_object();
        write_logprob(json, token.chosen);
        json.key("top_logprobs").begin_array();
        for (const engine::Logprob& entry : token.top) {
            json.begin_object();
            write_logprob(json, entry);
            json.end_object();
        }
        json.end_array().end_object();
    }
    json.end_array();
}

MessageReply::MessageReply(const Call& call, ReplyHeader header, std::string_view call_prefix)
    : Reply(call, std::move(header)), call_prefix_(call_prefix) {
    choices_.reserve(count_);
    for (size_t i = 0; i < count_; ++i) choices_.push_back({{}, chat::AnswerParser(call.answer)});
}

std::string_view MessageReply::finish_reason(size_t index) const {
    const Message& m = choices_[index].message;
    if (m.reason == engine::FinishReason::stop && !m.calls.empty()) return "tool_calls";
    return engine::to_string(m.reason);
}

void MessageReply::delta(size_t index, engine::Delta delta, std::string& out) {
    Choice& choice = choices_[index];
    for (auto& entry : delta.logprobs) choice.waiting.push_back(std::move(entry));
    choice.parser.push(delta.text, parts_);
    if (choice.parser.in_reasoning()) reasoning_tokens_ += static_cast<int64_t>(delta.tokens.size());
    take_parts(index, out);
}

void MessageReply::choice_finished(size_t index, const engine::ChoiceFinished& finished, std::string& out) {
    Choice& choice = choices_[index];
    choice.message.reason = finished.reason;
    choice.message.stop_string = finished.stop_string;
    choice.parser.finish(parts_);
    parse_failures_ += choice.parser.parse_failures();
    take_parts(index, out);
    if (!choice.waiting.empty() && choice.message.calls.empty()) {  // tokens that gave no text
        parts_.emplace_back(chat::ContentDelta{});
        take_parts(index, out);
    }
    end(index, out);
}

// Logprobs go out with the first content that comes after their token; those of reasoning and calls are
// dropped with them.
void MessageReply::take_parts(size_t index, std::string& out) {
    Choice& choice = choices_[index];
    for (const chat::AnswerPart& one : parts_) {
        const auto logprobs = std::exchange(choice.waiting, {});
        add(choice, index, one);
        const bool content = std::holds_alternative<chat::ContentDelta>(one);
        if (content) {
            auto& kept = choice.message.logprobs;
            kept.insert(kept.end(), logprobs.begin(), logprobs.end());
        }
        part(index, one, content ? logprobs : std::vector<engine::TokenLogprobs>{}, out);
    }
    parts_.clear();
}

void MessageReply::add(Choice& choice, size_t index, const chat::AnswerPart& part) {
    Message& m = choice.message;
    if (const auto* content = std::get_if<chat::ContentDelta>(&part)) {
        m.content += content->text;
    } else if (const auto* reasoning = std::get_if<chat::ReasoningDelta>(&part)) {
        m.reasoning += reasoning->text;
    } else if (const auto* call = std::get_if<chat::CallBegun>(&part)) {
        const std::string_view random =
            std::string_view(header_.id).substr(header_.id.find_first_of("-_") + 1);
        m.calls.push_back(
            {fmt::format("{}{}_{}_{}", call_prefix_, random, index, call->index), call->name, {}});
    } else if (const auto* arguments = std::get_if<chat::CallArguments>(&part)) {
        m.calls[static_cast<size_t>(arguments->index)].arguments += arguments->text;
    }
}

}  // namespace sluice::net::openai
