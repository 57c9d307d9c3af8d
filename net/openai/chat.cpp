// POST /v1/chat/completions: from the body to a call.
#include <algorithm>

#include "net/openai/call.h"
#include "net/openai/conversation.h"
#include "net/openai/structured.h"

namespace sluice::net::openai {
namespace {

namespace json = boost::json;

Result<void> check_modalities(const json::object& body) {
    const json::value* modalities = present(body, "modalities");
    if (!modalities) return {};
    if (!modalities->is_array()) return bad_field("modalities", "must be a list");
    for (const json::value& one : modalities->get_array()) {
        if (one != "text")
            return Error{ErrorKind::unsupported, "`modalities` can only be [\"text\"]", "modalities"};
    }
    return {};
}

// How the answer is to be read: what the template knows, and where the prompt leaves off.
chat::AnswerOptions answer_options(const Offered& offered, const std::vector<int32_t>& prompt, bool continues,
                                   const engine::Frontend& frontend) {
    chat::AnswerOptions out;
    out.format = chat::detect_answer_format(frontend.chat_template()->source());
    for (const json::value& tool : offered.tools) {
        if (offered.is_allowed(tool.at("function").at("name").as_string())) out.tools.push_back(tool);
    }
    out.parse_tools = !out.tools.empty();
    out.parallel = offered.parallel;
    constexpr size_t kTail = 16;  // tokens: more than any template writes after its last tag
    std::string tail;
    for (size_t i = prompt.size() - std::min(prompt.size(), kTail); i < prompt.size(); ++i)
        tail += frontend.tokenizer().bytes(prompt[i], true);
    tail.erase(tail.find_last_not_of(" \n") + 1);
    out.in_reasoning = out.format.reasoning && tail.ends_with("<think>");
    if (continues || tail.ends_with("</think>")) out.format.reasoning = false;
    return out;
}

// An answer that comes back in a later conversation is known again by what stood in front of it.
std::function<void(std::span<const int32_t>)> remember_answer(const engine::Request& request,
                                                              const std::vector<int32_t>& prompt,
                                                              const chat::AnswerOptions& how,
                                                              const engine::Frontend& frontend) {
    const auto before = std::make_shared<engine::ReplayPrefix>(request.cache_salt);
    before->add(prompt);
    return
        [before, how, frontend](std::span<const int32_t> tokens) { frontend.remember(*before, tokens, how); };
}

}  // namespace

Result<Call> read_chat(const json::object& body, const CallContext& context) {
    const auto values = read_values(body, Dialect::chat);
    if (!values) return values.error();
    auto request = read_request(body, *values, context);
    if (!request) return request.error();
    if (auto ok = check_modalities(body); !ok) return ok.error();
    auto structured = read_structured(body);
    if (!structured) return structured.error();
    const auto include_usage = read_include_usage(body);
    if (!include_usage) return include_usage.error();
    const auto offered = read_offered(body, *values, context.limits);
    if (!offered) return offered.error();

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

    const auto input = read_conversation(body, *values, offered->tools, context.limits);
    if (!input) return input.error();
    auto prompt = context.frontend.chat(*input, request->cache_salt);
    if (!prompt) return prompt.error();
    call.answer = answer_options(*offered, *prompt, input->continue_final_message, context.frontend);
    const engine::AnswerRules rules{call.answer, offered->mode == ToolMode::required, structured->rule};
    if (auto ok = constrain(*request, rules, structured->param, context.frontend); !ok) return ok.error();
    if (input->add_generation_prompt && context.frontend.remembers())
        call.remember = remember_answer(*request, *prompt, call.answer, context.frontend);
    request->prompt = std::move(*prompt);
    call.requests.push_back(std::move(*request));
    return call;
}

}  // namespace sluice::net::openai
