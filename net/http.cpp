#include "net/http.h"

#include <fmt/format.h>

#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/http/chunk_encode.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/status.hpp>
#include <ctime>

namespace sluice::net {

namespace http = boost::beast::http;

std::string_view HttpRequest::field(std::string_view name) const {
    for (const auto& [key, value] : fields) {
        if (key == name) return value;
    }
    return {};
}

std::string_view reason_phrase(int status) {
    return http::obsolete_reason(http::int_to_status(static_cast<unsigned>(status)));
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
    http::response<http::empty_body> head(static_cast<http::status>(response.status), 11);
    head.set(http::field::server, "sluice");
    head.set(http::field::date, http_date(std::time(nullptr)));
    if (!response.content_type.empty()) head.set(http::field::content_type, response.content_type);
    if (!format.request_id.empty()) {
        head.set("x-request-id", format.request_id);
        head.set("request-id", format.request_id);  // as Anthropic's clients look for it
    }
    for (const auto& [name, value] : response.fields) head.set(name, value);
    // Of a 304 it would be the length of what is not sent.
    const bool sized = format.transfer == Transfer::length && response.status != 304;
    if (sized) head.content_length(response.body.size());
    if (format.transfer == Transfer::chunked) head.chunked(true);
    head.keep_alive(format.keep_alive);
    // We answer HTTP/1.0 as 1.1, but such a client wants to be told.
    if (format.keep_alive && format.minor == 0) head.set(http::field::connection, "keep-alive");

    http::response_serializer<http::empty_body> serializer(head);
    serializer.split(true);
    std::string out;
    for (boost::beast::error_code ec; !ec && !serializer.is_header_done();) {
        serializer.next(ec, [&](boost::beast::error_code&, const auto& buffers) {
            out = boost::beast::buffers_to_string(buffers);
            serializer.consume(out.size());
        });
    }
    return out;
}

std::string chunk(std::string_view payload) {
    if (payload.empty()) return {};
    return boost::beast::buffers_to_string(
        http::make_chunk(boost::asio::buffer(payload.data(), payload.size())));
}

std::string last_chunk() {
    return boost::beast::buffers_to_string(http::make_chunk_last());
}

}  // namespace sluice::net
