// Which route a request means: exact paths, nothing decoded or normalised. Pure.
#pragma once
#include <string>
#include <string_view>

namespace sluice::net {

enum class Route { chat_completions, completions, models, model, health, ready, metrics, none };

struct RouteMatch {
    Route route = Route::none;
    bool method_allowed = false;
    std::string_view allow = {};  // the Allow field of a 405
    std::string model = {};       // of Route::model, percent-decoded
};

RouteMatch match_route(std::string_view method, std::string_view path);

// Routes that generate: they need the engine and a body.
constexpr bool generates(Route route) {
    return route == Route::chat_completions || route == Route::completions;
}

}  // namespace sluice::net
