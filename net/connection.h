// One client's socket: at most one read and one write are under way, both end in a single wake-up that the
// session waits for. So a session sees new bytes, a lost client, a finished write, an event of the engine and
// the clock through one co_await. Thread: the io thread that accepted it; shared because handlers may outlive
// the session.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <string>

namespace sluice::net {

using Clock = std::chrono::steady_clock;

class Connection : public std::enable_shared_from_this<Connection> {
  public:
    explicit Connection(boost::asio::ip::tcp::socket socket);

    // Returns at `until`, or earlier when anything has happened.
    boost::asio::awaitable<void> wait(Clock::time_point until);
    void notify();       // wakes the session; io thread
    void post_notify();  // the same from any other thread

    // Keeps a read under way while fewer than `limit` bytes are unread.
    void want_input(size_t limit);
    std::string& input() { return input_; }
    bool at_end() const { return end_; }     // the client will send no more (FIN)
    bool broken() const { return broken_; }  // reset, or a write failed: nobody is there
    void watch_for_reset();                  // after at_end(): notices when the client has gone altogether

    // One at a time.
    void start_write(std::string bytes);
    bool writing() const { return writing_; }
    Clock::time_point last_progress() const { return progress_; }  // of the write

    void shut_down_sending();
    void close();

    boost::asio::any_io_executor executor() { return socket_.get_executor(); }

  private:
    void write_some();
    void break_off();

    boost::asio::ip::tcp::socket socket_;
    boost::asio::steady_timer signal_;
    bool notified_ = false;

    std::string input_;
    bool reading_ = false;
    bool end_ = false;
    bool broken_ = false;
    bool watching_ = false;

    std::string output_;
    size_t written_ = 0;
    bool writing_ = false;
    Clock::time_point progress_;
};

}  // namespace sluice::net
