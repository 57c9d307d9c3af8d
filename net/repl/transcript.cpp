#include "net/repl/transcript.h"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <utility>

#include "net/json.h"
#include "net/limits.h"
#include "net/openai/messages.h"

namespace sluice::net::repl {
namespace {

namespace json = boost::json;

bool has_role(const json::value& message, std::string_view role) {
    return std::string_view(message.at("role").as_string()) == role;
}

bool begins_with_system(const json::array& messages) {
    return !messages.empty() && (has_role(messages[0], "system") || has_role(messages[0], "developer"));
}

json::object message(std::string_view role, std::string_view text) {
    return {{"role", role}, {"content", json::string(valid_utf8(text))}};
}

Error not_json(const Error& error) {
    constexpr std::string_view kBody = "the body is ";  // the reader's word for what it reads
    const std::string_view what = error.message;
    return {error.kind, std::string(what.starts_with(kBody) ? what.substr(kBody.size()) : what)};
}

}  // namespace

void Transcript::set_system(std::string_view text) {
    if (begins_with_system(messages_)) messages_.erase(messages_.begin());
    if (!text.empty()) messages_.insert(messages_.begin(), message("system", text));
}

std::string Transcript::system() const {
    return begins_with_system(messages_) ? std::string(messages_[0].at("content").as_string()) : "";
}

void Transcript::ask(std::string_view text) {
    messages_.push_back(message("user", text));
    replaced_.clear();
    open_question_.reset();
}

void Transcript::answered(std::string_view text) {
    messages_.push_back(message("assistant", text));
    replaced_.clear();
}

void Transcript::failed() {
    if (replaced_.empty()) {
        open_question_ = messages_.back().as_object();
        messages_.pop_back();
    }
    for (json::value& old : replaced_) messages_.push_back(std::move(old));
    replaced_.clear();
}

std::optional<size_t> Transcript::last_question() const {
    for (size_t i = messages_.size(); i-- > 0;) {
        if (has_role(messages_[i], "user")) return i;
    }
    return std::nullopt;
}

bool Transcript::retry() {
    if (open_question_) {
        messages_.push_back(*std::exchange(open_question_, std::nullopt));
        return true;
    }
    const auto question = last_question();
    if (!question) return false;
    const auto answer = messages_.begin() + static_cast<std::ptrdiff_t>(*question) + 1;
    replaced_ = json::array(answer, messages_.end());
    messages_.erase(answer, messages_.end());
    return true;
}

bool Transcript::undo() {
    if (open_question_) {
        open_question_.reset();
        return true;
    }
    const auto question = last_question();
    if (question)
        messages_.erase(messages_.begin() + static_cast<std::ptrdiff_t>(*question), messages_.end());
    return question.has_value();
}

void Transcript::clear() {
    messages_.erase(messages_.begin() + (begins_with_system(messages_) ? 1 : 0), messages_.end());
    open_question_.reset();
}

size_t Transcript::questions() const {
    return static_cast<size_t>(
        std::ranges::count_if(messages_, [](const json::value& m) { return has_role(m, "user"); }));
}

std::string Transcript::save() const {
    json::array all = messages_;
    if (open_question_) all.push_back(*open_question_);
    std::string out = "{\"messages\": [";
    for (size_t i = 0; i < all.size(); ++i) (out += i == 0 ? "\n  " : ",\n  ") += json::serialize(all[i]);
    return out + "\n]}\n";
}

Result<void> Transcript::load(std::string_view text) {
    const Limits limits;
    const auto parsed = parse_json(text, limits.json_depth);
    if (!parsed) return not_json(parsed.error());
    json::object body;
    if (parsed->is_object()) {
        body = parsed->get_object();
    } else {
        body["messages"] = *parsed;
    }
    const auto read = openai::read_messages(body, limits);
    if (!read) return read.error();
    messages_ = body.at("messages").as_array();
    if (begins_with_system(messages_)) messages_[0].as_object()["content"] = (*read)[0].at("content");
    open_question_.reset();
    replaced_.clear();
    if (has_role(messages_.back(), "user")) failed();
    return {};
}

}  // namespace sluice::net::repl
