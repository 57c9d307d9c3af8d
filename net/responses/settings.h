// The settings of a Responses request: what of it the chat body gets, and what the answer repeats.
#pragma once
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <vector>

#include "engine/result.h"
#include "net/openai/fields.h"
#include "net/responses/response.h"

namespace sluice::net::openai {

struct ResponseTools {
    boost::json::array kept;     // as the client sent them
    boost::json::array chat;     // the same in chat's form
    std::vector<size_t> places;  // of each in the request
};

// Errors name `tools[i]`.
Result<ResponseTools> read_response_tools(const boost::json::object& body);

// The chat body, but for its messages and tools.
Result<boost::json::object> read_settings(const boost::json::object& body, const Values& values);

RepeatedFields repeated_fields(const boost::json::object& body, const Values& values,
                               const boost::json::array& tools, bool stored);

}  // namespace sluice::net::openai
