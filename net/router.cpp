#include "net/router.h"

#include <algorithm>
#include <charconv>

namespace sluice::net {
namespace {

constexpr RouteEntry kRoutes[] = {
    {"/v1/chat/completions", "POST", Route::chat_completions, "a chat completion, or a stream of chunks"},
    {"/v1/completions", "POST", Route::completions, "a text completion, or a stream"},
    {"/v1/embeddings", "POST", Route::embeddings, "vectors of the texts, from the model's hidden states"},
    {"/v1/responses", "POST", Route::responses, "OpenAI's Responses API, or a stream of its events"},
    {"/v1/responses/input_tokens", "POST", Route::response_tokens, "how many tokens the input has"},
    {"/v1/responses/{response_id}", "GET", Route::response, "a stored response"},
    {"/v1/responses/{response_id}", "DELETE", Route::delete_response, "forgets it"},
    {"/v1/responses/{response_id}/cancel", "POST", Route::cancel_response, "ends one in the background"},
    {"/v1/responses/{response_id}/input_items", "GET", Route::response_input, "what it was made from"},
    {"/v1/messages", "POST", Route::messages, "Anthropic's Messages API, or a stream of its events"},
    {"/v1/messages/count_tokens", "POST", Route::count_tokens, "how many tokens the messages have"},
    {"/v1/chat/completions/render", "POST", Route::render_chat, "the prompt's token ids"},
    {"/v1/completions/render", "POST", Route::render_completion, "the prompt's token ids"},
    {"/tokenize", "POST", Route::tokenize, "token ids of a text or of messages"},
    {"/detokenize", "POST", Route::detokenize, "the text of token ids"},
    {"/apply-template", "POST", Route::apply_template, "the prompt that messages become, as text"},
    {"/v1/models", "GET", Route::models, "the model under each of its names, with its context length"},
    {"/v1/models/{id}", "GET", Route::model, "the same by its name, an alias, or `default`"},
    {"/server_info", "GET", Route::server_info, "model, shapes, settings"},
    {"/get_server_info", "GET", Route::server_info, "the same, by the name that some routers ask for"},
    {"/experts", "GET", Route::experts, "how many tokens each expert of each layer has computed"},
    {"/version", "GET", Route::version, "the program's version"},
    {"/openapi.json", "GET", Route::openapi, "all of this as OpenAPI 3.1, made of the same tables"},
    {"/", "GET", Route::page, "a page to chat with the model in a browser"},
    {"/health", "GET", Route::health, "200 while the process lives"},
    {"/ready", "GET", Route::ready, "200 when requests can be served; 503 while loading, draining or stuck"},
    {"/metrics", "GET", Route::metrics, "Prometheus text, with vLLM's names"},
};
constexpr std::string_view kId = "{id}";  // at a path's end: model names may hold slashes

// What stands for the id in `path`, "" for shapes without one; nothing when the path is another.
std::optional<std::string> match_path(std::string_view shape, std::string_view path) {
    const size_t at = shape.find('{');
    if (at == std::string_view::npos) return shape == path ? std::optional<std::string>("") : std::nullopt;
    const bool segment = !shape.ends_with(kId);
    const std::string_view after = shape.substr(shape.find('}') + 1);
    if (path.size() <= at + after.size() || !path.starts_with(shape.substr(0, at)) || !path.ends_with(after))
        return std::nullopt;
    const std::string_view id = path.substr(at, path.size() - at - after.size());
    if (segment && id.find('/') != std::string_view::npos) return std::nullopt;
    return percent_decode(id);
}

}  // namespace

std::optional<std::string> percent_decode(std::string_view text) {
    std::string out;
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        unsigned value = 0;
        if (i + 2 >= text.size()) return std::nullopt;
        const char* end = text.data() + i + 3;
        if (std::from_chars(text.data() + i + 1, end, value, 16).ptr != end) return std::nullopt;
        out += static_cast<char>(value);
        i += 2;
    }
    return out;
}

std::span<const RouteEntry> routes() {
    return kRoutes;
}

RouteMatch match_route(std::string_view method, std::string_view path) {
    RouteMatch out;
    const bool exact = std::ranges::find(kRoutes, path, &RouteEntry::path) != std::end(kRoutes);
    for (const RouteEntry& entry : kRoutes) {
        if (exact && entry.path != path) continue;  // what has a name of its own is no {id}
        auto id = match_path(entry.path, path);
        if (!id) continue;
        const bool get = entry.method == "GET";
        if (method == entry.method || (get && method == "HEAD"))
            return {entry.route, true, {}, std::move(*id)};
        out.route = entry.route;
        if (!out.allow.empty()) out.allow += ", ";
        out.allow += get ? "GET, HEAD" : entry.method;
    }
    return out;
}

}  // namespace sluice::net
