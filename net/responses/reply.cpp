// Answers of /v1/responses: items of reasoning, text and function calls, each closed before the next one
// opens, and events about them that are numbered without gaps.
#include <fmt/format.h>

#include <ctime>

#include "net/openai/dialects.h"
#include "net/openai/message_reply.h"
#include "net/sse.h"

namespace sluice::net::openai {
namespace {

enum class Kind : uint8_t { reasoning, message, function_call };

struct Item {
    Kind kind;
    std::string id;
    std::string text = {};  // of a function_call: its arguments
    std::string call_id = {}, name = {};
    std::vector<engine::TokenLogprobs> logprobs = {};
    std::string_view status = "in_progress";
};

// OpenAI's codes of failed responses.
std::string_view error_code(const ApiError& error) {
    if (error.status == 429) return "rate_limit_exceeded";
    return error.status < 500 ? "invalid_prompt" : "server_error";
}

template <class Write>
std::string event_text(std::string_view type, int64_t number, Write write) {
    std::string data;
    JsonWriter json(data);
    json.begin_object().key("type").text(type).key("sequence_number").integer(number);
    write(json);
    json.end_object();
    return sse_event(type, data);
}

// The text of an item as its one part.
void write_part(JsonWriter& json, const Item& item, bool whole) {
    const bool message = item.kind == Kind::message;
    json.begin_object().key("type").text(message ? "output_text" : "reasoning_text");
    json.key("text").text(whole ? std::string_view(item.text) : std::string_view());
    if (message) {
        json.key("annotations").begin_array().end_array().key("logprobs");
        whole ? write_tokens(json, item.logprobs) : write_tokens(json, {});
    }
    json.end_object();
}

// whole: with what it holds; else as it begins.
void write_item(JsonWriter& json, const Item& item, bool whole, bool over = false) {
    json.begin_object().key("id").text(item.id).key("type");
    if (item.kind == Kind::function_call) {
        json.text("function_call").key("call_id").text(item.call_id).key("name").text(item.name);
        json.key("arguments").text(whole ? std::string_view(item.text) : std::string_view());
    } else {
        const bool message = item.kind == Kind::message;
        json.text(message ? "message" : "reasoning");
        if (message) json.key("role").text("assistant");
        if (!message) json.key("summary").begin_array().end_array();
        json.key("content").begin_array();
        if (whole) write_part(json, item, true);
        json.end_array();
    }
    const bool left_open = over && item.status == "in_progress";
    json.key("status").text(left_open ? "incomplete" : item.status).end_object();
}

class ResponseReply final : public MessageReply {
  public:
    ResponseReply(const Call& call, ReplyHeader header)
        : MessageReply(call, std::move(header), "call_"), request_(call.response) {}

    // The client has left before the end, or has cancelled it.
    ~ResponseReply() override {
        if (is_known() && !ended()) keep("cancelled");
    }

    std::string stream_end() const override {
        return event_text(std::string("response.") += status(), sequence_,
                          [this](JsonWriter& json) { write_response(json.key("response"), status()); });
    }

    // Clients insist on a beginning.
    std::string error_frame(const ApiError& error) const override {
        std::string out;
        int64_t number = sequence_;
        if (!begun_) {
            out = event_text("response.created", number++, [this](JsonWriter& json) {
                write_response(json.key("response"), "in_progress");
            });
        }
        return out += event_text("response.failed", number, [&](JsonWriter& json) {
                   write_response(json.key("response"), "failed", &error);
               });
    }

    std::string body() const override {
        std::string out;
        JsonWriter json(out);
        write_response(json, status());
        return out;
    }

  protected:
    void start(std::string& out) override {
        begun_ = true;
        for (const std::string_view type : {"response.created", "response.in_progress"}) {
            event(out, type,
                  [this](JsonWriter& json) { write_response(json.key("response"), "in_progress"); });
        }
    }

    void part(size_t, const chat::AnswerPart& part, const std::vector<engine::TokenLogprobs>& logprobs,
              std::string& out) override {
        if (const auto* content = std::get_if<chat::ContentDelta>(&part)) {
            grow(Kind::message, content->text, logprobs, out);
        } else if (const auto* reasoning = std::get_if<chat::ReasoningDelta>(&part)) {
            grow(Kind::reasoning, reasoning->text, {}, out);
        } else if (const auto* begun = std::get_if<chat::CallBegun>(&part)) {
            const ToolCall& call = message(0).calls[static_cast<size_t>(begun->index)];
            open({Kind::function_call, new_id("fc"), {}, call.id, call.name}, out);
        } else if (const auto* arguments = std::get_if<chat::CallArguments>(&part)) {
            grow(Kind::function_call, arguments->text, {}, out);
        } else {
            close("completed", out);
        }
    }

    // A call that is still open is half a call, whatever ended the answer.
    void end(size_t, std::string& out) override {
        const bool half = open_ && items_.back().kind == Kind::function_call;
        const bool cut = half || message(0).reason == engine::FinishReason::length;
        close(cut ? "incomplete" : "completed", out);
    }

    void over() override {
        completed_at_ = std::time(nullptr);
        if (is_known()) keep(status());
    }

  private:
    // The client may know the response's name.
    bool is_known() const { return begun_ || request_->background; }

    std::string_view status() const {
        if (failure()) return "failed";
        if (!ended()) return request_->background && !begun_ ? "queued" : "in_progress";
        return message(0).reason == engine::FinishReason::length ? "incomplete" : "completed";
    }

    std::string new_id(std::string_view prefix) const {
        const std::string_view random = std::string_view(header_.id).substr(header_.id.find('_') + 1);
        return fmt::format("{}_{}_{}", prefix, random, items_.size());
    }

    template <class Write>
    void event(std::string& out, std::string_view type, Write write) {
        if (stream_) out += event_text(type, sequence_++, write);
    }

    // An event about the last item; `content`: about its text.
    template <class Write>
    void item_event(std::string& out, std::string_view type, bool content, Write write) {
        event(out, type, [&](JsonWriter& json) {
            json.key("output_index").integer(static_cast<int64_t>(items_.size()) - 1);
            if (type.starts_with("response.output_item")) {
                json.key("item");
            } else {
                json.key("item_id").text(items_.back().id);
            }
            if (content) json.key("content_index").integer(0);
            write(json);
        });
    }

    void open(Item item, std::string& out) {
        close("completed", out);
        items_.push_back(std::move(item));
        open_ = true;
        item_event(out, "response.output_item.added", false,
                   [this](JsonWriter& json) { write_item(json, items_.back(), false); });
        if (items_.back().kind == Kind::function_call) return;
        item_event(out, "response.content_part.added", true,
                   [this](JsonWriter& json) { write_part(json.key("part"), items_.back(), false); });
    }

    void grow(Kind kind, const std::string& text, const std::vector<engine::TokenLogprobs>& logprobs,
              std::string& out) {
        const bool same = open_ && items_.back().kind == kind;
        if (text.empty() && (logprobs.empty() || !same)) return;
        if (!same) open({kind, new_id(kind == Kind::message ? "msg" : "rs")}, out);
        Item& item = items_.back();
        item.text += text;
        if (logprobs_) item.logprobs.insert(item.logprobs.end(), logprobs.begin(), logprobs.end());
        constexpr std::string_view kDeltas[] = {"response.reasoning_text.delta", "response.output_text.delta",
                                                "response.function_call_arguments.delta"};
        item_event(out, kDeltas[static_cast<size_t>(kind)], kind != Kind::function_call,
                   [&](JsonWriter& json) {
                       json.key("delta").text(text);
                       if (kind == Kind::message) write_tokens(json.key("logprobs"), logprobs);
                   });
    }

    void close(std::string_view how, std::string& out) {
        if (!open_) return;
        open_ = false;
        Item& item = items_.back();
        item.status = how;
        if (item.kind == Kind::function_call) {
            item_event(out, "response.function_call_arguments.done", false, [&](JsonWriter& json) {
                json.key("name").text(item.name).key("arguments").text(item.text);
            });
        } else {
            const bool message = item.kind == Kind::message;
            item_event(out, message ? "response.output_text.done" : "response.reasoning_text.done", true,
                       [&](JsonWriter& json) {
                           json.key("text").text(item.text);
                           if (message) write_tokens(json.key("logprobs"), item.logprobs);
                       });
            item_event(out, "response.content_part.done", true,
                       [&](JsonWriter& json) { write_part(json.key("part"), item, true); });
        }
        item_event(out, "response.output_item.done", false,
                   [&](JsonWriter& json) { write_item(json, item, true); });
    }

    // Nobody can answer half a call: what goes on from here does not see it.
    void keep(std::string_view how) {
        if (!request_->store) return;
        StoredResponse made{header_.id, {}, std::move(request_->input), {}, request_->background};
        JsonWriter whole(made.body);
        write_response(whole, how);
        for (const Item& item : items_) {
            if (item.kind == Kind::function_call && item.status != "completed") continue;
            JsonWriter json(made.output.emplace_back(StoredItem{item.id, {}}).json);
            write_item(json, item, true, true);
        }
        request_->store->put(std::move(made), std::move(request_->history));
    }

    void write_response(JsonWriter& json, std::string_view how, const ApiError* error = nullptr) const {
        json.begin_object().key("id").text(header_.id).key("object").text("response");
        json.key("created_at").integer(header_.created).key("status").text(how).key("completed_at");
        how == "completed" ? json.integer(completed_at_) : json.null();
        write_error(json, how, error);
        json.key("incomplete_details");
        if (how == "incomplete") {
            json.begin_object().key("reason").text("max_output_tokens").end_object();
        } else {
            json.null();
        }
        json.key("model").text(header_.model);
        for (const auto& [name, value] : request_->repeated) json.key(name).raw(value);
        json.key("output").begin_array();
        for (const Item& item : items_) write_item(json, item, true, how != "in_progress" && how != "queued");
        json.end_array().key("usage");
        how == "completed" || how == "incomplete" ? write_counts(json) : void(json.null());
        json.end_object();
    }

    void write_error(JsonWriter& json, std::string_view how, const ApiError* error) const {
        json.key("error");
        if (how != "failed") {
            json.null();
            return;
        }
        const ApiError known = error ? *error : to_api_error(*failure());
        json.begin_object().key("code").text(error_code(known)).key("message").text(known.message);
        json.end_object();
    }

    void write_counts(JsonWriter& json) const {
        json.begin_object().key("input_tokens").integer(usage_.prompt_tokens);
        json.key("input_tokens_details").begin_object();
        json.key("cached_tokens").integer(usage_.cached_tokens).key("cache_write_tokens").integer(0);
        json.end_object().key("output_tokens").integer(usage_.completion_tokens);
        json.key("output_tokens_details").begin_object();
        json.key("reasoning_tokens").integer(reasoning_tokens_).end_object();
        json.key("total_tokens").integer(int64_t{usage_.prompt_tokens} + usage_.completion_tokens);
        json.end_object();
    }

    const std::shared_ptr<ResponseRequest> request_;
    std::vector<Item> items_;
    bool open_ = false;  // the last item
    bool begun_ = false;
    int64_t sequence_ = 0;
    int64_t completed_at_ = 0;
};

}  // namespace

std::unique_ptr<Reply> make_response_reply(const Call& call, ReplyHeader header) {
    return std::make_unique<ResponseReply>(call, std::move(header));
}

}  // namespace sluice::net::openai
