// Requests about a stored response by its name. Quick: on an io thread.
#pragma once
#include <string>
#include <string_view>

#include "engine/result.h"
#include "net/responses/store.h"
#include "net/router.h"

namespace sluice::net::openai {

constexpr bool is_about_stored(Route route) {
    return route >= Route::response && route <= Route::response_input;
}

// The JSON answer. not_found: no such response is stored; invalid_request names what of the query is wrong.
Result<std::string> answer_stored(const RouteMatch& match, std::string_view query, ResponseStore& store);

}  // namespace sluice::net::openai
