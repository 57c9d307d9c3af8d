#include "net/openai/asked.h"

#include "net/json.h"
#include "net/openai/conversation.h"

namespace sluice::net::openai {
namespace {

namespace json = boost::json;

void write_tokens(JsonWriter& writer, std::string_view key, const std::vector<int32_t>& tokens) {
    writer.key(key).begin_array();
    for (const int32_t token : tokens) writer.integer(token);
    writer.end_array();
}

// A chat request's prompt, checked as far as the prompt goes.
Result<chat::TemplateInput> read_prompt(const json::object& body, const CallContext& context) {
    json::object copy = body;
    if (!present(copy, "model")) copy["model"] = "default";  // these routes do not insist on it
    const auto values = read_values(copy, Dialect::chat);
    if (!values) return values.error();
    if (auto ok = read_request(copy, *values, context); !ok) return ok.error();
    const auto offered = read_offered(copy, *values, context.limits);
    if (!offered) return offered.error();
    return read_conversation(copy, *values, offered->tools, context.limits);
}

Result<std::vector<int32_t>> chat_tokens(const json::object& body, const CallContext& context) {
    const auto input = read_prompt(body, context);
    if (!input) return input.error();
    const json::value* salt = present(body, "cache_salt");  // read_prompt() has checked it
    return context.frontend.chat(*input, salt ? std::string_view(salt->get_string()) : "");
}

// vLLM's shape: {"count", "max_model_len", "tokens"}; `content` is llama.cpp's word for `prompt`.
Result<std::string> tokenize(const json::object& body, const CallContext& context) {
    std::vector<int32_t> tokens;
    if (present(body, "messages")) {
        auto chat = chat_tokens(body, context);
        if (!chat) return chat.error();
        tokens = std::move(*chat);
    } else {
        const json::value* text = present(body, present(body, "content") ? "content" : "prompt");
        if (!text || !text->is_string())
            return bad_field("prompt", "must be a string; or give `content`, or `messages`");
        tokens = context.frontend.tokenizer().encode(text->get_string());
        const json::value* special = present(body, "add_special_tokens");
        if (special && !special->is_bool()) return bad_field("add_special_tokens", "must be true or false");
        const auto& tokenizer = context.frontend.tokenizer();
        const bool wanted = special ? special->get_bool() : !present(body, "content");
        if (wanted && tokenizer.add_bos() && tokenizer.bos() >= 0)
            tokens.insert(tokens.begin(), tokenizer.bos());
    }
    std::string out;
    JsonWriter writer(out);
    writer.begin_object().key("count").integer(static_cast<int64_t>(tokens.size()));
    writer.key("max_model_len").integer(context.model.context);
    write_tokens(writer, "tokens", tokens);
    writer.end_object();
    return out;
}

Result<std::string> detokenize(const json::object& body, const CallContext& context) {
    const json::value* tokens = present(body, "tokens");
    if (!tokens || !tokens->is_array()) return bad_field("tokens", "must be a list of token ids");
    tokenizer::Detokenizer text;
    std::string joined;
    for (const json::value& value : tokens->get_array()) {
        const auto id = as_integer(value);
        if (!id || *id < 0 || *id >= context.model.vocab)
            return bad_field("tokens", "has an id that is not in the vocabulary");
        joined += text.push(context.frontend.tokenizer().bytes(static_cast<int32_t>(*id), true));
    }
    joined += text.finish();
    std::string out;
    JsonWriter writer(out);
    writer.begin_object().key("prompt").text(joined).key("content").text(joined).end_object();
    return out;
}

Result<std::string> apply_template(const json::object& body, const CallContext& context) {
    const auto input = read_prompt(body, context);
    if (!input) return input.error();
    if (!context.frontend.chat_template())
        return Error{ErrorKind::unsupported, "this model has no chat template", "messages"};
    const auto rendered = context.frontend.chat_template()->render(*input);
    if (!rendered) return rendered.error();
    std::string out;
    JsonWriter writer(out);
    writer.begin_object().key("prompt").text(rendered->text).end_object();
    return out;
}

// The ids that the engine would be given, for routers that hash prefixes.
std::string write_prompt(const std::vector<int32_t>& tokens) {
    std::string out;
    JsonWriter writer(out);
    writer.begin_object();
    write_tokens(writer, "token_ids", tokens);
    writer.key("count").integer(static_cast<int64_t>(tokens.size())).end_object();
    return out;
}

Result<std::string> render_completion(const json::object& body, const CallContext& context) {
    const auto call = read_call(Dialect::completions, body, context);
    if (!call) return call.error();
    std::string out = "[";
    for (const engine::Request& request : call->requests) {
        if (out.size() > 1) out += ',';
        out += write_prompt(request.prompt);
    }
    return out + "]";
}

Result<std::string> render_chat(const json::object& body, const CallContext& context) {
    const auto tokens = chat_tokens(body, context);
    if (!tokens) return tokens.error();
    return write_prompt(*tokens);
}

Result<std::string> count_tokens(const json::object& body, const CallContext& context) {
    json::object copy = body;
    if (!present(copy, "max_tokens")) copy["max_tokens"] = 1;  // required of a message, not of counting
    const auto call = read_call(Dialect::messages, copy, context);
    if (!call) return call.error();
    std::string out;
    JsonWriter writer(out);
    writer.begin_object().key("input_tokens");
    writer.integer(static_cast<int64_t>(call->requests.front().prompt.size())).end_object();
    return out;
}

Result<std::string> count_response_tokens(const json::object& body, const CallContext& context) {
    json::object copy = body;
    if (!present(copy, "model")) copy["model"] = "default";
    const auto call = read_call(Dialect::responses, copy, context);
    if (!call) return call.error();
    std::string out;
    JsonWriter writer(out);
    writer.begin_object().key("object").text("response.input_tokens").key("input_tokens");
    writer.integer(static_cast<int64_t>(call->requests.front().prompt.size())).end_object();
    return out;
}

Result<std::string> answer_at_once(Route route, const json::object& body, const CallContext& context) {
    switch (route) {
        case Route::count_tokens:
            return count_tokens(body, context);
        case Route::response_tokens:
            return count_response_tokens(body, context);
        case Route::render_chat:
            return render_chat(body, context);
        case Route::render_completion:
            return render_completion(body, context);
        case Route::tokenize:
            return tokenize(body, context);
        case Route::detokenize:
            return detokenize(body, context);
        default:
            return apply_template(body, context);
    }
}

}  // namespace

Result<Asked> read_asked(Route route, std::string_view text, const CallContext& context) {
    const auto body = read_body(text, context.limits);
    if (!body) return body.error();
    if (!generates(route)) {
        auto answer = answer_at_once(route, *body, context);
        if (!answer) return answer.error();
        return Asked(std::move(*answer));
    }
    const Dialect dialect = route == Route::completions  ? Dialect::completions
                            : route == Route::embeddings ? Dialect::embeddings
                            : route == Route::messages   ? Dialect::messages
                            : route == Route::responses  ? Dialect::responses
                                                         : Dialect::chat;
    auto call = read_call(dialect, *body, context);
    if (!call) return call.error();
    return Asked(std::move(*call));
}

}  // namespace sluice::net::openai
