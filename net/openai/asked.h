// What a request with a body asks for: a generation, or what text threads can answer themselves (tokens,
// templates). On a text thread.
#pragma once
#include <string>
#include <string_view>
#include <variant>

#include "net/openai/call.h"
#include "net/router.h"

namespace sluice::net::openai {

using Asked = std::variant<Call, std::string>;  // string: the JSON answer

Result<Asked> read_asked(Route route, std::string_view body, const CallContext& context);

}  // namespace sluice::net::openai
