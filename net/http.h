// HTTP messages as plain data: what the framing layer makes of request bytes, and how an answer becomes
// bytes. Beast reads and writes them, in framing.cpp and http.cpp and nowhere else.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::net {

using Fields = std::vector<std::pair<std::string, std::string>>;  // names in lower case

enum class BodyKind { none, length, chunked };

// A request whose framing has been checked (net/framing.h).
struct HttpRequest {
    std::string method;
    std::string path;  // of the target, before '?'; not decoded
    std::string query;
    int minor = 1;  // HTTP/1.minor
    Fields fields;
    BodyKind body_kind = BodyKind::none;
    uint64_t content_length = 0;
    bool keep_alive = true;
    bool expects_continue = false;
    std::string body;

    // First value of the field, empty if absent. `name` in lower case.
    std::string_view field(std::string_view name) const;
};

struct HttpResponse {
    int status = 200;
    std::string content_type = "application/json";
    Fields fields;  // beside those that head_text writes
    std::string body;
};

enum class Transfer { length, chunked, until_close };

struct HeadFormat {
    Transfer transfer = Transfer::length;
    bool keep_alive = true;
    int minor = 1;
    std::string_view request_id;
};

// Status line and header fields, ready to send.
std::string head_text(const HttpResponse& response, const HeadFormat& format);

// One chunk of the chunked coding; empty for an empty payload, which would end the body.
std::string chunk(std::string_view payload);
std::string last_chunk();

std::string_view reason_phrase(int status);

// Seconds since 1970 as an IMF-fixdate (RFC 9110, 5.6.7).
std::string http_date(int64_t unix_seconds);

}  // namespace sluice::net
