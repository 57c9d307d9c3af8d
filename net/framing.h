// Where a request's header ends and what it says, decided strictly and before anything is routed: whatever
// two HTTP parsers could read differently is refused (request smuggling, RFC 9112 section 11.2). What passes
// is read by Beast as well, and both must agree. Pure; no sockets.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "engine/result.h"
#include "net/http.h"
#include "net/limits.h"

namespace sluice::net {

// Why the connection is answered once and closed.
struct Rejection {
    int status = 400;
    std::string message;
};

// Watches header bytes as they arrive, so that a broken line is refused at once and not at the deadline.
class HeadScanner {
  public:
    explicit HeadScanner(const Limits& limits) : limits_(limits) {}

    enum class State {
        more,      // the header is not complete
        complete,  // size() bytes of the buffer are the header, with its empty line
        rejected,  // see rejection()
        foreign,   // not HTTP/1: see greeting()
    };

    // `buffer` is everything received for this request: what was shown before, and more.
    State scan(std::string_view buffer);

    size_t size() const { return position_; }
    size_t skipped() const { return skipped_; }  // an empty line before the request (RFC 9112, 2.2)
    const Rejection& rejection() const { return rejection_; }
    std::string_view greeting() const { return greeting_; }

  private:
    State reject(int status, std::string message);
    State foreign(std::string_view buffer);
    State end_line();

    const Limits& limits_;
    size_t position_ = 0;
    size_t skipped_ = 0;
    size_t line_start_ = 0;
    size_t lines_ = 0;  // finished; the first is the request line
    Rejection rejection_;
    std::string_view greeting_;
};

using HeadResult = boost::system::result<HttpRequest, Rejection>;

[[noreturn]] inline void throw_exception_from_error(const Rejection& r, const boost::source_location&) {
    throw std::runtime_error(r.message);
}

// The header that the scanner found complete (without skipped bytes, with the empty line).
HeadResult parse_head(std::string_view head, const Limits& limits);

}  // namespace sluice::net
