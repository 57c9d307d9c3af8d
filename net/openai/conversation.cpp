#include "net/openai/conversation.h"

#include "net/openai/call.h"
#include "net/openai/messages.h"

namespace sluice::net::openai {
namespace {

namespace json = boost::json;

// Names that belong to the template's own world; a request may not redefine them.
constexpr std::string_view kReserved[] = {
    "messages",  "tools",     "add_generation_prompt", "continue_final_message",
    "bos_token", "eos_token", "chat_template",         "tokenize"};

Result<json::object> read_kwargs(const json::object& body) {
    const json::value* kwargs = present(body, "chat_template_kwargs");
    if (!kwargs) return json::object();
    if (!kwargs->is_object()) return bad_field("chat_template_kwargs", "must be an object");
    for (const std::string_view name : kReserved) {
        if (kwargs->get_object().contains(name))
            return bad_field("chat_template_kwargs", "may not set `" + std::string(name) + "`");
    }
    return kwargs->get_object();
}

// enable_thinking has three spellings; the template's own variable wins.
void add_thinking(const Values& values, json::object& kwargs) {
    if (kwargs.contains("enable_thinking")) return;
    if (values.enable_thinking) {
        kwargs["enable_thinking"] = *values.enable_thinking;
    } else if (values.reasoning_effort == "none") {
        kwargs["enable_thinking"] = false;
    }
}

}  // namespace

Result<chat::TemplateInput> read_conversation(const json::object& body, const Values& values,
                                              const json::array& tools, const Limits& limits) {
    chat::TemplateInput input;
    auto messages = read_messages(body, limits);
    if (!messages) return messages.error();
    input.messages = std::move(*messages);
    input.tools = tools;
    auto kwargs = read_kwargs(body);
    if (!kwargs) return kwargs.error();
    input.kwargs = std::move(*kwargs);
    add_thinking(values, input.kwargs);
    input.continue_final_message = values.continue_final_message.value_or(false);
    input.add_generation_prompt = values.add_generation_prompt.value_or(!input.continue_final_message);
    if (input.continue_final_message && input.add_generation_prompt)
        return bad_field("continue_final_message", "and `add_generation_prompt` exclude each other");
    return input;
}

}  // namespace sluice::net::openai
