// The tools of a request, and which of them the answer may or must call.
#pragma once
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "engine/result.h"
#include "net/limits.h"
#include "net/openai/fields.h"

namespace sluice::net::openai {

enum class ToolMode : uint8_t { none, automatic, required };

struct Offered {
    boost::json::array tools;  // as the client sent them; empty: none, or tool_choice is none
    ToolMode mode = ToolMode::none;
    std::vector<std::string> allowed = {};  // empty: all
    bool parallel = true;

    bool is_allowed(std::string_view name) const;
};

// Errors name `tools[i]...` or `tool_choice`.
Result<Offered> read_offered(const boost::json::object& body, const Values& values, const Limits& limits);

}  // namespace sluice::net::openai
