#include "net/openai/dialects.h"

namespace sluice::net::openai {
namespace {

void write_logprob(JsonWriter& json, const engine::Logprob& entry) {
    json.key("token").text(entry.bytes).key("logprob").number(entry.logprob).key("bytes").begin_array();
    for (const char c : entry.bytes) json.integer(static_cast<unsigned char>(c));
    json.end_array();
}

// {"content":[...],"refusal":null}, or null when not asked for.
void write_logprobs(JsonWriter& json, bool wanted, const std::vector<engine::TokenLogprobs>& tokens) {
    json.key("logprobs");
    if (!wanted) {
        json.null();
        return;
    }
    json.begin_object().key("content").begin_array();
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
    json.end_array().key("refusal").null().end_object();
}

class ChatReply final : public Reply {
  public:
    ChatReply(const Call& call, ReplyHeader header) : Reply(call, std::move(header)) {}

  protected:
    std::string_view chunk_object() const override { return "chat.completion.chunk"; }
    std::string_view body_object() const override { return "chat.completion"; }

    void start(std::string& out) override {
        if (!stream_) return;
        for (size_t i = 0; i < choices_.size(); ++i) {
            std::string choice;
            JsonWriter json(choice);
            json.begin_object().key("index").integer(static_cast<int64_t>(i)).key("delta").begin_object();
            json.key("role").text("assistant").key("content").text("").end_object();
            json.key("logprobs").null().key("finish_reason").null().end_object();
            out += frame(choice);
        }
    }

    void prompt_scored(int32_t, engine::PromptScored, std::string&) override {}  // chat has no echo

    std::string delta_choice(size_t index, engine::Delta& delta) override {
        std::string out;
        JsonWriter json(out);
        json.begin_object().key("index").integer(static_cast<int64_t>(index)).key("delta").begin_object();
        json.key("content").text(delta.text).end_object();
        write_logprobs(json, logprobs_ && !delta.logprobs.empty(), delta.logprobs);
        json.key("finish_reason").null().end_object();
        return out;
    }

    std::string finish_choice(size_t index, std::string_view reason) override {
        std::string out;
        JsonWriter json(out);
        json.begin_object().key("index").integer(static_cast<int64_t>(index)).key("delta").begin_object();
        json.end_object().key("logprobs").null().key("finish_reason").text(reason).end_object();
        return out;
    }

    void whole_choice(JsonWriter& json, size_t index) const override {
        const Choice& c = choices_[index];
        json.begin_object().key("index").integer(static_cast<int64_t>(index)).key("message").begin_object();
        json.key("role").text("assistant").key("content").text(c.text).key("refusal").null().end_object();
        write_logprobs(json, logprobs_, c.logprobs);
        json.key("finish_reason").text(c.reason).end_object();
    }
};

}  // namespace

std::unique_ptr<Reply> make_chat_reply(const Call& call, ReplyHeader header) {
    return std::make_unique<ChatReply>(call, std::move(header));
}

}  // namespace sluice::net::openai
