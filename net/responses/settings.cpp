#include "net/responses/settings.h"

#include <fmt/format.h>

#include <boost/json/serialize.hpp>

#include "net/json.h"
#include "net/openai/call.h"

namespace sluice::net::openai {
namespace {

namespace json = boost::json;

// The fields that a chat has under the same name.
constexpr std::string_view kShared[] = {
    "model",
    "temperature",
    "top_p",
    "top_logprobs",
    "stream",
    "parallel_tool_calls",
    "seed",
    "top_k",
    "min_p",
    "presence_penalty",
    "frequency_penalty",
    "priority",
    "cache_salt",
    "chat_template_kwargs",
    "enable_thinking",
};

std::string_view word(const json::object& object, std::string_view name) {
    const json::value* value = present(object, name);
    return value && value->is_string() ? std::string_view(value->get_string()) : "";
}

json::value named(const json::object& choice) {
    return {{"type", "function"}, {"function", {{"name", word(choice, "name")}}}};
}

// Of allowed tools, those that are no functions are left out as they are of `tools`.
Result<json::value> read_choice(const json::object& body) {
    const json::value* choice = present(body, "tool_choice");
    if (!choice) return json::value();
    const json::object* object = choice->if_object();
    if (!object) return *choice;
    const std::string_view type = word(*object, "type");
    if (type == "function") return named(*object);
    if (type != "allowed_tools") {
        return Error{ErrorKind::unsupported, fmt::format("`tool_choice` of type `{}` is not supported", type),
                     "tool_choice"};
    }
    const json::value* tools = present(*object, "tools");
    if (!tools || !tools->is_array()) return bad_field("tool_choice", "must have a list `tools`");
    json::array functions;
    for (const json::value& tool : tools->get_array()) {
        if (tool.is_object() && word(tool.get_object(), "type") == "function")
            functions.push_back(named(tool.get_object()));
    }
    json::object allowed{{"tools", std::move(functions)}};
    if (const json::value* mode = present(*object, "mode")) allowed["mode"] = *mode;
    return json::value{{"type", "allowed_tools"}, {"allowed_tools", std::move(allowed)}};
}

// `text.format` in chat's form; null: plain text.
Result<json::value> read_format(const json::object& body) {
    const json::value* text = present(body, "text");
    if (!text) return json::value();
    if (!text->is_object()) return bad_field("text", "must be an object");
    const json::value* format = present(text->get_object(), "format");
    if (!format) return json::value();
    if (!format->is_object()) return bad_field("text.format", "must be an object with a `type`");
    if (word(format->get_object(), "type") != "json_schema") return *format;
    json::object schema = format->get_object();
    schema.erase("type");
    return json::value{{"type", "json_schema"}, {"json_schema", std::move(schema)}};
}

Result<void> read_reasoning(const json::object& body, json::object& chat) {
    const json::value* reasoning = present(body, "reasoning");
    if (!reasoning) return {};
    if (!reasoning->is_object()) return bad_field("reasoning", "must be an object");
    const json::value* effort = present(reasoning->get_object(), "effort");
    if (effort && !effort->is_string()) return bad_field("reasoning.effort", "must be a string");
    if (effort) chat["reasoning_effort"] = *effort;
    return {};
}

Result<void> read_include(const json::object& body, const Values& values, json::object& chat) {
    bool logprobs = values.top_logprobs.value_or(0) > 0;
    if (const json::value* include = present(body, "include")) {
        if (!include->is_array()) return bad_field("include", "must be a list of strings");
        for (const json::value& one : include->get_array()) {
            if (!one.is_string()) return bad_field("include", "must be a list of strings");
            logprobs = logprobs || one == "message.output_text.logprobs";
        }
    }
    if (logprobs) chat["logprobs"] = true;
    return {};
}

Result<void> check_metadata(const json::object& body) {
    constexpr size_t kPairs = 16, kKey = 64, kValue = 512;
    const json::value* metadata = present(body, "metadata");
    if (!metadata) return {};
    const Error error =
        bad_field("metadata", fmt::format("must be at most {} strings of {} characters, named by {} or fewer",
                                          kPairs, kValue, kKey));
    if (!metadata->is_object() || metadata->get_object().size() > kPairs) return error;
    for (const auto& pair : metadata->get_object()) {
        const bool fits = pair.key().size() <= 4 * kKey && pair.value().is_string() &&
                          pair.value().get_string().size() <= 4 * kValue;  // UTF-8: at most 4 bytes each
        if (!fits) return error;
    }
    return {};
}

Result<void> check_rest(const json::object& body, const Values& values) {
    const std::string truncation = values.truncation.value_or("disabled");
    if (truncation != "disabled" && truncation != "auto")
        return bad_field("truncation", "must be \"disabled\" or \"auto\"");
    return check_metadata(body);
}

std::string as_text(const json::object& body, std::string_view name, std::string_view otherwise) {
    const json::value* value = present(body, name);
    return value ? json::serialize(*value) : std::string(otherwise);
}

std::string as_number(const std::optional<double>& value) {
    std::string out;
    JsonWriter(out).number(value.value_or(1));
    return out;
}

// {"effort", "summary"} and {"format", ...}: what the request leaves open is filled in.
std::string with_default(const json::object& body, std::string_view name, json::object filled) {
    if (const json::value* value = present(body, name)) {
        for (const auto& pair : value->get_object()) {
            if (!pair.value().is_null()) filled[pair.key()] = pair.value();
        }
    }
    return json::serialize(filled);
}

}  // namespace

// Tools that other servers run, and free-form ones, are left out: there is nothing here to run or to hold
// them.
Result<ResponseTools> read_response_tools(const json::object& body) {
    ResponseTools out;
    const json::value* tools = present(body, "tools");
    if (!tools) return out;
    if (!tools->is_array()) return bad_field("tools", "must be a list");
    for (size_t i = 0; i < tools->get_array().size(); ++i) {
        const json::value& value = tools->get_array()[i];
        const json::object* tool = value.if_object();
        if (!tool || word(*tool, "type").empty())
            return bad_field(fmt::format("tools[{}]", i), "must be an object with a `type`");
        if (word(*tool, "type") != "function") continue;
        json::object function;
        for (const std::string_view name : {"name", "description", "parameters", "strict"}) {
            if (const json::value* field = present(*tool, name)) function[name] = *field;
        }
        out.kept.push_back(value);
        out.chat.push_back({{"type", "function"}, {"function", std::move(function)}});
        out.places.push_back(i);
    }
    return out;
}

RepeatedFields repeated_fields(const json::object& body, const Values& values, const json::array& tools,
                               bool stored) {
    const auto flag = [](bool value) { return value ? "true" : "false"; };
    return {
        {"background", flag(values.background.value_or(false))},
        {"instructions", as_text(body, "instructions", "null")},
        {"max_output_tokens", as_text(body, "max_output_tokens", "null")},
        {"max_tool_calls", as_text(body, "max_tool_calls", "null")},
        {"metadata", as_text(body, "metadata", "{}")},
        {"parallel_tool_calls", flag(values.parallel_tool_calls.value_or(true))},
        {"previous_response_id", as_text(body, "previous_response_id", "null")},
        {"reasoning", with_default(body, "reasoning", {{"effort", nullptr}, {"summary", nullptr}})},
        {"service_tier", R"("default")"},
        {"store", flag(stored)},
        {"temperature", as_number(values.temperature)},
        {"text", with_default(body, "text", {{"format", {{"type", "text"}}}})},
        {"tool_choice", as_text(body, "tool_choice", R"("auto")")},
        {"tools", json::serialize(tools)},
        {"top_logprobs", fmt::format("{}", values.top_logprobs.value_or(0))},
        {"top_p", as_number(values.top_p)},
        {"truncation", R"("disabled")"},
        {"user", as_text(body, "user", "null")},
    };
}

Result<json::object> read_settings(const json::object& body, const Values& values) {
    if (auto ok = check_rest(body, values); !ok) return ok.error();
    json::object chat;
    for (const std::string_view name : kShared) {
        if (const json::value* value = present(body, name)) chat[name] = *value;
    }
    if (const json::value* most = present(body, "max_output_tokens")) chat["max_tokens"] = *most;
    if (auto ok = read_reasoning(body, chat); !ok) return ok.error();
    if (auto ok = read_include(body, values, chat); !ok) return ok.error();
    auto choice = read_choice(body);
    if (!choice) return choice.error();
    chat["tool_choice"] = std::move(*choice);
    auto format = read_format(body);
    if (!format) return format.error();
    chat["response_format"] = std::move(*format);
    return chat;
}

}  // namespace sluice::net::openai
