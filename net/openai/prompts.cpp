#include "net/openai/prompts.h"

#include <fmt/format.h>

namespace sluice::net::openai {
namespace {

namespace json = boost::json;

Error bad_prompt(std::string_view field) {
    return bad_field(field, "must be a string, a list of strings, a list of token ids, or a list of those");
}

Result<Prompt> text_prompt(const json::string& text, std::string_view field, const CallContext& context) {
    auto tokens = context.frontend.raw(text);
    if (!tokens) return Error{tokens.error().kind, tokens.error().message, std::string(field)};
    return Prompt{std::move(*tokens), std::string(text)};
}

Result<Prompt> token_prompt(const json::array& ids, std::string_view field, const CallContext& context) {
    Prompt prompt;
    const auto& tokenizer = context.frontend.tokenizer();
    tokenizer::Detokenizer text;
    for (const json::value& value : ids) {
        const auto id = as_integer(value);
        if (!id) return bad_prompt(field);
        if (*id < 0 || *id >= context.model.vocab) {
            return bad_field(field,
                             fmt::format("has a token id outside 0 to {}: {}", context.model.vocab - 1, *id));
        }
        prompt.tokens.push_back(static_cast<int32_t>(*id));
        prompt.text += text.push(tokenizer.bytes(prompt.tokens.back(), true));
    }
    prompt.text += text.finish();
    if (prompt.tokens.empty()) return bad_field(field, "has no tokens");
    return prompt;
}

Result<Prompt> one_prompt(const json::value& value, std::string_view field, const CallContext& context) {
    if (value.is_string()) return text_prompt(value.get_string(), field, context);
    if (value.is_array()) return token_prompt(value.get_array(), field, context);
    return bad_prompt(field);
}

}  // namespace

Result<std::vector<Prompt>> read_prompts(const json::object& body, std::string_view field, size_t most,
                                         const CallContext& context) {
    const json::value* prompt = present(body, field);
    if (!prompt) return bad_field(field, "is required");
    std::vector<Prompt> out;
    const bool many =
        prompt->is_array() && !prompt->get_array().empty() && !prompt->get_array().front().is_number();
    const size_t count = many ? prompt->get_array().size() : 1;
    if (count > most) return bad_field(field, fmt::format("may have at most {} of them", most));
    for (size_t i = 0; i < count; ++i) {
        auto one = one_prompt(many ? prompt->get_array()[i] : *prompt, field, context);
        if (!one) return one.error();
        out.push_back(std::move(*one));
    }
    return out;
}

}  // namespace sluice::net::openai
