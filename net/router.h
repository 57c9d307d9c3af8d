// Which route a request means: one table. Paths are exact;
// nothing but an `{id}` or `{response_id}` at its place is decoded or normalised. Pure.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace sluice::net {

enum class Route : uint8_t {
    chat_completions,
    completions,
    embeddings,
    messages,  // Anthropic's
    responses,
    count_tokens,  // Anthropic's
    response_tokens,
    render_chat,
    render_completion,
    tokenize,
    detokenize,
    apply_template,
    response,
    delete_response,
    cancel_response,
    response_input,
    models,
    model,
    server_info,
    experts,
    version,
    openapi,
    page,
    health,
    ready,
    metrics,
    none,
};

struct RouteEntry {
    std::string_view path;  // may end with {id}, or hold a {response_id}, which is one segment
    std::string_view method;
    Route route;
    std::string_view summary;
};
std::span<const RouteEntry> routes();

struct RouteMatch {
    Route route = Route::none;
    bool method_allowed = false;
    std::string allow = {};  // the Allow field of a 405
    std::string id = {};     // what stands for {id}, percent-decoded
};

std::optional<std::string> percent_decode(std::string_view text);

RouteMatch match_route(std::string_view method, std::string_view path);

// Routes that generate: they are refused while the server drains.
constexpr bool generates(Route route) {
    return route <= Route::responses;
}
// Routes with a JSON body, which is read on a text thread.
constexpr bool has_body(Route route) {
    return route <= Route::apply_template;
}
// Routes that need a loaded model.
constexpr bool needs_engine(Route route) {
    return has_body(route) || route == Route::models || route == Route::model ||
           route == Route::server_info || route == Route::experts || route == Route::openapi;
}
// Routes that need no API key: load balancers, probes, scrapers and browsers ask them, and they
// tell nothing of requests.
constexpr bool is_open(Route route) {
    return route == Route::page || route == Route::health || route == Route::ready || route == Route::metrics;
}
// Routes of Anthropic's dialect: their errors have its shape.
constexpr bool is_anthropic(Route route) {
    return route == Route::messages || route == Route::count_tokens;
}

}  // namespace sluice::net
