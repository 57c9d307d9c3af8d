#include "net/framing.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <charconv>

namespace sluice::net {
namespace {

namespace http = boost::beast::http;

bool is_token_char(char c) {
    if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) return true;
    return std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool is_token(std::string_view s) {
    return !s.empty() && std::all_of(s.begin(), s.end(), is_token_char);
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool is_host_char(char c) {  // RFC 3986 authority without user info: reg-name, IP literal, port
    if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) return true;
    return std::string_view("-._~:[]%!$&'()*+,;=").find(c) != std::string_view::npos;
}

std::string lower(std::string_view s) {
    std::string out(s);
    for (char& c : out) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return out;
}

std::string_view trim(std::string_view s) {
    while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
    while (!s.empty() && (s.back() == ' ' || s.back() == '\t')) s.remove_suffix(1);
    return s;
}

std::string_view take_line(std::string_view& rest) {
    const size_t end = rest.find("\r\n");
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end, rest.size() - 2) + 2);
    return line;
}

// True when the comma-separated list holds the word, in any case.
bool lists(std::string_view value, std::string_view word) {
    while (!value.empty()) {
        const size_t comma = std::min(value.find(','), value.size());
        if (lower(trim(value.substr(0, comma))) == word) return true;
        value.remove_prefix(std::min(comma + 1, value.size()));
    }
    return false;
}

// Those that are known to the world, though no route here has all of them: 405, not 501.
constexpr std::array<std::string_view, 9> kMethods = {"GET",   "HEAD",    "POST",  "PUT",  "DELETE",
                                                      "PATCH", "OPTIONS", "TRACE", "QUERY"};

std::optional<Rejection> read_target(std::string_view target, HttpRequest& request) {
    const auto visible = [](char c) { return c > 0x20 && c < 0x7f && c != '#'; };
    if (!std::all_of(target.begin(), target.end(), visible))
        return Rejection{400, "the request target has a character that is not allowed"};
    for (const std::string_view scheme :
         {"http://", "https://"}) {  // absolute-form: the Host field still rules
        if (lower(target.substr(0, scheme.size())) != scheme) continue;
        target.remove_prefix(std::min(target.find('/', scheme.size()), target.size()));
        if (target.empty()) target = "/";
    }
    if (target != "*" && !target.starts_with('/')) return Rejection{400, "the request target must be a path"};
    const size_t question = std::min(target.find('?'), target.size());
    request.path = target.substr(0, question);
    request.query = target.substr(std::min(question + 1, target.size()));
    return std::nullopt;
}

std::optional<Rejection> read_request_line(std::string_view line, HttpRequest& request) {
    const size_t first = line.find(' ');
    const size_t last = line.rfind(' ');
    if (first == std::string_view::npos || first == last || !is_token(line.substr(0, first)))
        return Rejection{400, "the request line is not METHOD TARGET HTTP/1.1"};
    const std::string_view version = line.substr(last + 1);
    if (version != "HTTP/1.1" && version != "HTTP/1.0")
        return Rejection{400, "only HTTP/1.1 and HTTP/1.0 are spoken here"};
    request.minor = version.back() - '0';
    request.method = line.substr(0, first);
    if (std::find(kMethods.begin(), kMethods.end(), request.method) == kMethods.end())
        return Rejection{501, "the method is not implemented"};
    return std::nullopt;
}

std::optional<Rejection> read_field(std::string_view line, HttpRequest& request) {
    if (line.front() == ' ' || line.front() == '\t')
        return Rejection{400, "header fields may not be folded over lines"};
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos || !is_token(line.substr(0, colon)))
        return Rejection{400, "a header field is not NAME: VALUE"};
    request.fields.emplace_back(lower(line.substr(0, colon)), std::string(trim(line.substr(colon + 1))));
    return std::nullopt;
}

std::optional<Rejection> check_host(const HttpRequest& request) {
    const auto is_host = [](const auto& f) { return f.first == "host"; };
    const auto count = std::count_if(request.fields.begin(), request.fields.end(), is_host);
    if (count > 1 || (count == 0 && request.minor == 1))
        return Rejection{400, "a request needs exactly one Host field"};
    const std::string_view host = request.field("host");
    if (count == 1 && (host.empty() || !std::all_of(host.begin(), host.end(), is_host_char)))
        return Rejection{400, "the Host field is not a host"};
    return std::nullopt;
}

std::optional<Rejection> read_content_length(std::string_view value, const Limits& limits,
                                             HttpRequest& request) {
    const bool digits = !value.empty() && std::all_of(value.begin(), value.end(), is_digit);
    if (!digits || (value.size() > 1 && value.front() == '0'))
        return Rejection{400, "Content-Length is not a plain decimal number"};
    const auto end = value.data() + value.size();
    const auto parsed = std::from_chars(value.data(), end, request.content_length);
    if (parsed.ec != std::errc{}) return Rejection{400, "Content-Length is too large a number"};
    if (request.content_length > limits.body_bytes) {
        return Rejection{413, fmt::format("the body has {} bytes; at most {} are accepted",
                                          request.content_length, limits.body_bytes)};
    }
    request.body_kind = BodyKind::length;
    return std::nullopt;
}

std::optional<Rejection> read_body_framing(const Limits& limits, HttpRequest& request) {
    int lengths = 0, encodings = 0;
    for (const auto& [name, value] : request.fields) {
        lengths += name == "content-length";
        encodings += name == "transfer-encoding";
    }
    if (lengths > 1 || encodings > 1)
        return Rejection{400, "Content-Length and Transfer-Encoding may come only once"};
    if (encodings == 1) {
        if (lengths == 1) return Rejection{400, "Content-Length and Transfer-Encoding exclude each other"};
        if (request.minor == 0) return Rejection{400, "HTTP/1.0 has no Transfer-Encoding"};
        if (request.field("transfer-encoding") != "chunked")
            return Rejection{501, "the only transfer coding understood is \"chunked\""};
        request.body_kind = BodyKind::chunked;
        return std::nullopt;
    }
    return lengths == 1 ? read_content_length(request.field("content-length"), limits, request)
                        : std::nullopt;
}

std::optional<Rejection> read_connection(HttpRequest& request) {
    request.keep_alive = request.minor == 1;
    for (const auto& [name, value] : request.fields) {
        if (name != "connection") continue;
        if (request.minor == 0 && lists(value, "keep-alive")) request.keep_alive = true;
        if (lists(value, "close")) {
            request.keep_alive = false;
            break;
        }
    }
    const std::string_view expect = request.field("expect");
    if (expect.empty() || request.minor == 0) return std::nullopt;
    if (lower(expect) != "100-continue")
        return Rejection{417, "the only expectation understood is 100-continue"};
    request.expects_continue = true;
    return std::nullopt;
}

// The same bytes in Beast's reading, which is the one that is routed. It accepts more than the checks before
// it; where it accepts less, or finds another body, the header is ambiguous.
std::optional<Rejection> read_again(std::string_view head, HttpRequest& request) {
    http::request_parser<http::empty_body> parser;
    parser.header_limit(static_cast<uint32_t>(head.size()) + 1);
    parser.body_limit(boost::none);
    boost::beast::error_code ec;
    parser.put(boost::asio::buffer(head.data(), head.size()), ec);
    if (ec || !parser.is_header_done()) return Rejection{400, "the header is malformed: " + ec.message()};
    const auto& message = parser.get();
    const auto count = static_cast<size_t>(std::distance(message.begin(), message.end()));
    if (parser.chunked() != (request.body_kind == BodyKind::chunked) ||
        parser.content_length().value_or(0) != request.content_length || count != request.fields.size())
        return Rejection{400, "the header can be read in two ways"};
    request.method = message.method_string();
    request.fields.clear();
    for (const auto& field : message)
        request.fields.emplace_back(lower(field.name_string()), std::string(field.value()));
    return read_target(message.target(), request);
}

}  // namespace

HeadScanner::State HeadScanner::reject(int status, std::string message) {
    rejection_ = {status, std::move(message)};
    return State::rejected;
}

// A TLS record begins with 0x16, a version byte 3; the HTTP/2 preface is given by RFC 9113, 3.4.
HeadScanner::State HeadScanner::foreign(std::string_view buffer) {
    static constexpr std::string_view kHttp2 = "PRI * HTTP/2.0\r\n";
    if (buffer.front() == 0x16) {
        greeting_ = "a TLS greeting on a plain HTTP port";
        return State::foreign;
    }
    if (buffer.size() >= kHttp2.size() && buffer.starts_with(kHttp2)) {
        greeting_ = "an HTTP/2 preface; this port speaks HTTP/1.1";
        return State::foreign;
    }
    return State::more;
}

// After CR LF. State::more: go on with the next line.
HeadScanner::State HeadScanner::end_line() {
    const size_t length = position_ - line_start_ - 2;
    if (lines_ == 0 && length == 0 && skipped_ == 0) {
        skipped_ = line_start_ = position_;
        return State::more;
    }
    if (length == 0) return lines_ == 0 ? reject(400, "there is no request line") : State::complete;
    if (lines_ > limits_.header_fields)
        return reject(431, fmt::format("more than {} header fields", limits_.header_fields));
    ++lines_;
    line_start_ = position_;
    return State::more;
}

HeadScanner::State HeadScanner::scan(std::string_view buffer) {
    if (!buffer.empty() && foreign(buffer) == State::foreign) return State::foreign;
    while (position_ < buffer.size()) {
        const char c = buffer[position_];
        if (c == '\r') {
            if (position_ + 1 == buffer.size()) break;
            if (buffer[position_ + 1] != '\n') return reject(400, "a carriage return stands alone");
            position_ += 2;
            const State state = end_line();
            if (state != State::more) return state;
            continue;
        }
        if (c == '\n') return reject(400, "a line ends without carriage return");
        if ((c >= 0 && c < 0x20 && c != '\t') || c == 0x7f)
            return reject(400, "the header has a control character");
        ++position_;
        if (lines_ == 0 && position_ - line_start_ > limits_.request_line_bytes)
            return reject(
                414, fmt::format("the request line is longer than {} bytes", limits_.request_line_bytes));
        if (position_ - skipped_ > limits_.header_bytes)
            return reject(431, fmt::format("the header is longer than {} bytes", limits_.header_bytes));
    }
    return State::more;
}

HeadResult parse_head(std::string_view head, const Limits& limits) {
    HttpRequest request;
    std::string_view rest = head;
    if (auto bad = read_request_line(take_line(rest), request)) return *bad;
    while (!rest.empty()) {
        const std::string_view line = take_line(rest);
        if (line.empty()) break;
        if (auto bad = read_field(line, request)) return *bad;
    }
    if (auto bad = check_host(request)) return *bad;
    if (auto bad = read_body_framing(limits, request)) return *bad;
    if (auto bad = read_connection(request)) return *bad;
    if (auto bad = read_again(head, request)) return *bad;
    return request;
}

}  // namespace sluice::net
