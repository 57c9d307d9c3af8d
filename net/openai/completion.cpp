// POST /v1/completions: from the body to a call.
#include <fmt/format.h>

#include "net/openai/call.h"
#include "net/openai/structured.h"

namespace sluice::net::openai {
namespace {

namespace json = boost::json;

constexpr int32_t kDefaultMaxTokens = 16;  // OpenAI's

struct Prompt {
    std::vector<int32_t> tokens;
    std::string text;  // for echo
};

Error bad_prompt() {
    return bad_field("prompt",
                     "must be a string, a list of strings, a list of token ids, or a list of those");
}

Result<Prompt> text_prompt(const json::string& text, const CallContext& context) {
    auto tokens = context.frontend.raw(text);
    if (!tokens) return tokens.error();
    return Prompt{std::move(*tokens), std::string(text)};
}

Result<Prompt> token_prompt(const json::array& ids, const CallContext& context) {
    Prompt prompt;
    const auto& tokenizer = context.frontend.tokenizer();
    tokenizer::Detokenizer text;
    for (const json::value& value : ids) {
        const auto id = as_integer(value);
        if (!id) return bad_prompt();
        if (*id < 0 || *id >= context.model.vocab) {
            return bad_field("prompt",
                             fmt::format("has a token id outside 0 to {}: {}", context.model.vocab - 1, *id));
        }
        prompt.tokens.push_back(static_cast<int32_t>(*id));
        prompt.text += text.push(tokenizer.bytes(prompt.tokens.back(), true));
    }
    prompt.text += text.finish();
    if (prompt.tokens.empty()) return bad_field("prompt", "has no tokens");
    return prompt;
}

Result<Prompt> one_prompt(const json::value& value, const CallContext& context) {
    if (value.is_string()) return text_prompt(value.get_string(), context);
    if (value.is_array()) return token_prompt(value.get_array(), context);
    return bad_prompt();
}

Result<std::vector<Prompt>> read_prompts(const json::object& body, const CallContext& context) {
    const json::value* prompt = present(body, "prompt");
    if (!prompt) return bad_field("prompt", "is required");
    std::vector<Prompt> out;
    const bool many =
        prompt->is_array() && !prompt->get_array().empty() && !prompt->get_array().front().is_number();
    const size_t count = many ? prompt->get_array().size() : 1;
    if (count > context.limits.prompts)
        return bad_field("prompt", fmt::format("may have at most {} prompts", context.limits.prompts));
    for (size_t i = 0; i < count; ++i) {
        auto one = one_prompt(many ? prompt->get_array()[i] : *prompt, context);
        if (!one) return one.error();
        out.push_back(std::move(*one));
    }
    return out;
}

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

    auto prompts = read_prompts(body, context);
    if (!prompts) return prompts.error();
    for (Prompt& prompt : *prompts) {
        engine::Request& one = call.requests.emplace_back(*request);
        one.prompt = std::move(prompt.tokens);
        if (call.echo) call.echo_texts.push_back(std::move(prompt.text));
    }
    return call;
}

}  // namespace sluice::net::openai
