#include "net/http.h"

#include <fmt/format.h>

#include <ctime>

namespace sluice::net {

std::string_view HttpRequest::field(std::string_view name) const {
    for (const auto& [key, value] : fields) {
        if (key == name) return value;
    }
    return {};
}

std::string_view reason_phrase(int status) {
    switch (status) {
        case 100:
            return "Continue";
        case 200:
            return "OK";
        case 400:
            return "Bad Request";
        case 404:
            return "Not Found";
        case 405:
            return "Method Not Allowed";
        case 408:
            return "Request Timeout";
        case 413:
            return "Content Too Large";
        case 414:
            return "URI Too Long";
        case 415:
            return "Unsupported Media Type";
        case 417:
            return "Expectation Failed";
        case 429:
            return "Too Many Requests";
        case 431:
            return "Request Header Fields Too Large";
        case 500:
            return "Internal Server Error";
        case 501:
            return "Not Implemented";
        case 503:
            return "Service Unavailable";
        case 504:
            return "Gateway Timeout";
        default:
            return "Unknown";
    }
}

std::string http_date(int64_t unix_seconds) {
    static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                              "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const std::time_t t = unix_seconds;
    std::tm tm{};
    gmtime_r(&t, &tm);
    return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT", kDays[tm.tm_wday], tm.tm_mday,
                       kMonths[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

std::string head_text(const HttpResponse& response, const HeadFormat& format) {
    std::string out = fmt::format("HTTP/1.1 {} {}\r\nServer: sluice\r\nDate: {}\r\n", response.status,
                                  reason_phrase(response.status), http_date(std::time(nullptr)));
    if (!response.content_type.empty()) out += fmt::format("Content-Type: {}\r\n", response.content_type);
    if (!format.request_id.empty()) out += fmt::format("x-request-id: {}\r\n", format.request_id);
    for (const auto& [name, value] : response.fields) out += fmt::format("{}: {}\r\n", name, value);
    if (format.transfer == Transfer::length)
        out += fmt::format("Content-Length: {}\r\n", response.body.size());
    if (format.transfer == Transfer::chunked) out += "Transfer-Encoding: chunked\r\n";
    if (!format.keep_alive) {
        out += "Connection: close\r\n";
    } else if (format.minor == 0) {
        out += "Connection: keep-alive\r\n";
    }
    return out += "\r\n";
}

}  // namespace sluice::net
