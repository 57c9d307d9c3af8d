// POST /v1/chat/completions: from the body to a call.
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

Result<chat::TemplateInput> read_conversation(const json::object& body, const Values& values,
                                              const Limits& limits) {
    chat::TemplateInput input;
    auto messages = read_messages(body, limits);
    if (!messages) return messages.error();
    input.messages = std::move(*messages);
    auto tools = read_tools(body, limits);
    if (!tools) return tools.error();
    input.tools = std::move(*tools);
    auto kwargs = read_kwargs(body);
    if (!kwargs) return kwargs.error();
    input.kwargs = std::move(*kwargs);
    input.continue_final_message = values.continue_final_message.value_or(false);
    input.add_generation_prompt = values.add_generation_prompt.value_or(!input.continue_final_message);
    if (input.continue_final_message && input.add_generation_prompt)
        return bad_field("continue_final_message", "and `add_generation_prompt` exclude each other");
    return input;
}

}  // namespace

Result<Call> read_chat(const json::object& body, const CallContext& context) {
    const auto values = read_values(body, Dialect::chat);
    if (!values) return values.error();
    auto request = read_request(body, *values, context);
    if (!request) return request.error();
    if (auto ok = check_response_format(body); !ok) return ok.error();
    const auto include_usage = read_include_usage(body);
    if (!include_usage) return include_usage.error();

    Call call;
    call.dialect = Dialect::chat;
    call.stream = values->stream.value_or(false);
    call.include_usage = *include_usage;
    call.logprobs = values->logprobs.value_or(false);
    call.n = request->n;
    call.unknown_fields = values->unknown;
    const int64_t top = values->top_logprobs.value_or(0);
    if (top > 0 && !call.logprobs) return bad_field("top_logprobs", "needs `logprobs` to be true");
    if (call.logprobs) request->sampling.top_logprobs = static_cast<int32_t>(top);
    const auto max_tokens =
        values->max_completion_tokens ? values->max_completion_tokens : values->max_tokens;
    request->max_tokens = static_cast<int32_t>(max_tokens.value_or(context.model.context));

    const auto input = read_conversation(body, *values, context.limits);
    if (!input) return input.error();
    auto prompt = context.frontend.chat(*input);
    if (!prompt) return prompt.error();
    request->prompt = std::move(*prompt);
    call.requests.push_back(std::move(*request));
    return call;
}

}  // namespace sluice::net::openai
