// Turns the events of a call into what the client reads: SSE frames when streaming, else one object at the
// end. Pure: events in, text out; the session does the sending. One per call, session only.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/event.h"
#include "net/http_error.h"
#include "net/json.h"
#include "net/openai/call.h"

namespace sluice::net::openai {

struct ReplyHeader {
    std::string id;
    int64_t created = 0;
    std::string model;
    std::string fingerprint;
    std::string request_id = {};
};
std::string_view id_prefix(Dialect dialect);
// What the engine refuses, with the field that has it.
Error about_prompt(Error error, Dialect dialect);

class Reply {
  public:
    static std::unique_ptr<Reply> make(const Call& call, ReplyHeader header);
    virtual ~Reply() = default;

    // Streaming: appends the frames that the event makes to `out`. Always remembers what body() needs.
    void take(int32_t source, engine::Event event, std::string& out);

    bool ended() const { return open_ == 0 || failure_.has_value(); }
    const std::optional<Error>& failure() const { return failure_; }
    const engine::Usage& usage() const { return usage_; }
    int64_t parse_failures() const { return parse_failures_; }  // tool calls given back as text

    virtual std::string stream_end() const = 0;  // after the last event
    // The stream ends here without an answer; nothing follows.
    virtual std::string error_frame(const ApiError& error) const = 0;
    virtual std::string body() const = 0;  // the whole answer

  protected:
    Reply(const Call& call, ReplyHeader header);
    size_t index(int32_t source, int32_t choice) const {
        return static_cast<size_t>(source) * static_cast<size_t>(n_) + static_cast<size_t>(choice);
    }

    virtual void start(std::string& out) = 0;  // frames before the first token
    virtual void prompt_scored(int32_t source, engine::PromptScored scored, std::string& out) = 0;
    virtual void embedded(int32_t, engine::Embedded) {}  // of embeddings only
    virtual void delta(size_t index, engine::Delta delta, std::string& out) = 0;
    virtual void choice_finished(size_t index, const engine::ChoiceFinished& end, std::string& out) = 0;
    virtual void over() {}  // ended() from now on; before the last bytes go out

    const bool stream_, include_usage_, logprobs_;
    const int32_t n_;
    const size_t count_;  // choices of all prompts
    const ReplyHeader header_;
    engine::Usage usage_;
    int64_t reasoning_tokens_ = 0;
    int64_t parse_failures_ = 0;

  private:
    size_t open_;
    bool started_ = false;
    std::optional<Error> failure_;
};

// The shapes that chat and completions share.
void write_head(JsonWriter& json, const ReplyHeader& header, std::string_view object);  // opens `choices`
void write_usage(JsonWriter& json, const engine::Usage& usage, int64_t reasoning_tokens);
std::string choice_frame(const ReplyHeader& header, std::string_view object, std::string_view choice,
                         bool null_usage);
std::string openai_stream_end(const ReplyHeader& header, std::string_view object, const engine::Usage* usage,
                              int64_t reasoning_tokens);

}  // namespace sluice::net::openai
