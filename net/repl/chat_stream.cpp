#include "net/repl/chat_stream.h"

#include <algorithm>
#include <utility>

#include "net/json.h"
#include "net/openai/fields.h"
#include "net/repl/command.h"
#include "net/repl/screen.h"

namespace sluice::net::repl {
namespace {

namespace json = boost::json;

constexpr int32_t kDepth = 32;
constexpr size_t kMessageBytes = 1000;

chat::AnswerOptions thoughts_only() {
    chat::AnswerOptions out;
    out.format.reasoning = true;
    out.parse_tools = false;
    return out;
}

Error broken(std::string what) {
    return {ErrorKind::io, "the server " + std::move(what)};
}

const json::object* object_at(const json::object& object, std::string_view name) {
    const json::value* value = object.if_contains(name);
    return value ? value->if_object() : nullptr;
}

std::string_view text_at(const json::object& object, std::string_view name) {
    const json::value* value = object.if_contains(name);
    return value && value->is_string() ? std::string_view(value->get_string()) : std::string_view();
}

std::optional<int64_t> count_at(const json::object& object, std::string_view name) {
    const json::value* value = object.if_contains(name);
    return value ? openai::as_integer(*value) : std::nullopt;
}

std::string shortened(std::string_view text) {
    std::string out = printable(trim(text).substr(0, kMessageBytes));
    std::ranges::replace(out, '\n', ' ');
    return out;
}

// {"error": {"message"}}, {"error": "..."}, {"message"}, {"detail"}
std::string_view message_in(const json::object& body) {
    if (const json::object* error = object_at(body, "error")) return text_at(*error, "message");
    for (const std::string_view name : {"error", "message", "detail"}) {
        if (const std::string_view text = text_at(body, name); !text.empty()) return text;
    }
    return {};
}

}  // namespace

std::string server_message(std::string_view body) {
    const auto parsed = parse_json(body, kDepth);
    const json::object* object = parsed ? parsed->if_object() : nullptr;
    if (object) return shortened(message_in(*object));
    return trim(body).starts_with('<') ? "" : shortened(body);  // a page says little here
}

ChatStream::ChatStream(OnText on_text) : on_text_(std::move(on_text)), parser_(thoughts_only()) {
    reply_.figures.estimated = true;
}

Result<void> ChatStream::push(std::string_view bytes) {
    while (!bytes.empty() && !done_) {
        const size_t end = bytes.find('\n');
        waiting_ += bytes.substr(0, end);
        if (waiting_.size() > kLineBytes) return broken("sent an event of more than 1 MiB");
        if (end == std::string_view::npos) return {};
        bytes.remove_prefix(end + 1);
        const std::string whole = std::exchange(waiting_, {});
        if (auto ok = line(whole); !ok) return ok;
    }
    return {};
}

Result<void> ChatStream::line(std::string_view line) {
    constexpr std::string_view kData = "data:";
    if (!line.starts_with(kData)) return {};  // names of events, comments
    const std::string_view data = trim(line.substr(kData.size()));
    if (data == "[DONE]") {
        done_ = true;
        return {};
    }
    const auto parsed = parse_json(data, kDepth);
    if (!parsed || !parsed->is_object()) return broken("sent something that is no chat completion");
    return event(parsed->get_object());
}

Result<void> ChatStream::event(const json::object& event) {
    if (const json::value* error = event.if_contains("error"); error && !error->is_null()) {
        const std::string_view message = message_in(event);
        return broken(message.empty() ? "reports an error" : "reports: " + shortened(message));
    }
    if (const json::object* told = object_at(event, "usage")) usage(*told);
    const json::value* choices = event.if_contains("choices");
    const json::array* list = choices ? choices->if_array() : nullptr;
    const json::object* choice = list && !list->empty() ? list->front().if_object() : nullptr;
    if (!choice) return {};
    if (const json::object* part = object_at(*choice, "delta")) delta(*part);
    if (const std::string_view reason = text_at(*choice, "finish_reason"); !reason.empty())
        reply_.finish = printable(reason.substr(0, 64));
    if (bytes_ > kAnswerBytes) return broken("sent an answer of more than 16 MiB");
    return {};
}

void ChatStream::delta(const json::object& delta) {
    const std::string_view content = text_at(delta, "content");
    std::string_view thought = text_at(delta, "reasoning_content");
    if (thought.empty()) thought = text_at(delta, "reasoning");
    bytes_ += content.size() + thought.size();
    if (reply_.figures.estimated && !(content.empty() && thought.empty())) ++reply_.figures.tokens;
    if (!thought.empty()) text(thought, true);
    if (content.empty()) return;
    parser_.push(content, parts_);
    take_parts();
}

void ChatStream::usage(const json::object& usage) {
    Figures& figures = reply_.figures;
    if (const auto tokens = count_at(usage, "completion_tokens")) {
        figures.tokens = *tokens;
        figures.estimated = false;
    }
    figures.prompt_tokens = count_at(usage, "prompt_tokens");
    if (const json::object* details = object_at(usage, "prompt_tokens_details"))
        figures.cached_tokens = count_at(*details, "cached_tokens");
}

void ChatStream::take_parts() {
    for (const chat::AnswerPart& part : parts_) {
        if (const auto* thought = std::get_if<chat::ReasoningDelta>(&part)) text(thought->text, true);
        if (const auto* content = std::get_if<chat::ContentDelta>(&part)) text(content->text, false);
    }
    parts_.clear();
}

void ChatStream::text(std::string_view text, bool thought) {
    if (!thought) reply_.content += text;
    on_text_(text, thought);
}

void ChatStream::cut() {
    parser_.finish(parts_, true);
    take_parts();
}

Result<void> ChatStream::finish() {
    if (!done_ && !waiting_.empty()) {  // the last line may lack its end
        if (auto ok = line(std::exchange(waiting_, {})); !ok) return ok;
    }
    if (!done_ && reply_.finish.empty()) return broken("broke the answer off");
    parser_.finish(parts_);
    take_parts();
    return {};
}

}  // namespace sluice::net::repl
