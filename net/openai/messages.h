// The conversation part of a chat request, checked and brought into the one shape that templates see.
#pragma once
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "engine/result.h"
#include "net/limits.h"

namespace sluice::net::openai {

// Roles as templates know them (developer becomes system), content as one string, tool-call arguments as
// objects.
Result<boost::json::array> read_messages(const boost::json::object& body, const Limits& limits);

}  // namespace sluice::net::openai
