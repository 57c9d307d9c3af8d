// POST /v1/responses: OpenAI's Responses body becomes a chat body, and that a call. Source of the shapes:
// OpenAI's API reference.
#include <fmt/format.h>

#include <boost/json/serialize.hpp>
#include <charconv>

#include "net/json.h"
#include "net/openai/call.h"
#include "net/responses/response.h"
#include "net/responses/settings.h"

namespace sluice::net::openai {
namespace {

namespace json = boost::json;

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
    rename(error, "response_format.json_schema", "text.format");
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

}  // namespace

Result<Call> read_response_call(const json::object& body, const CallContext& context) {
    const auto values = read_values(body, Dialect::responses);
    if (!values) return values.error();
    if (auto ok = check_background(*values, context); !ok) return ok.error();
    auto chat = read_settings(body, *values);
    if (!chat) return chat.error();
    auto tools = read_response_tools(body);
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
    kept.repeated = repeated_fields(body, *values, tools->kept, kept.store != nullptr);
    if (!kept.store) return call;
    for (const json::value& item : *items)
        kept.input.push_back({std::string(item.at("id").as_string()), json::serialize(item)});
    kept.history = std::move(*history);
    return call;
}

}  // namespace sluice::net::openai
