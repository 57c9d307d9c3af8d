// The HTTP server: binds, accepts, and spreads connections over its io threads. It answers from the moment of
// bind(); until an engine is given, every request for one gets the reason why there is none.
// Members may be called from any one thread at a time (main).
#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "engine/engine.h"
#include "engine/result.h"
#include "net/api_keys.h"
#include "net/limits.h"

namespace sluice::net {

struct ServerOptions {
    std::string host = "127.0.0.1";
    uint16_t port = 8080;  // 0: any free one
    int io_threads = 1;
    int text_threads = 1;
    Limits limits;
    ApiKeys keys;
};

class Server {
  public:
    explicit Server(ServerOptions options);
    ~Server();  // stop()

    Result<void> bind();    // io naming the address: it is taken, unknown, or not allowed
    uint16_t port() const;  // after bind()

    void set_engine(std::shared_ptr<engine::Engine> engine);
    void set_load_error(Error error);

    // Refuses new work with 503 and lets what runs end; what still runs at `deadline` ends with an error.
    // Returns when nothing runs any more.
    void drain(std::chrono::steady_clock::time_point deadline);

    void stop();  // closes every connection at once

  private:
    struct Core;
    std::unique_ptr<Core> core_;
};

}  // namespace sluice::net
