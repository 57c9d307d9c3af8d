// POST /v1/completions: from the body to a call.
#include "net/openai/call.h"
#include "net/openai/prompts.h"
#include "net/openai/structured.h"

namespace sluice::net::openai {
namespace {

namespace json = boost::json;

constexpr int32_t kDefaultMaxTokens = 16;  // OpenAI's

Result<void> check_choices(const json::object& body, const Values& values) {
    const json::value* suffix = present(body, "suffix");
    if (suffix) return Error{ErrorKind::unsupported, "`suffix` is not supported", "suffix"};
    if (values.best_of && *values.best_of != values.n.value_or(1))
        return Error{ErrorKind::unsupported, "`best_of` other than `n` is not supported", "best_of"};
    return {};
}

}  // namespace

Result<Call> read_completion(const json::object& body, const CallContext& context) {
    const auto values = read_values(body, Dialect::completions);
    if (!values) return values.error();
    auto request = read_request(body, *values, context);
    if (!request) return request.error();
    if (auto ok = check_choices(body, *values); !ok) return ok.error();
    auto structured = read_structured(body);
    if (!structured) return structured.error();
    const auto include_usage = read_include_usage(body);
    if (!include_usage) return include_usage.error();

    Call call;
    call.dialect = Dialect::completions;
    call.stream = values->stream.value_or(false);
    call.include_usage = *include_usage;
    call.logprobs = values->logprobs_count.has_value();
    call.echo = values->echo.value_or(false);
    call.n = request->n;
    call.unknown_fields = values->unknown;
    request->max_tokens = static_cast<int32_t>(values->max_tokens.value_or(kDefaultMaxTokens));
    if (request->max_tokens == 0 && !call.echo)
        return bad_field("max_tokens", "can be 0 only together with `echo`");
    if (call.logprobs) request->sampling.top_logprobs = static_cast<int32_t>(*values->logprobs_count);
    request->prompt_logprobs = call.echo && call.logprobs;
    engine::AnswerRules rules;
    rules.options.parse_tools = false;
    rules.content = structured->rule;
    if (auto ok = constrain(*request, rules, structured->param, context.frontend); !ok) return ok.error();

    auto prompts = read_prompts(body, "prompt", context.limits.prompts, context);
    if (!prompts) return prompts.error();
    for (Prompt& prompt : *prompts) {
        engine::Request& one = call.requests.emplace_back(*request);
        one.prompt = std::move(prompt.tokens);
        if (call.echo) call.echo_texts.push_back(std::move(prompt.text));
    }
    return call;
}

}  // namespace sluice::net::openai
