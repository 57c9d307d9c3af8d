// POST /v1/messages: Anthropic's body becomes a chat body, and that a call. Source of the shapes: Anthropic's
// Messages API reference.
#include <fmt/format.h>

#include "net/openai/call.h"

namespace sluice::net::openai {
namespace {

namespace json = boost::json;

Error unsupported_block(std::string_view type, const std::string& at) {
    return {ErrorKind::unsupported, fmt::format("content blocks of type `{}` are not supported", type), at};
}

std::string_view type_of(const json::value& block) {
    const json::object* object = block.if_object();
    const json::value* type = object ? present(*object, "type") : nullptr;
    return type && type->is_string() ? std::string_view(type->get_string()) : "";
}

Result<json::string> text_field(const json::value& block, std::string_view name, const std::string& at) {
    const json::value* text = present(block.get_object(), name);
    if (!text || !text->is_string()) return bad_field(fmt::format("{}.{}", at, name), "must be a string");
    return text->get_string();
}

// A string, or text blocks joined by line feeds.
Result<json::string> read_text(const json::value& value, const std::string& at) {
    if (value.is_string()) return value.get_string();
    if (!value.is_array()) return bad_field(at, "must be a string or a list of blocks");
    json::string out;
    for (const json::value& block : value.get_array()) {
        if (type_of(block) != "text") return unsupported_block(type_of(block), at);
        const auto text = text_field(block, "text", at);
        if (!text) return text.error();
        if (!out.empty()) out += '\n';
        out += *text;
    }
    return out;
}

// The result of a call becomes a message of its own, in front of what the user says beside it.
Result<void> add_tool_result(const json::value& block, const std::string& at, json::array& out) {
    const auto id = text_field(block, "tool_use_id", at);
    if (!id) return id.error();
    json::string text;
    if (const json::value* content = present(block.get_object(), "content")) {
        auto read = read_text(*content, at + ".content");
        if (!read) return read.error();
        text = std::move(*read);
    }
    out.push_back({{"role", "tool"}, {"tool_call_id", *id}, {"content", std::move(text)}});
    return {};
}

Result<void> add_user(const json::array& blocks, const std::string& at, json::array& out) {
    json::array parts;
    for (size_t i = 0; i < blocks.size(); ++i) {
        const std::string where = fmt::format("{}.content[{}]", at, i);
        const std::string_view type = type_of(blocks[i]);
        if (type == "text") {
            parts.push_back(blocks[i]);
        } else if (type == "tool_result") {
            if (auto ok = add_tool_result(blocks[i], where, out); !ok) return ok.error();
        } else {
            return unsupported_block(type, where);
        }
    }
    if (!parts.empty()) out.push_back({{"role", "user"}, {"content", std::move(parts)}});
    return {};
}

Result<void> add_call(const json::value& block, const std::string& at, json::array& calls) {
    const auto id = text_field(block, "id", at);
    if (!id) return id.error();
    const auto name = text_field(block, "name", at);
    if (!name) return name.error();
    const json::value* input = present(block.get_object(), "input");
    if (!input || !input->is_object()) return bad_field(at + ".input", "must be an object");
    json::object function{{"name", *name}, {"arguments", *input}};
    calls.push_back({{"id", *id}, {"type", "function"}, {"function", std::move(function)}});
    return {};
}

Result<void> add_assistant(const json::array& blocks, const std::string& at, json::array& out) {
    json::string content, reasoning;
    json::array calls;
    for (size_t i = 0; i < blocks.size(); ++i) {
        const std::string where = fmt::format("{}.content[{}]", at, i);
        const std::string_view type = type_of(blocks[i]);
        if (type == "text" || type == "thinking") {
            const auto text = text_field(blocks[i], type, where);
            if (!text) return text.error();
            (type == "text" ? content : reasoning) += *text;
        } else if (type == "tool_use") {
            if (auto ok = add_call(blocks[i], where, calls); !ok) return ok.error();
        } else if (type != "redacted_thinking") {
            return unsupported_block(type, where);
        }
    }
    json::object message{{"role", "assistant"}, {"content", std::move(content)}};
    if (!reasoning.empty()) message["reasoning_content"] = std::move(reasoning);
    if (!calls.empty()) message["tool_calls"] = std::move(calls);
    out.push_back(std::move(message));
    return {};
}

Result<void> add_message(const json::value& value, const std::string& at, json::array& out) {
    const json::object* message = value.if_object();
    const json::value* role = message ? present(*message, "role") : nullptr;
    const bool user = role && *role == "user";
    if (!user && !(role && *role == "assistant"))
        return bad_field(at + ".role", "must be \"user\" or \"assistant\"");
    const json::value* content = present(*message, "content");
    if (content && content->is_string()) {
        out.push_back({{"role", *role}, {"content", *content}});
        return {};
    }
    if (!content || !content->is_array())
        return bad_field(at + ".content", "must be a string or a list of blocks");
    if (content->get_array().empty()) return bad_field(at + ".content", "must not be empty");
    return user ? add_user(content->get_array(), at, out) : add_assistant(content->get_array(), at, out);
}

Result<json::array> read_all(const json::object& body, const Limits& limits) {
    json::array out;
    if (const json::value* system = present(body, "system")) {
        auto text = read_text(*system, "system");
        if (!text) return text.error();
        out.push_back({{"role", "system"}, {"content", std::move(*text)}});
    }
    const json::value* messages = present(body, "messages");
    if (!messages || !messages->is_array() || messages->get_array().empty() ||
        messages->get_array().size() > limits.messages) {
        return bad_field("messages", fmt::format("must be a list of 1 to {} messages", limits.messages));
    }
    for (size_t i = 0; i < messages->get_array().size(); ++i) {
        const auto ok = add_message(messages->get_array()[i], fmt::format("messages[{}]", i), out);
        if (!ok) return ok.error();
    }
    return out;
}

// Tools that Anthropic's own servers run have a type and no schema: there is nothing here to run them.
Result<json::array> read_tools(const json::object& body) {
    json::array out;
    const json::value* tools = present(body, "tools");
    if (!tools) return out;
    if (!tools->is_array()) return bad_field("tools", "must be a list");
    for (size_t i = 0; i < tools->get_array().size(); ++i) {
        const json::object* tool = tools->get_array()[i].if_object();
        if (!tool) return bad_field(fmt::format("tools[{}]", i), "must be an object");
        const json::value* type = present(*tool, "type");
        if (type && *type != "custom") continue;
        json::object function;
        for (const auto& [from, to] :
             {std::pair{"name", "name"}, std::pair{"description", "description"},
              std::pair{"input_schema", "parameters"}, std::pair{"strict", "strict"}}) {
            if (const json::value* value = present(*tool, from)) function[to] = *value;
        }
        out.push_back({{"type", "function"}, {"function", std::move(function)}});
    }
    return out;
}

Result<void> read_choice(const json::object& body, json::object& chat) {
    const json::value* choice = present(body, "tool_choice");
    if (!choice) return {};
    const std::string_view type = type_of(*choice);
    if (type != "auto" && type != "none" && type != "any" && type != "tool")
        return bad_field("tool_choice", "must have a `type` auto, any, tool or none");
    if (type == "tool") {
        const auto name = text_field(*choice, "name", "tool_choice");
        if (!name) return name.error();
        chat["tool_choice"] = {{"type", "function"}, {"function", {{"name", *name}}}};
    } else {
        chat["tool_choice"] = type == "any" ? "required" : type;
    }
    const json::value* single = present(choice->get_object(), "disable_parallel_tool_use");
    if (single && !single->is_bool())
        return bad_field("tool_choice.disable_parallel_tool_use", "must be true or false");
    if (single) chat["parallel_tool_calls"] = !single->get_bool();
    return {};
}

// Thinking is off unless it is asked for, as with Anthropic.
Result<void> read_thinking(const json::object& body, json::object& chat) {
    const json::value* thinking = present(body, "thinking");
    const std::string_view type = thinking ? type_of(*thinking) : "disabled";
    if (type != "enabled" && type != "disabled" && type != "adaptive")
        return bad_field("thinking", "must have a `type` enabled, adaptive or disabled");
    chat["enable_thinking"] = type != "disabled";
    return {};
}

// {"format": {"type": "json_schema", "schema"}}; older clients have output_format beside it.
Result<void> read_output(const json::object& body, json::object& chat) {
    const json::value* output = present(body, "output_config");
    if (output && !output->is_object()) return bad_field("output_config", "must be an object");
    const json::value* format = output ? present(output->get_object(), "format") : nullptr;
    const json::value* older = present(body, "output_format");
    if (format && older)
        return bad_field("output_format", "is the older name of `output_config.format`; give one of them");
    if (!format) format = older;
    if (!format) return {};
    const json::value* schema = format->is_object() ? present(format->get_object(), "schema") : nullptr;
    if (type_of(*format) != "json_schema" || !schema)
        return bad_field("output_config.format", "must be {type: \"json_schema\", schema}");
    chat["response_format"] = {{"type", "json_schema"},
                               {"json_schema", {{"name", "output"}, {"schema", *schema}}}};
    return {};
}

// No conversation is kept here. A client that is told so sends all of it again; without a word the model
// would get the new messages alone.
Result<void> check_thread(const json::object& body) {
    const json::value* thread = present(body, "thread");
    if (!thread) return {};
    const std::string_view type = type_of(*thread);
    if (type == "continue")
        return Error{ErrorKind::not_found, "threads are not kept: send the whole conversation", "thread"};
    if (type != "create") return bad_field("thread", "must have a `type` create or continue");
    return {};
}

}  // namespace

Result<Call> read_messages_call(const json::object& body, const CallContext& context) {
    const auto values = read_values(body, Dialect::messages);
    if (!values) return values.error();
    if (auto ok = check_thread(body); !ok) return ok.error();
    json::object chat;
    if (auto ok = read_output(body, chat); !ok) return ok.error();
    for (const std::string_view name : {"model", "max_tokens", "temperature", "top_p", "top_k", "min_p",
                                        "seed", "stream", "priority", "cache_salt"}) {
        if (const json::value* value = present(body, name)) chat[name] = *value;
    }
    if (const json::value* stop = present(body, "stop_sequences")) {
        if (!stop->is_array()) return bad_field("stop_sequences", "must be a list of strings");
        chat["stop"] = *stop;
    }
    auto messages = read_all(body, context.limits);
    if (!messages) return messages.error();
    // A last turn of the assistant is to be gone on with.
    if (messages->back().at("role") == "assistant") chat["continue_final_message"] = true;
    chat["messages"] = std::move(*messages);
    auto tools = read_tools(body);
    if (!tools) return tools.error();
    if (!tools->empty()) chat["tools"] = std::move(*tools);
    if (auto ok = read_choice(body, chat); !ok) return ok.error();
    if (auto ok = read_thinking(body, chat); !ok) return ok.error();
    auto call = read_chat(chat, context);
    if (!call) return call.error();
    call->dialect = Dialect::messages;
    call->unknown_fields = values->unknown;
    return call;
}

}  // namespace sluice::net::openai
