// Errors as clients see them: status, OpenAI's error object, and when to come back. The table from ErrorKind
// to HTTP is here and nowhere else.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/result.h"
#include "net/http.h"
#include "net/limits.h"

namespace sluice::net {

struct ApiError {
    int status = 500;
    std::string_view type;  // "invalid_request_error", ...
    std::string_view code;  // empty: null
    std::string message;
    std::string param = {};  // empty: null
    bool retry = false;      // tell the client when to come back
};

ApiError to_api_error(const Error& error);

// For what has no ErrorKind: framing, routing, media types.
ApiError http_error(int status, std::string message);

// No API key, or a wrong one.
ApiError unauthorised();

// OpenAI: {"error":{"message","type","param","code"}}
std::string error_body(const ApiError& error);
// Anthropic: {"type":"error","error":{"type","message"},"request_id"}, with its types and its status 529; an
// unknown thread has "details" too.
std::string anthropic_error_body(const ApiError& error, std::string_view request_id);

enum class ErrorShape : uint8_t { openai, anthropic };

HttpResponse error_response(const ApiError& error, const Limits& limits,
                            ErrorShape shape = ErrorShape::openai, std::string_view request_id = {});

}  // namespace sluice::net
