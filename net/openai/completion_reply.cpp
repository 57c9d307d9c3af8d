#include <algorithm>

#include "net/openai/dialects.h"
#include "net/sse.h"

namespace sluice::net::openai {
namespace {

int64_t code_points(std::string_view text) {
    return std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; });
}

// top_logprobs of one token: the likeliest, and the chosen one among them. Tokens with equal text appear
// once.
void write_top(JsonWriter& json, const engine::TokenLogprobs& token) {
    if (token.first_of_prompt) {
        json.null();
        return;
    }
    json.begin_object();
    std::vector<std::string> seen;
    const auto write = [&](const engine::Logprob& entry) {
        std::string text = valid_utf8(entry.bytes);
        if (std::find(seen.begin(), seen.end(), text) != seen.end()) return;
        json.key(text).number(entry.logprob);
        seen.push_back(std::move(text));
    };
    for (const engine::Logprob& entry : token.top) write(entry);
    write(token.chosen);
    json.end_object();
}

// {"tokens","token_logprobs","top_logprobs","text_offset"}; `offset` moves on by what is written.
void write_logprobs(JsonWriter& json, const std::vector<engine::TokenLogprobs>& tokens, int64_t& offset) {
    json.begin_object().key("tokens").begin_array();
    for (const auto& token : tokens) json.text(token.chosen.bytes);
    json.end_array().key("token_logprobs").begin_array();
    for (const auto& token : tokens) token.first_of_prompt ? json.null() : json.number(token.chosen.logprob);
    json.end_array().key("top_logprobs").begin_array();
    for (const auto& token : tokens) write_top(json, token);
    json.end_array().key("text_offset").begin_array();
    for (const auto& token : tokens) {
        json.integer(offset);
        offset += code_points(valid_utf8(token.chosen.bytes));
    }
    json.end_array().end_object();
}

constexpr std::string_view kObject = "text_completion";  // of chunks too

class CompletionReply final : public Reply {
  public:
    CompletionReply(const Call& call, ReplyHeader header)
        : Reply(call, std::move(header)), echo_texts_(call.echo_texts), choices_(count_) {}

    std::string stream_end() const override {
        return openai_stream_end(header_, kObject, include_usage_ ? &usage_ : nullptr, 0);
    }
    std::string error_frame(const ApiError& error) const override { return sse_frame(error_body(error)); }

    std::string body() const override {
        std::string out;
        JsonWriter json(out);
        write_head(json, header_, kObject);
        for (size_t i = 0; i < count_; ++i) whole_choice(json, i);
        json.end_array();
        write_usage(json, usage_, 0);
        json.end_object();
        return out;
    }

  protected:
    // The echo comes at once, or together with the prompt's logprobs when these are wanted.
    void start(std::string& out) override {
        for (size_t i = 0; i < count_ && !echo_texts_.empty(); ++i) {
            choices_[i].text = echo_text(i);
            if (stream_ && !logprobs_) out += piece(i, echo_text(i), {}, {});
        }
    }

    void prompt_scored(int32_t source, engine::PromptScored scored, std::string& out) override {
        for (int32_t k = 0; k < n_; ++k) {
            const size_t i = index(source, k);
            if (stream_) {
                out += piece(i, echo_text(i), scored.logprobs, {});
            } else {
                choices_[i].logprobs = scored.logprobs;
            }
        }
    }

    void delta(size_t index, engine::Delta delta, std::string& out) override {
        if (stream_) {
            if (!delta.text.empty() || !delta.logprobs.empty())
                out += piece(index, delta.text, delta.logprobs, {});
            return;
        }
        Choice& c = choices_[index];
        c.text += delta.text;
        for (auto& entry : delta.logprobs) c.logprobs.push_back(std::move(entry));
    }

    void choice_finished(size_t index, const engine::ChoiceFinished& end, std::string& out) override {
        choices_[index].reason = engine::to_string(end.reason);
        if (stream_) out += piece(index, "", {}, choices_[index].reason);
    }

  private:
    struct Choice {
        std::string text;
        std::vector<engine::TokenLogprobs> logprobs;
        std::string_view reason;
        int64_t text_offset = 0;  // code points of the tokens before
    };

    void whole_choice(JsonWriter& json, size_t index) const {
        const Choice& c = choices_[index];
        json.begin_object().key("text").text(c.text).key("index").integer(static_cast<int64_t>(index));
        json.key("logprobs");
        int64_t offset = 0;
        if (logprobs_) {
            write_logprobs(json, c.logprobs, offset);
        } else {
            json.null();
        }
        json.key("finish_reason").text(c.reason).end_object();
    }

    const std::string& echo_text(size_t choice) const {
        return echo_texts_[choice / static_cast<size_t>(n_)];
    }

    std::string piece(size_t index, std::string_view text, const std::vector<engine::TokenLogprobs>& logprobs,
                      std::string_view reason) {
        std::string out;
        JsonWriter json(out);
        json.begin_object().key("text").text(text).key("index").integer(static_cast<int64_t>(index));
        json.key("logprobs");
        if (logprobs_ && !logprobs.empty()) {
            write_logprobs(json, logprobs, choices_[index].text_offset);
        } else {
            json.null();
        }
        json.key("finish_reason");
        reason.empty() ? json.null() : json.text(reason);
        json.end_object();
        return choice_frame(header_, kObject, out, include_usage_);
    }

    const std::vector<std::string> echo_texts_;
    std::vector<Choice> choices_;
};

}  // namespace

std::unique_ptr<Reply> make_completion_reply(const Call& call, ReplyHeader header) {
    return std::make_unique<CompletionReply>(call, std::move(header));
}

}  // namespace sluice::net::openai
