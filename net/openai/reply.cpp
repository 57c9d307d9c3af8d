#include "net/openai/reply.h"

#include "net/openai/dialects.h"
#include "net/sse.h"

namespace sluice::net::openai {

std::unique_ptr<Reply> Reply::make(const Call& call, ReplyHeader header) {
    if (call.dialect == Dialect::chat) return make_chat_reply(call, std::move(header));
    return make_completion_reply(call, std::move(header));
}

Reply::Reply(const Call& call, ReplyHeader header)
    : stream_(call.stream),
      include_usage_(call.include_usage),
      logprobs_(call.logprobs),
      n_(call.n),
      choices_(call.requests.size() * static_cast<size_t>(call.n)),
      header_(std::move(header)),
      open_(call.requests.size()) {}

void Reply::take(int32_t source, engine::Event event, std::string& out) {
    if (auto* failed = std::get_if<engine::Failed>(&event)) {
        failure_ = std::move(failed->error);
        return;
    }
    if (!started_) start(out);
    started_ = true;
    if (auto* delta = std::get_if<engine::Delta>(&event)) {
        const auto index = static_cast<size_t>(source * n_ + delta->choice);
        if (stream_) {
            if (!delta->text.empty() || !delta->logprobs.empty()) out += frame(delta_choice(index, *delta));
            return;
        }
        Choice& c = choices_[index];
        c.text += delta->text;
        for (auto& entry : delta->logprobs) c.logprobs.push_back(std::move(entry));
    } else if (auto* scored = std::get_if<engine::PromptScored>(&event)) {
        prompt_scored(source, std::move(*scored), out);
    } else if (const auto* end = std::get_if<engine::ChoiceFinished>(&event)) {
        last_reason_ = engine::to_string(end->reason);
        choice(source, end->choice).reason = last_reason_;
        if (stream_)
            out += frame(finish_choice(static_cast<size_t>(source * n_ + end->choice), last_reason_));
    } else if (const auto* finished = std::get_if<engine::Finished>(&event)) {
        usage_.prompt_tokens += finished->usage.prompt_tokens;
        usage_.cached_tokens += finished->usage.cached_tokens;
        usage_.completion_tokens += finished->usage.completion_tokens;
        --open_;
    }
}

void Reply::write_head(JsonWriter& json, std::string_view object) const {
    json.begin_object().key("id").text(header_.id).key("object").text(object);
    json.key("created").integer(header_.created).key("model").text(header_.model);
    json.key("system_fingerprint").text(header_.fingerprint).key("choices").begin_array();
}

void Reply::write_usage(JsonWriter& json) const {
    json.key("usage").begin_object().key("prompt_tokens").integer(usage_.prompt_tokens);
    json.key("completion_tokens").integer(usage_.completion_tokens);
    json.key("total_tokens").integer(int64_t{usage_.prompt_tokens} + usage_.completion_tokens);
    json.key("prompt_tokens_details").begin_object().key("cached_tokens").integer(usage_.cached_tokens);
    json.end_object().end_object();
}

std::string Reply::frame(const std::string& choice) const {
    std::string out;
    JsonWriter json(out);
    write_head(json, chunk_object());
    out += choice;
    json.end_array();
    if (include_usage_) json.key("usage").null();
    json.end_object();
    return sse_frame(out);
}

std::string Reply::stream_end() const {
    std::string out;
    if (include_usage_) {
        JsonWriter json(out);
        write_head(json, chunk_object());
        json.end_array();
        write_usage(json);
        json.end_object();
        out = sse_frame(out);
    }
    return out += kSseDone;
}

std::string Reply::body() const {
    std::string out;
    JsonWriter json(out);
    write_head(json, body_object());
    for (size_t i = 0; i < choices_.size(); ++i) whole_choice(json, i);
    json.end_array();
    write_usage(json);
    json.end_object();
    return out;
}

}  // namespace sluice::net::openai
