#include "net/http_error.h"

#include <fmt/format.h>

#include "net/json.h"

namespace sluice::net {
namespace {

struct Row {
    ErrorKind kind;
    int status;
    std::string_view type;
    std::string_view code;
    bool retry = false;
};

constexpr std::string_view kBadRequest = "invalid_request_error";
constexpr std::string_view kServer = "server_error";

constexpr Row kRows[] = {
    {ErrorKind::invalid_request, 400, kBadRequest, ""},
    {ErrorKind::context_length_exceeded, 400, kBadRequest, "context_length_exceeded"},
    {ErrorKind::model_not_found, 404, kBadRequest, "model_not_found"},
    {ErrorKind::not_found, 404, kBadRequest, "not_found"},
    {ErrorKind::unsupported_architecture, 501, kServer, "unsupported_architecture"},
    {ErrorKind::unsupported, 400, kBadRequest, "unsupported"},
    {ErrorKind::bad_file, 503, kServer, "bad_model_file"},
    {ErrorKind::io, 503, kServer, "io_error"},
    {ErrorKind::out_of_memory, 503, kServer, "out_of_memory", true},
    {ErrorKind::queue_full, 429, "rate_limit_error", "rate_limit_exceeded", true},
    {ErrorKind::unavailable, 503, kServer, "unavailable", true},
    {ErrorKind::deadline_exceeded, 504, kServer, "deadline_exceeded"},
    {ErrorKind::cancelled, 503, kServer, "cancelled"},
    {ErrorKind::internal, 500, kServer, "internal_error"},
};

void text_or_null(JsonWriter& json, std::string_view value) {
    value.empty() ? json.null() : json.text(value);
}

constexpr int kOverloaded = 529;  // Anthropic's

std::string_view anthropic_type(int status) {
    switch (status) {
        case 401:
            return "authentication_error";
        case 403:
            return "permission_error";
        case 404:
            return "not_found_error";
        case 413:
            return "request_too_large";
        case 429:
            return "rate_limit_error";
        case 503:
            return "overloaded_error";
        case 504:
            return "timeout_error";
        default:
            return status < 500 ? "invalid_request_error" : "api_error";
    }
}

}  // namespace

ApiError to_api_error(const Error& error) {
    for (const Row& row : kRows) {
        if (row.kind == error.kind)
            return {row.status, row.type, row.code, error.message, error.param, row.retry};
    }
    return {500, kServer, "internal_error", error.message, error.param};
}

ApiError http_error(int status, std::string message) {
    return {status, status < 500 ? kBadRequest : kServer, "", std::move(message)};
}

ApiError unauthorised() {
    return {401, kBadRequest, "invalid_api_key",
            "this server wants an API key, as `Authorization: Bearer KEY` or `x-api-key: KEY`"};
}

std::string error_body(const ApiError& error) {
    std::string out;
    JsonWriter json(out);
    json.begin_object().key("error").begin_object().key("message").text(error.message);
    json.key("type").text(error.type).key("param");
    text_or_null(json, error.param);
    json.key("code");
    text_or_null(json, error.code);
    json.end_object().end_object();
    return out;
}

std::string anthropic_error_body(const ApiError& error, std::string_view request_id) {
    std::string out;
    JsonWriter json(out);
    json.begin_object().key("type").text("error").key("error").begin_object();
    json.key("type").text(anthropic_type(error.status)).key("message").text(error.message);
    if (error.status == 404 && error.param == "thread") {  // Anthropic's clients read this code
        json.key("details").begin_object().key("error_code").text("thread_not_found").end_object();
    }
    json.end_object().key("request_id");
    text_or_null(json, request_id);
    json.end_object();
    return out;
}

HttpResponse error_response(const ApiError& error, const Limits& limits, ErrorShape shape,
                            std::string_view request_id) {
    HttpResponse response;
    const bool anthropic = shape == ErrorShape::anthropic;
    response.status = anthropic && error.status == 503 ? kOverloaded : error.status;
    response.body = anthropic ? anthropic_error_body(error, request_id) : error_body(error);
    if (error.status == 401) response.fields.emplace_back("WWW-Authenticate", "Bearer");
    if (error.retry) {  // OpenAI's clients read retry-after-ms first
        const auto ms = limits.retry_after.count();
        response.fields.emplace_back("Retry-After", fmt::format("{}", (ms + 999) / 1000));
        response.fields.emplace_back("retry-after-ms", fmt::format("{}", ms));
    } else if (error.status >=
               500) {  // again it would end the same way, and they try three times unless told
        response.fields.emplace_back("x-should-retry", "false");
    }
    return response;
}

}  // namespace sluice::net
