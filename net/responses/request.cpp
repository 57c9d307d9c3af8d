// POST /v1/responses: OpenAI's Responses body becomes a chat body, and that a call. Source of the shapes:
// OpenAI's API reference.
#include <fmt/format.h>

#include <boost/json/serialize.hpp>
#include <charconv>

#include "net/json.h"
#include "net/openai/call.h"
#include "net/responses/response.h"

namespace sluice::net::openai {
namespace {

namespace json = boost::json;

// The fields that a chat has under the same name.
constexpr std::string_view kShared[] = {"model",
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
                                        "enable_thinking"};

std::string_view word(const json::object& object, std::string_view name) {
    const json::value* value = present(object, name);
    return value && value->is_string() ? std::string_view(value->get_string()) : "";
}

struct Tools {
    json::array kept;            // as the client sent them
    json::array chat;            // the same in chat's form
    std::vector<size_t> places;  // of each in the request
};

// Tools that other servers run, and free-form ones, are left out: there is nothing here to run or to hold
// them.
Result<Tools> read_tools(const json::object& body) {
    Tools out;
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

bool is_stored(const Values& values, const CallContext& context) {
    return values.store.value_or(true) && context.responses && context.limits.response_store_bytes > 0;
}

// Without a client at the other end the store is the only place to find the answer.
Result<void> check_background(const Values& values, const CallContext& context) {
    if (!values.background.value_or(false)) return {};
    if (context.limits.background_responses == 0)
        return Error{ErrorKind::unsupported, "`background` is not allowed on this server", "background"};
    if (!is_stored(values, context))
        return bad_field("background",
                         "needs the response to be stored; `store` is false or there is no store");
    if (values.stream.value_or(false))
        return Error{ErrorKind::unsupported, "`background` and `stream` exclude each other", "background"};
    return {};
}

// What was said before: the stored response and all that it went on from.
Result<Turns> read_history(const Values& values, const CallContext& context) {
    if (!values.previous_response_id) return Turns();
    if (context.responses && context.responses->running(*values.previous_response_id))
        return bad_field("previous_response_id", "names a response that has not ended");
    Turns turns = context.responses ? context.responses->find(*values.previous_response_id) : Turns();
    if (turns.empty()) {
        return Error{ErrorKind::not_found,
                     fmt::format("the response `{}` is not stored here", *values.previous_response_id),
                     "previous_response_id"};
    }
    size_t bytes = 0;
    for (const auto& turn : turns) {
        for (const auto* items : {&turn->input, &turn->output}) {
            for (const StoredItem& item : *items) bytes += item.json.size();
        }
    }
    if (turns.size() > context.limits.messages || bytes > context.limits.body_bytes)
        return bad_field("previous_response_id", "names a conversation that has become too long");
    return turns;
}

Result<void> add_turn(const StoredResponse& turn, const Limits& limits, ItemsToChat& chat) {
    for (const auto* items : {&turn.input, &turn.output}) {
        for (const StoredItem& item : *items) {
            const auto value = parse_json(item.json, limits.json_depth);
            if (!value) return value.error();
            if (auto ok = chat.add(*value, "previous_response_id"); !ok) return ok;
        }
    }
    return {};
}

// Instructions are of this response only; then what was said before, then the input.
Result<json::array> read_messages(const Values& values, const Turns& history, const json::array& items,
                                  const Limits& limits) {
    json::array out;
    if (values.instructions) out.push_back({{"role", "system"}, {"content", *values.instructions}});
    ItemsToChat chat;
    for (const auto& turn : history) {
        if (auto ok = add_turn(*turn, limits, chat); !ok) return ok.error();
    }
    for (size_t i = 0; i < items.size(); ++i) {
        if (auto ok = chat.add(items[i], fmt::format("input[{}]", i)); !ok) return ok.error();
    }
    for (json::value& message : chat.take()) out.push_back(std::move(message));
    return out;
}

void rename(Error& error, std::string_view from, std::string_view to) {
    if (!error.param.starts_with(from)) return;
    error.param.replace(0, from.size(), to);
    const size_t at = error.message.find(fmt::format("`{}", from));
    if (at != std::string::npos) error.message.replace(at + 1, from.size(), to);
}

// The chat reader names fields of the chat body; the client knows its own.
Error in_own_words(Error error, const std::vector<size_t>& tool_places) {
    rename(error, "response_format", "text.format");
    rename(error, "messages", "input");
    constexpr std::string_view kTool = "tools[";
    if (!error.param.starts_with(kTool)) return error;
    size_t index = 0;
    const char* end = error.param.data() + error.param.size();
    const auto read = std::from_chars(error.param.data() + kTool.size(), end, index);
    if (read.ec != std::errc{} || index >= tool_places.size()) return error;
    const std::string to = fmt::format("tools[{}]", tool_places[index]);
    rename(error, fmt::format("tools[{}].function", index), to);
    rename(error, fmt::format("tools[{}]", index), to);
    return error;
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

auto repeated_fields(const json::object& body, const Values& values, const Tools& tools, bool stored) {
    const auto flag = [](bool value) { return value ? "true" : "false"; };
    return std::vector<std::pair<std::string_view, std::string>>{
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
        {"tools", json::serialize(tools.kept)},
        {"top_logprobs", fmt::format("{}", values.top_logprobs.value_or(0))},
        {"top_p", as_number(values.top_p)},
        {"truncation", R"("disabled")"},
        {"user", as_text(body, "user", "null")},
    };
}

// The chat body, but for its messages and tools.
Result<json::object> read_settings(const json::object& body, const Values& values) {
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

}  // namespace

Result<Call> read_response_call(const json::object& body, const CallContext& context) {
    const auto values = read_values(body, Dialect::responses);
    if (!values) return values.error();
    if (auto ok = check_rest(body, *values); !ok) return ok.error();
    if (auto ok = check_background(*values, context); !ok) return ok.error();
    auto chat = read_settings(body, *values);
    if (!chat) return chat.error();
    auto tools = read_tools(body);
    if (!tools) return tools.error();
    chat->emplace("tools", std::move(tools->chat));
    auto history = read_history(*values, context);
    if (!history) return history.error();
    auto items = read_items(present(body, "input"), context.random_seed, context.limits);
    if (!items) return items.error();
    auto messages = read_messages(*values, *history, *items, context.limits);
    if (!messages) return messages.error();
    chat->emplace("messages", std::move(*messages));

    auto call = read_chat(*chat, context);
    if (!call) return in_own_words(call.error(), tools->places);
    call->dialect = Dialect::responses;
    call->unknown_fields = values->unknown;
    call->response = std::make_shared<ResponseRequest>();
    ResponseRequest& kept = *call->response;
    if (is_stored(*values, context)) kept.store = context.responses;
    kept.background = values->background.value_or(false);
    kept.repeated = repeated_fields(body, *values, *tools, kept.store != nullptr);
    if (!kept.store) return call;
    for (const json::value& item : *items)
        kept.input.push_back({std::string(item.at("id").as_string()), json::serialize(item)});
    kept.history = std::move(*history);
    return call;
}

}  // namespace sluice::net::openai
