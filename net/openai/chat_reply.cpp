#include "net/openai/dialects.h"
#include "net/openai/message_reply.h"
#include "net/sse.h"

namespace sluice::net::openai {
namespace {

// {"content":[...],"refusal":null}, or null when not asked for.
void write_logprobs(JsonWriter& json, bool wanted, const std::vector<engine::TokenLogprobs>& tokens) {
    json.key("logprobs");
    if (!wanted) {
        json.null();
        return;
    }
    json.begin_object().key("content");
    write_tokens(json, tokens);
    json.key("refusal").null().end_object();
}

constexpr std::string_view kChunk = "chat.completion.chunk", kWhole = "chat.completion";

class ChatReply final : public MessageReply {
  public:
    ChatReply(const Call& call, ReplyHeader header) : MessageReply(call, std::move(header), "call_") {}

    std::string stream_end() const override {
        return openai_stream_end(header_, kChunk, include_usage_ ? &usage_ : nullptr, reasoning_tokens_);
    }
    std::string error_frame(const ApiError& error) const override { return sse_frame(error_body(error)); }

    std::string body() const override {
        std::string out;
        JsonWriter json(out);
        write_head(json, header_, kWhole);
        for (size_t i = 0; i < count_; ++i) whole_choice(json, i);
        json.end_array();
        write_usage(json, usage_, reasoning_tokens_);
        json.end_object();
        return out;
    }

  protected:
    void start(std::string& out) override {
        for (size_t i = 0; i < count_ && stream_; ++i) {
            out += chunk(i, {}, {}, [](JsonWriter& json) {
                json.key("role").text("assistant").key("content").text("");
            });
        }
    }

    void part(size_t index, const chat::AnswerPart& part, const std::vector<engine::TokenLogprobs>& logprobs,
              std::string& out) override {
        if (!stream_ || std::holds_alternative<chat::CallEnded>(part)) return;
        out += chunk(index, {}, logprobs, [&](JsonWriter& json) { write_delta(json, index, part); });
    }

    void end(size_t index, std::string& out) override {
        if (stream_) out += chunk(index, finish_reason(index), {}, [](JsonWriter&) {});
    }

  private:
    template <class Write>
    std::string chunk(size_t index, std::string_view reason,
                      const std::vector<engine::TokenLogprobs>& logprobs, Write write) const {
        std::string out;
        JsonWriter json(out);
        json.begin_object().key("index").integer(static_cast<int64_t>(index)).key("delta").begin_object();
        write(json);
        json.end_object();
        write_logprobs(json, logprobs_ && !logprobs.empty(), logprobs);
        json.key("finish_reason");
        reason.empty() ? json.null() : json.text(reason);
        json.end_object();
        return choice_frame(header_, kChunk, out, include_usage_);
    }

    // The first delta of a call has its id and name, the others arguments.
    void write_delta(JsonWriter& json, size_t index, const chat::AnswerPart& part) const {
        if (const auto* content = std::get_if<chat::ContentDelta>(&part)) {
            json.key("content").text(content->text);
        } else if (const auto* reasoning = std::get_if<chat::ReasoningDelta>(&part)) {
            json.key("reasoning_content").text(reasoning->text);
        } else if (const auto* begun = std::get_if<chat::CallBegun>(&part)) {
            const ToolCall& call = message(index).calls[static_cast<size_t>(begun->index)];
            json.key("tool_calls").begin_array().begin_object().key("index").integer(begun->index);
            json.key("id").text(call.id).key("type").text("function").key("function").begin_object();
            json.key("name").text(call.name).key("arguments").text("");
            json.end_object().end_object().end_array();
        } else if (const auto* arguments = std::get_if<chat::CallArguments>(&part)) {
            json.key("tool_calls").begin_array().begin_object().key("index").integer(arguments->index);
            json.key("function").begin_object().key("arguments").text(arguments->text);
            json.end_object().end_object().end_array();
        }
    }

    void whole_choice(JsonWriter& json, size_t index) const {
        const Message& m = message(index);
        json.begin_object().key("index").integer(static_cast<int64_t>(index)).key("message").begin_object();
        json.key("role").text("assistant").key("content");
        m.content.empty() && !m.calls.empty() ? json.null() : json.text(m.content);
        json.key("refusal").null();
        if (!m.reasoning.empty()) json.key("reasoning_content").text(m.reasoning);
        if (!m.calls.empty()) write_calls(json, m.calls);
        json.end_object();
        write_logprobs(json, logprobs_, m.logprobs);
        json.key("finish_reason").text(finish_reason(index)).end_object();
    }

    static void write_calls(JsonWriter& json, const std::vector<ToolCall>& calls) {
        json.key("tool_calls").begin_array();
        for (const ToolCall& call : calls) {
            json.begin_object().key("id").text(call.id).key("type").text("function");
            json.key("function").begin_object().key("name").text(call.name);
            json.key("arguments").text(call.arguments).end_object().end_object();
        }
        json.end_array();
    }
};

}  // namespace

std::unique_ptr<Reply> make_chat_reply(const Call& call, ReplyHeader header) {
    return std::make_unique<ChatReply>(call, std::move(header));
}

}  // namespace sluice::net::openai
