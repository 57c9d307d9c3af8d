// Answers of /v1/messages: blocks of text, thinking and tool use, each closed before the next one opens.
#include "net/openai/dialects.h"
#include "net/openai/message_reply.h"
#include "net/sse.h"

namespace sluice::net::openai {
namespace {

enum class Kind : uint8_t { text, thinking, tool_use };

struct Block {
    Kind kind;
    std::string text;  // of a tool_use: its input
    std::string id = {}, name = {};
};

class MessagesReply final : public MessageReply {
  public:
    MessagesReply(const Call& call, ReplyHeader header)
        : MessageReply(call, std::move(header), "toolu_"),
          prompt_tokens_(static_cast<int64_t>(call.requests.front().prompt.size())) {}

    std::string stream_end() const override {
        std::string data;
        JsonWriter json(data);
        json.begin_object().key("type").text("message_delta").key("delta").begin_object();
        write_stop(json);
        json.end_object();
        write_usage(json, usage_);
        json.end_object();
        return sse_event("message_delta", data) + sse_event("message_stop", R"({"type":"message_stop"})");
    }

    std::string error_frame(const ApiError& error) const override {
        return sse_event("error", anthropic_error_body(error, header_.request_id));
    }

    std::string body() const override {
        std::string out;
        JsonWriter json(out);
        write_message_head(json);
        for (const Block& block : blocks_) write_block(json, block, true);
        json.end_array();
        write_stop(json);
        write_usage(json, usage_);
        json.end_object();
        return out;
    }

  protected:
    void start(std::string& out) override {
        if (!stream_) return;
        std::string data;
        JsonWriter json(data);
        json.begin_object().key("type").text("message_start").key("message");
        write_message_head(json);
        json.end_array().key("stop_reason").null().key("stop_sequence").null();
        engine::Usage so_far;  // what of the prompt was cached is known at the end
        so_far.prompt_tokens = static_cast<int32_t>(prompt_tokens_);
        write_usage(json, so_far);
        json.end_object().end_object();
        out += sse_event("message_start", data) + sse_event("ping", R"({"type":"ping"})");
    }

    void part(size_t, const chat::AnswerPart& part, const std::vector<engine::TokenLogprobs>&,
              std::string& out) override {
        if (const auto* content = std::get_if<chat::ContentDelta>(&part)) {
            grow(Kind::text, content->text, out);
        } else if (const auto* reasoning = std::get_if<chat::ReasoningDelta>(&part)) {
            grow(Kind::thinking, reasoning->text, out);
        } else if (const auto* begun = std::get_if<chat::CallBegun>(&part)) {
            const ToolCall& call = message(0).calls[static_cast<size_t>(begun->index)];
            open({Kind::tool_use, {}, call.id, call.name}, out);
        } else if (const auto* arguments = std::get_if<chat::CallArguments>(&part)) {
            grow(Kind::tool_use, arguments->text, out);
        } else {
            close(out);
        }
    }

    void end(size_t, std::string& out) override { close(out); }

  private:
    void open(Block block, std::string& out) {
        close(out);
        blocks_.push_back(std::move(block));
        open_ = true;
        if (stream_) {
            out += event("content_block_start", "content_block",
                         [this](JsonWriter& json) { write_block(json, blocks_.back(), false); });
        }
    }

    void grow(Kind kind, const std::string& text, std::string& out) {
        if (text.empty()) return;
        if (!open_ || blocks_.back().kind != kind) open({kind, {}}, out);
        blocks_.back().text += text;
        if (!stream_) return;
        constexpr std::string_view kTypes[] = {"text_delta", "thinking_delta", "input_json_delta"};
        constexpr std::string_view kFields[] = {"text", "thinking", "partial_json"};
        out += block_delta(kTypes[static_cast<size_t>(kind)], kFields[static_cast<size_t>(kind)], text);
    }

    void close(std::string& out) {
        if (!open_) return;
        open_ = false;
        if (!stream_) return;
        if (blocks_.back().kind == Kind::thinking)
            out += block_delta("signature_delta", "signature", kSignature);
        out += event("content_block_stop", {}, [](JsonWriter&) {});
    }

    std::string block_delta(std::string_view type, std::string_view field, std::string_view text) const {
        return event("content_block_delta", "delta", [&](JsonWriter& json) {
            json.begin_object().key("type").text(type).key(field).text(text).end_object();
        });
    }

    // An event about the last block.
    template <class Write>
    std::string event(std::string_view type, std::string_view field, Write write) const {
        std::string data;
        JsonWriter json(data);
        json.begin_object().key("type").text(type);
        json.key("index").integer(static_cast<int64_t>(blocks_.size()) - 1);
        if (!field.empty()) json.key(field);
        write(json);
        json.end_object();
        return sse_event(type, data);
    }

    // whole: with what it holds; else as it begins.
    static void write_block(JsonWriter& json, const Block& block, bool whole) {
        const std::string_view text = whole ? std::string_view(block.text) : std::string_view();
        json.begin_object().key("type");
        switch (block.kind) {
            case Kind::text:
                json.text("text").key("text").text(text);
                break;
            case Kind::thinking:
                json.text("thinking").key("thinking").text(text);
                json.key("signature").text(whole ? kSignature : "");
                break;
            case Kind::tool_use:
                json.text("tool_use").key("id").text(block.id).key("name").text(block.name).key("input");
                json.raw(is_object(text) ? text : "{}");
        }
        json.end_object();
    }

    // A call that max_tokens cut has half an object.
    static bool is_object(std::string_view text) {
        constexpr int32_t kDepth = 1000;
        const auto parsed = parse_json(text, kDepth);
        return parsed && parsed->is_object();
    }

    void write_message_head(JsonWriter& json) const {  // opens `content`
        json.begin_object().key("id").text(header_.id).key("type").text("message");
        json.key("role").text("assistant").key("model").text(header_.model).key("content").begin_array();
    }

    void write_stop(JsonWriter& json) const {
        const Message& m = message(0);
        std::string_view reason = "end_turn";
        if (m.reason == engine::FinishReason::length) reason = "max_tokens";
        if (!m.stop_string.empty()) reason = "stop_sequence";
        if (finish_reason(0) == "tool_calls") reason = "tool_use";
        json.key("stop_reason").text(reason).key("stop_sequence");
        reason == "stop_sequence" ? json.text(m.stop_string) : json.null();
    }

    static void write_usage(JsonWriter& json, const engine::Usage& usage) {
        json.key("usage").begin_object();
        json.key("input_tokens").integer(usage.prompt_tokens - usage.cached_tokens);
        json.key("cache_read_input_tokens").integer(usage.cached_tokens);
        json.key("cache_creation_input_tokens").integer(0);
        json.key("output_tokens").integer(usage.completion_tokens).end_object();
    }

    static constexpr std::string_view kSignature = "sluice";  // clients send it back; nobody checks it
    const int64_t prompt_tokens_;
    std::vector<Block> blocks_;
    bool open_ = false;  // the last block
};

}  // namespace

std::unique_ptr<Reply> make_messages_reply(const Call& call, ReplyHeader header) {
    return std::make_unique<MessagesReply>(call, std::move(header));
}

}  // namespace sluice::net::openai
