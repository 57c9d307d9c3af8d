// HTTP to one server, with libcurl: bytes of an answer as they come, given up as soon as somebody wants that.
// Only http and https, no redirects (they would carry the key elsewhere). One thread.
#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "engine/result.h"

namespace sluice::net::repl {

struct HttpAnswer {
    long status = 0;
    std::string type;      // Content-Type, in lower case
    long retry_after = 0;  // seconds; 0: not told
    std::string text;      // the body, unless it went to on_bytes
    bool stopped = false;  // *stop became true: the connection is closed
};

class HttpClient {
  public:
    // io: the URL is none.
    static Result<HttpClient> to(const std::string& url, const std::string& api_key);
    ~HttpClient();
    HttpClient(HttpClient&&) noexcept;

    const std::string& url() const;  // what paths are added to: with /v1, without a slash at the end

    // `body` of JSON: POST, else GET. The body of an answer with status 200 goes to on_bytes if there is one,
    // which returns false to give up; others are kept, as far as kTextBytes.
    using OnBytes = std::function<bool(std::string_view)>;
    Result<HttpAnswer> ask(const std::string& path, const std::optional<std::string>& body,
                           const OnBytes& on_bytes, const std::atomic<bool>& stop);

    static constexpr size_t kTextBytes = 1 << 20;
    static constexpr long kConnectSeconds = 15;
    static constexpr long kSilentSeconds = 600;  // a long prompt on a slow machine says nothing for minutes

  private:
    struct Curl;
    explicit HttpClient(std::unique_ptr<Curl> curl);
    std::unique_ptr<Curl> curl_;
};

}  // namespace sluice::net::repl
