// Turns the events of a call into what the client reads: one SSE frame a token when streaming, else one
// object at the end. Pure: events in, text out; the session does the sending. One per call, session only.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/event.h"
#include "net/json.h"
#include "net/openai/call.h"

namespace sluice::net::openai {

struct ReplyHeader {
    std::string id;
    int64_t created = 0;
    std::string model;
    std::string fingerprint;
};

class Reply {
  public:
    static std::unique_ptr<Reply> make(const Call& call, ReplyHeader header);
    virtual ~Reply() = default;

    // Streaming: appends the frames that the event makes to `out`. Else keeps it.
    void take(int32_t source, engine::Event event, std::string& out);

    bool ended() const { return open_ == 0 || failure_.has_value(); }
    const std::optional<Error>& failure() const { return failure_; }
    const engine::Usage& usage() const { return usage_; }
    const std::string& last_reason() const { return last_reason_; }

    std::string stream_end() const;  // usage if asked for, then [DONE]
    std::string body() const;        // the whole answer

  protected:
    struct Choice {
        std::string text;
        std::vector<engine::TokenLogprobs> logprobs;
        std::string reason;
        int64_t text_offset = 0;  // completions: code points of the tokens before
    };

    Reply(const Call& call, ReplyHeader header);
    std::string frame(const std::string& choice) const;  // one SSE frame around the choice's JSON
    Choice& choice(int32_t source, int32_t index) {
        return choices_[static_cast<size_t>(source * n_ + index)];
    }

    virtual std::string_view chunk_object() const = 0;
    virtual std::string_view body_object() const = 0;
    virtual void start(std::string& out) = 0;  // frames before the first token
    virtual void prompt_scored(int32_t source, engine::PromptScored scored, std::string& out) = 0;
    virtual std::string delta_choice(size_t index, engine::Delta& delta) = 0;
    virtual std::string finish_choice(size_t index, std::string_view reason) = 0;
    virtual void whole_choice(JsonWriter& json, size_t index) const = 0;

    const bool stream_, include_usage_, logprobs_;
    const int32_t n_;
    std::vector<Choice> choices_;  // [prompts * n]

  private:
    void write_head(JsonWriter& json, std::string_view object) const;
    void write_usage(JsonWriter& json) const;

    const ReplyHeader header_;
    size_t open_;
    bool started_ = false;
    engine::Usage usage_;
    std::string last_reason_;
    std::optional<Error> failure_;
};

}  // namespace sluice::net::openai
