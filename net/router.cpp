#include "net/router.h"

#include <charconv>
#include <optional>

namespace sluice::net {
namespace {

struct Entry {
    std::string_view path;
    Route route;
    bool post;
};

constexpr Entry kEntries[] = {
    {"/v1/chat/completions", Route::chat_completions, true},
    {"/v1/completions", Route::completions, true},
    {"/v1/models", Route::models, false},
    {"/health", Route::health, false},
    {"/ready", Route::ready, false},
    {"/metrics", Route::metrics, false},
};
constexpr std::string_view kModelPrefix = "/v1/models/";

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

RouteMatch allow(RouteMatch match, std::string_view method, bool post) {
    match.method_allowed = post ? method == "POST" : method == "GET" || method == "HEAD";
    match.allow = post ? "POST" : "GET, HEAD";
    return match;
}

}  // namespace

RouteMatch match_route(std::string_view method, std::string_view path) {
    for (const Entry& entry : kEntries) {
        if (entry.path == path) return allow({entry.route}, method, entry.post);
    }
    if (!path.starts_with(kModelPrefix) || path.size() == kModelPrefix.size()) return {};
    auto model = percent_decode(path.substr(kModelPrefix.size()));
    if (!model) return {};
    RouteMatch match{Route::model};
    match.model = std::move(*model);
    return allow(std::move(match), method, false);
}

}  // namespace sluice::net
