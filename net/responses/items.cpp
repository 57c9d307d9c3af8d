#include "net/responses/items.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "net/openai/call.h"

namespace sluice::net::openai {
namespace {

namespace json = boost::json;

constexpr std::string_view kRoles[] = {"system", "developer", "user", "assistant"};

std::string_view word(const json::object& object, std::string_view name) {
    const json::value* value = present(object, name);
    return value && value->is_string() ? std::string_view(value->get_string()) : "";
}

// An easy message has a role and no type.
std::string_view type_of(const json::object& item) {
    const std::string_view type = word(item, "type");
    return type.empty() && item.contains("role") ? "message" : type;
}

Result<json::string> text_field(const json::object& object, std::string_view name, const std::string& at) {
    const json::value* text = present(object, name);
    if (!text || !text->is_string()) return bad_field(fmt::format("{}.{}", at, name), "must be a string");
    return text->get_string();
}

std::string_view text_key(std::string_view part_type) {
    return part_type == "refusal" ? "refusal" : "text";
}

// A string, or parts with text, as the parts of a chat message.
Result<json::value> read_text(const json::object& item, std::string_view name, const std::string& at) {
    const std::string where = fmt::format("{}.{}", at, name);
    const json::value* value = present(item, name);
    if (value && value->is_string()) return *value;
    if (!value || !value->is_array()) return bad_field(where, "must be a string or a list of parts");
    constexpr std::string_view kText[] = {"input_text",     "output_text",  "text",
                                          "reasoning_text", "summary_text", "refusal"};
    json::array out;
    for (size_t i = 0; i < value->get_array().size(); ++i) {
        const std::string part_at = fmt::format("{}[{}]", where, i);
        const json::object* part = value->get_array()[i].if_object();
        if (!part) return bad_field(part_at, "must be an object");
        const std::string_view type = word(*part, "type");
        if (std::ranges::find(kText, type) == std::end(kText)) {
            return Error{ErrorKind::unsupported, fmt::format("parts of type `{}` are not supported", type),
                         part_at};
        }
        auto text = text_field(*part, text_key(type), part_at);
        if (!text) return text.error();
        out.push_back({{"type", "text"}, {"text", std::move(*text)}});
    }
    if (out.empty()) return json::value("");
    return json::value(std::move(out));
}

// Text or parts as one string.
json::string join(const json::value& text) {
    if (text.is_string()) return text.get_string();
    json::string out;
    for (const json::value& part : text.get_array()) {
        if (!out.empty()) out += '\n';
        out += part.at("text").get_string();
    }
    return out;
}

// A message's content as a list of parts.
void show_parts(json::object& message) {
    const json::value* content = present(message, "content");
    if (!content || !content->is_string()) return;
    json::object part{{"type", "input_text"}, {"text", *content}};
    if (word(message, "role") == "assistant") {
        part["type"] = "output_text";
        part["annotations"] = json::array();
    }
    message["content"] = json::array{std::move(part)};
}

}  // namespace

Result<json::array> read_items(const json::value* input, uint64_t random, const Limits& limits) {
    if (!input) return json::array();
    json::array out;
    if (input->is_string()) {
        out.push_back({{"type", "message"}, {"role", "user"}, {"content", *input}});
    } else if (input->is_array() && input->get_array().size() <= limits.messages) {
        out = input->get_array();
    } else {
        return bad_field("input",
                         fmt::format("must be a string or a list of at most {} items", limits.messages));
    }
    for (size_t i = 0; i < out.size(); ++i) {
        json::object* item = out[i].if_object();
        if (!item) return bad_field(fmt::format("input[{}]", i), "must be an object");
        if (type_of(*item) == "message") {
            (*item)["type"] = "message";
            item->emplace("status", "completed");
            show_parts(*item);
        }
        if (word(*item, "id").empty()) (*item)["id"] = fmt::format("item_{:016x}_{}", random, i);
    }
    return out;
}

Result<void> ItemsToChat::add(const json::value& item, const std::string& at) {
    const json::object* object = item.if_object();
    if (!object) return bad_field(at, "must be an object");
    const std::string_view type = type_of(*object);
    if (type == "message") return add_message(*object, at);
    if (type == "reasoning") return add_reasoning(*object, at);
    if (type == "function_call") return add_call(*object, at);
    if (type == "function_call_output") return add_output(*object, at);
    return Error{ErrorKind::unsupported, fmt::format("items of type `{}` are not supported", type), at};
}

json::array ItemsToChat::take() {
    close_assistant();
    return std::exchange(messages_, {});
}

Result<void> ItemsToChat::add_message(const json::object& item, const std::string& at) {
    const std::string_view role = word(item, "role");
    if (std::ranges::find(kRoles, role) == std::end(kRoles))
        return bad_field(at + ".role", "must be system, developer, user or assistant");
    auto content = read_text(item, "content", at);
    if (!content) return content.error();
    if (role != "assistant") {
        close_assistant();
        messages_.push_back({{"role", role}, {"content", std::move(*content)}});
        return {};
    }
    if (assistant_.contains("content") || assistant_.contains("tool_calls")) close_assistant();
    assistant()["content"] = std::move(*content);
    return {};
}

// The thought itself, or what is there of it: its summary.
Result<void> ItemsToChat::add_reasoning(const json::object& item, const std::string& at) {
    const json::value* content = present(item, "content");
    const json::value* summary = present(item, "summary");
    const bool whole = content && !(content->is_array() && content->get_array().empty());
    if (!whole && !summary) return {};
    const auto text = read_text(item, whole ? "content" : "summary", at);
    if (!text) return text.error();
    json::string thought = join(*text);
    if (thought.empty()) return {};
    if (assistant_.contains("content") || assistant_.contains("tool_calls")) close_assistant();
    json::value& all = assistant()["reasoning_content"];
    if (all.is_string()) {
        all.get_string() += '\n';
        all.get_string() += thought;
    } else {
        all = std::move(thought);
    }
    return {};
}

Result<void> ItemsToChat::add_call(const json::object& item, const std::string& at) {
    json::object function;
    for (const std::string_view name : {"name", "arguments"}) {
        auto text = text_field(item, name, at);
        if (!text) return text.error();
        function[name] = std::move(*text);
    }
    auto id = text_field(item, "call_id", at);
    if (!id) return id.error();
    json::value& calls = assistant()["tool_calls"];
    if (!calls.is_array()) calls = json::array();
    calls.get_array().push_back(
        {{"id", std::move(*id)}, {"type", "function"}, {"function", std::move(function)}});
    return {};
}

Result<void> ItemsToChat::add_output(const json::object& item, const std::string& at) {
    auto id = text_field(item, "call_id", at);
    if (!id) return id.error();
    auto output = read_text(item, "output", at);
    if (!output) return output.error();
    close_assistant();
    messages_.push_back(
        {{"role", "tool"}, {"tool_call_id", std::move(*id)}, {"content", std::move(*output)}});
    return {};
}

json::object& ItemsToChat::assistant() {
    assistant_["role"] = "assistant";
    return assistant_;
}

void ItemsToChat::close_assistant() {
    if (assistant_.empty()) return;
    assistant_.emplace("content", "");
    messages_.push_back(std::exchange(assistant_, {}));
}

}  // namespace sluice::net::openai
