#include "net/openai/messages.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "net/json.h"
#include "net/openai/call.h"

namespace sluice::net::openai {
namespace {

namespace json = boost::json;

constexpr std::string_view kRoles[] = {"system", "developer", "user", "assistant", "tool"};

// Text parts joined by line feeds: templates know strings only.
Result<std::string> read_parts(const json::array& parts, const std::string& param) {
    std::string out;
    for (size_t i = 0; i < parts.size(); ++i) {
        const json::object* part = parts[i].if_object();
        const json::value* type = part ? present(*part, "type") : nullptr;
        if (!type || !type->is_string()) return bad_field(param, "must be parts with a `type`");
        const std::string_view name = type->get_string();
        if (name != "text" && name != "refusal") {
            return Error{ErrorKind::unsupported,
                         fmt::format("content parts of type `{}` are not supported", name), param};
        }
        const json::value* text = present(*part, name);
        if (!text || !text->is_string()) return bad_field(param, "has a text part without text");
        if (i > 0) out += '\n';
        out += std::string_view(text->get_string());
    }
    return out;
}

// What a call was given, as the object that templates iterate. Nothing, written in any way, is an empty one;
// what is none, as of a call that was cut, stays readable under one key.
json::object read_arguments(const json::value& given) {
    if (given.is_object()) return given.get_object();
    if (given.is_null()) return {};
    const std::string_view text = given.get_string();
    const auto parsed = parse_json(text, 100);
    if (parsed && parsed->is_object()) return parsed->get_object();
    const bool nothing =
        parsed ? parsed->is_null() : text.find_first_not_of(" \t\r\n") == std::string_view::npos;
    return nothing ? json::object() : json::object{{"arguments", given}};
}

// {"function": {"name", "arguments"}}
Result<json::array> read_tool_calls(const json::value& calls, const std::string& param) {
    const Error error =
        bad_field(param, "must be a list of {id, type: \"function\", function: {name, arguments}}");
    if (!calls.is_array()) return error;
    json::array out = calls.get_array();
    for (json::value& call : out) {
        json::object* object = call.if_object();
        json::value* function = object ? object->if_contains("function") : nullptr;
        if (!function || !function->is_object()) return error;
        const json::value* name = present(function->get_object(), "name");
        if (!name || !name->is_string()) return error;
        json::value& arguments = function->get_object()["arguments"];
        if (!arguments.is_string() && !arguments.is_object() && !arguments.is_null()) return error;
        arguments = read_arguments(arguments);
    }
    return out;
}

Result<json::string> read_content(const json::object& message, bool may_be_null, const std::string& param) {
    const json::value* content = present(message, "content");
    if (!content) {
        if (may_be_null) return json::string();
        return bad_field(param, "must be a string or a list of text parts");
    }
    if (content->is_string()) return content->get_string();
    if (!content->is_array()) return bad_field(param, "must be a string or a list of text parts");
    const auto joined = read_parts(content->get_array(), param);
    if (!joined) return joined.error();
    return json::string(*joined);
}

Result<void> copy_text_fields(const json::object& message, json::object& out, const std::string& at) {
    for (const std::string_view name : {"name", "tool_call_id", "reasoning_content"}) {
        const json::value* value = present(message, name);
        if (!value) continue;
        if (!value->is_string()) return bad_field(fmt::format("{}.{}", at, name), "must be a string");
        out[name] = *value;
    }
    const json::value* reasoning = present(message, "reasoning");  // the other spelling in use
    if (reasoning && reasoning->is_string() && !out.contains("reasoning_content"))
        out["reasoning_content"] = *reasoning;
    return {};
}

Result<json::object> read_message(const json::value& value, const std::string& at) {
    if (!value.is_object()) return bad_field(at, "must be an object");
    const json::object& message = value.get_object();
    const json::value* role = present(message, "role");
    const std::string_view name = role && role->is_string() ? std::string_view(role->get_string()) : "";
    if (std::find(std::begin(kRoles), std::end(kRoles), name) == std::end(kRoles))
        return bad_field(at + ".role", "must be system, developer, user, assistant or tool");
    json::object out;
    out["role"] = name == "developer" ? "system" : name;
    const json::value* calls = name == "assistant" ? present(message, "tool_calls") : nullptr;
    const bool has_calls = calls && calls->is_array() && !calls->get_array().empty();
    const bool may_be_null = name == "assistant" || name == "tool";  // said or found nothing
    auto content = read_content(message, may_be_null, at + ".content");
    if (!content) return content.error();
    out["content"] = std::move(*content);
    if (calls) {
        auto read = read_tool_calls(*calls, at + ".tool_calls");
        if (!read) return read.error();
        if (has_calls) out["tool_calls"] = std::move(*read);
    }
    if (auto ok = copy_text_fields(message, out, at); !ok) return ok.error();
    return out;
}

}  // namespace

Result<json::array> read_messages(const json::object& body, const Limits& limits) {
    const json::value* messages = present(body, "messages");
    if (!messages || !messages->is_array() || messages->get_array().empty() ||
        messages->get_array().size() > limits.messages) {
        return bad_field("messages", fmt::format("must be a list of 1 to {} messages", limits.messages));
    }
    json::array out;
    out.reserve(messages->get_array().size());
    for (size_t i = 0; i < messages->get_array().size(); ++i) {
        auto message = read_message(messages->get_array()[i], fmt::format("messages[{}]", i));
        if (!message) return message.error();
        out.push_back(std::move(*message));
    }
    return out;
}

}  // namespace sluice::net::openai
