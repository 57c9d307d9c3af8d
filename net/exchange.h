// The steps of answering one request on a connection, shared by session and generation. Coroutines are free
// functions; references are to what their caller keeps alive while it waits for them. Thread: io.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <memory>
#include <string>
#include <utility>

#include "net/connection.h"
#include "net/http.h"
#include "net/http_error.h"
#include "net/services.h"

namespace sluice::net {

// The share of one request in the memory that all bodies have together.
class BodyShare {
  public:
    BodyShare() = default;
    ~BodyShare() { release(); }
    BodyShare(BodyShare&& other) noexcept : all_(other.all_), held_(std::exchange(other.held_, 0)) {}

    // false: all together would be more than the limit.
    bool grow_to(size_t bytes, Services& s) {
        all_ = &s.body_bytes;
        const size_t before = all_->fetch_add(bytes - held_);
        const size_t added = bytes - std::exchange(held_, bytes);
        return before + added <= s.limits.bodies_bytes;
    }
    void release() {
        if (all_) all_->fetch_sub(std::exchange(held_, 0));
    }

  private:
    std::atomic<size_t>* all_ = nullptr;
    size_t held_ = 0;
};

struct Exchange {
    HttpRequest request;
    BodyShare share;
    std::string id;  // x-request-id
    Clock::time_point began = Clock::now();
    bool keep_alive = true;  // after this answer
    ErrorShape errors = ErrorShape::openai;
    int status = 0;       // what was sent
    engine::Usage usage;  // for the log
};

HeadFormat head_format(const Exchange& x, Transfer transfer);

// Sends the bytes. false: the client has gone, or has taken nothing for too long.
boost::asio::awaitable<bool> send(std::shared_ptr<Connection> c, const Services& s, std::string bytes);

boost::asio::awaitable<bool> respond(std::shared_ptr<Connection> c, const Services& s, Exchange& x,
                                     HttpResponse response);

// Counts the refusal and answers with it.
boost::asio::awaitable<bool> refuse(std::shared_ptr<Connection> c, Services& s, Exchange& x, ApiError error);

}  // namespace sluice::net
