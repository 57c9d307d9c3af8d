// A blocking TCP client that sends exactly the bytes it is told to and reads with a deadline.
#pragma once
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace sluice::test {

struct RawResponse {
    int status = 0;
    std::string head;
    std::string body;

    std::string field(const std::string& name) const {
        const size_t at = head.find("\r\n" + name + ": ");
        if (at == std::string::npos) return {};
        const size_t from = at + name.size() + 4;
        return head.substr(from, head.find("\r\n", from) - from);
    }
};

class RawClient {
  public:
    explicit RawClient(uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(port);
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        EXPECT_EQ(::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
    }
    ~RawClient() { close(); }
    RawClient(const RawClient&) = delete;

    void send(std::string_view bytes) {
        while (!bytes.empty()) {
            const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (n <= 0) return;  // the server may close early; what it said is still to be read
            bytes.remove_prefix(static_cast<size_t>(n));
        }
    }
    void half_close() { ::shutdown(fd_, SHUT_WR); }
    void close() {
        if (fd_ >= 0) ::close(fd_);
        fd_ = -1;
    }
    void reset() {  // RST instead of FIN
        const linger now{1, 0};
        ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        close();
    }
    void set_receive_buffer(int bytes) { ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes); }

    // Reads until the text is there; everything up to its end is taken. Empty when it does not come.
    std::string read_until(std::string_view text, int patience_ms = 10'000) {
        size_t at = 0;
        while ((at = buffer_.find(text)) == std::string::npos) {
            if (!fill(patience_ms)) return {};
        }
        return take(at + text.size());
    }
    std::string read_bytes(size_t n, int patience_ms = 10'000) {
        while (buffer_.size() < n) {
            if (!fill(patience_ms)) return {};
        }
        return take(n);
    }
    // Everything until the server closes.
    std::string read_all(int patience_ms = 10'000) {
        while (fill(patience_ms)) {
        }
        return take(buffer_.size());
    }
    // True when the server closes, having sent nothing more.
    bool closed(int patience_ms = 10'000) { return !fill(patience_ms) && ended_ && buffer_.empty(); }
    bool silent_for(int ms) { return buffer_.empty() && !fill(ms) && !ended_; }

    RawResponse read_head() {
        RawResponse r;
        r.head = read_until("\r\n\r\n");
        if (r.head.size() > 12) r.status = std::atoi(r.head.c_str() + 9);
        return r;
    }
    // One response with its body, of known length or chunked.
    RawResponse read_response(bool has_body = true) {
        RawResponse r = read_head();
        if (!has_body) return r;
        if (r.field("Transfer-Encoding") == "chunked") {
            for (std::string chunk; !(chunk = read_chunk()).empty();) r.body += chunk;
        } else {
            r.body = read_bytes(static_cast<size_t>(std::atoi(r.field("Content-Length").c_str())));
        }
        return r;
    }
    // Payload of the next chunk; empty: the last one, or nothing came.
    std::string read_chunk(int patience_ms = 10'000) {
        const std::string size = read_until("\r\n", patience_ms);
        const auto n = static_cast<size_t>(std::strtoul(size.c_str(), nullptr, 16));
        const std::string data = read_bytes(n + 2, patience_ms);
        return data.substr(0, n);
    }

  private:
    bool fill(int patience_ms) {
        if (ended_) return false;
        pollfd p{fd_, POLLIN, 0};
        if (::poll(&p, 1, patience_ms) <= 0) return false;
        char bytes[4096];
        const ssize_t n = ::recv(fd_, bytes, sizeof bytes, 0);
        if (n <= 0) {
            ended_ = true;
            return false;
        }
        buffer_.append(bytes, static_cast<size_t>(n));
        return true;
    }
    std::string take(size_t n) {
        std::string out = buffer_.substr(0, n);
        buffer_.erase(0, n);
        return out;
    }

    int fd_;
    bool ended_ = false;
    std::string buffer_;
};

}  // namespace sluice::test
