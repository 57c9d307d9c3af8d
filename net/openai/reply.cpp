#include "net/openai/reply.h"

#include "net/openai/dialects.h"
#include "net/sse.h"

namespace sluice::net::openai {

std::string_view id_prefix(Dialect dialect) {
    switch (dialect) {
        case Dialect::completions:
            return "cmpl-";
        case Dialect::messages:
            return "msg_";
        case Dialect::embeddings:
            return "embd-";
        case Dialect::responses:
            return "resp_";
        case Dialect::chat:
            break;
    }
    return "chatcmpl-";
}

Error about_prompt(Error error, Dialect dialect) {
    if (error.kind != ErrorKind::context_length_exceeded) return error;
    error.param = "messages";
    if (dialect == Dialect::completions) error.param = "prompt";
    if (dialect == Dialect::responses || dialect == Dialect::embeddings) error.param = "input";
    return error;
}

std::unique_ptr<Reply> Reply::make(const Call& call, ReplyHeader header) {
    switch (call.dialect) {
        case Dialect::completions:
            return make_completion_reply(call, std::move(header));
        case Dialect::messages:
            return make_messages_reply(call, std::move(header));
        case Dialect::embeddings:
            return make_embedding_reply(call, std::move(header));
        case Dialect::responses:
            return make_response_reply(call, std::move(header));
        case Dialect::chat:
            break;
    }
    return make_chat_reply(call, std::move(header));
}

Reply::Reply(const Call& call, ReplyHeader header)
    : stream_(call.stream),
      include_usage_(call.include_usage),
      logprobs_(call.logprobs),
      n_(call.n),
      count_(call.requests.size() * static_cast<size_t>(call.n)),
      header_(std::move(header)),
      open_(call.requests.size()) {}

void Reply::take(int32_t source, engine::Event event, std::string& out) {
    if (auto* failed = std::get_if<engine::Failed>(&event)) {
        failure_ = std::move(failed->error);
        over();
        return;
    }
    if (!started_) start(out);
    started_ = true;
    if (auto* text = std::get_if<engine::Delta>(&event)) {
        delta(index(source, text->choice), std::move(*text), out);
    } else if (auto* scored = std::get_if<engine::PromptScored>(&event)) {
        prompt_scored(source, std::move(*scored), out);
    } else if (auto* vector = std::get_if<engine::Embedded>(&event)) {
        embedded(source, std::move(*vector));
    } else if (const auto* end = std::get_if<engine::ChoiceFinished>(&event)) {
        choice_finished(index(source, end->choice), *end, out);
    } else if (const auto* finished = std::get_if<engine::Finished>(&event)) {
        usage_.prompt_tokens += finished->usage.prompt_tokens;
        usage_.cached_tokens += finished->usage.cached_tokens;
        usage_.completion_tokens += finished->usage.completion_tokens;
        if (--open_ == 0) over();
    }
}

void write_head(JsonWriter& json, const ReplyHeader& header, std::string_view object) {
    json.begin_object().key("id").text(header.id).key("object").text(object);
    json.key("created").integer(header.created).key("model").text(header.model);
    json.key("system_fingerprint").text(header.fingerprint).key("choices").begin_array();
}

void write_usage(JsonWriter& json, const engine::Usage& usage, int64_t reasoning_tokens) {
    json.key("usage").begin_object().key("prompt_tokens").integer(usage.prompt_tokens);
    json.key("completion_tokens").integer(usage.completion_tokens);
    json.key("total_tokens").integer(int64_t{usage.prompt_tokens} + usage.completion_tokens);
    json.key("prompt_tokens_details").begin_object().key("cached_tokens").integer(usage.cached_tokens);
    json.end_object().key("completion_tokens_details").begin_object();
    json.key("reasoning_tokens").integer(reasoning_tokens).end_object().end_object();
}

std::string choice_frame(const ReplyHeader& header, std::string_view object, std::string_view choice,
                         bool null_usage) {
    std::string out;
    JsonWriter json(out);
    write_head(json, header, object);
    out += choice;
    json.end_array();
    if (null_usage) json.key("usage").null();
    json.end_object();
    return sse_frame(out);
}

std::string openai_stream_end(const ReplyHeader& header, std::string_view object, const engine::Usage* usage,
                              int64_t reasoning_tokens) {
    std::string out;
    if (usage) {
        JsonWriter json(out);
        write_head(json, header, object);
        json.end_array();
        write_usage(json, *usage, reasoning_tokens);
        json.end_object();
        out = sse_frame(out);
    }
    return out += kSseDone;
}

}  // namespace sluice::net::openai
