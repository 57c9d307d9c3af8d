#include "net/connection.h"

#include <poll.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <new>

namespace sluice::net {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr size_t kReadBytes = 16 << 10;

}  // namespace

Connection::Connection(asio::ip::tcp::socket socket)
    : socket_(std::move(socket)), signal_(socket_.get_executor()) {
    error_code ignored;
    socket_.set_option(asio::ip::tcp::no_delay(true), ignored);  // a token is sent when it is there
    socket_.non_blocking(true, ignored);
}

asio::awaitable<void> Connection::wait(Clock::time_point until) {
    if (!notified_) {
        signal_.expires_at(until);
        co_await signal_.async_wait(asio::as_tuple(asio::use_awaitable));
    }
    notified_ = false;
}

void Connection::notify() {
    notified_ = true;
    signal_.cancel();
}

void Connection::post_notify() {
    asio::post(socket_.get_executor(), [self = shared_from_this()] { self->notify(); });
}

void Connection::break_off() {
    broken_ = true;
    notify();
}

void Connection::want_input(size_t limit) {
    if (reading_ || end_ || broken_ || input_.size() >= limit) return;
    reading_ = true;
    socket_.async_wait(asio::ip::tcp::socket::wait_read, [self = shared_from_this()](error_code ec) {
        self->reading_ = false;
        if (ec) return self->break_off();
        char bytes[kReadBytes];  // not in the object: an idle connection keeps no buffer
        const size_t n = self->socket_.read_some(asio::buffer(bytes), ec);
        if (ec == asio::error::would_block) return self->notify();
        if (ec && ec != asio::error::eof) return self->break_off();
        try {
            self->input_.append(bytes, n);
        } catch (const std::bad_alloc&) {  // ends this session only
            return self->break_off();
        }
        self->end_ = ec == asio::error::eof;
        self->notify();
    });
}

// A FIN may come from a client that only has nothing more to say; a reset comes when it has gone. Epoll
// reports edges, so look once before waiting for the next one.
void Connection::watch_for_reset() {
    if (watching_ || broken_) return;
    pollfd now{socket_.native_handle(), 0, 0};
    if (::poll(&now, 1, 0) > 0 && (now.revents & (POLLERR | POLLHUP)) != 0) return break_off();
    watching_ = true;
    socket_.async_wait(asio::ip::tcp::socket::wait_error, [self = shared_from_this()](error_code) {
        self->watching_ = false;
        self->break_off();
    });
}

void Connection::start_write(std::string bytes) {
    output_ = std::move(bytes);
    written_ = 0;
    writing_ = true;
    progress_ = Clock::now();
    write_some();
}

void Connection::write_some() {
    const auto rest = asio::buffer(output_.data() + written_, output_.size() - written_);
    socket_.async_write_some(rest, [self = shared_from_this()](error_code ec, size_t n) {
        self->written_ += n;
        self->progress_ = Clock::now();
        if (!ec && self->written_ < self->output_.size()) return self->write_some();
        self->writing_ = false;
        self->output_ = {};
        if (ec) return self->break_off();
        self->notify();
    });
}

void Connection::shut_down_sending() {
    error_code ignored;
    socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
}

void Connection::close() {
    error_code ignored;
    socket_.close(ignored);
    break_off();
}

}  // namespace sluice::net
