// Every bound of the HTTP side, with its default. Read once at start, then constant; any thread.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace sluice::net {

struct Limits {
    bool operator==(const Limits&) const = default;

    // what one request may be
    size_t request_line_bytes = 8 << 10;  // longer: 414
    size_t header_bytes = 16 << 10;       // request line and fields together; more: 431
    size_t header_fields = 100;           // more: 431
    size_t body_bytes = 8 << 20;          // more: 413
    size_t chunk_extension_bytes = 256;   // of one chunk; more: 400
    int32_t json_depth = 100;             // nested arrays and objects
    size_t messages = 4096;
    size_t tools = 128;
    size_t prompts = 128;  // of one completions request
    size_t inputs = 1024;  // of one embeddings request
    size_t stop_strings = 16;
    size_t stop_bytes = 256;  // of one stop string
    size_t logit_bias = 300;

    // how many at a time
    size_t connections = 10'000;     // more: 503 and close
    size_t text_jobs = 1024;         // requests waiting to be tokenised; more: 429
    size_t bodies_bytes = 1 << 30;   // of all bodies not yet tokenised, and of running responses; more: 503
    size_t unread_bytes = 16 << 10;  // read ahead of the request being answered; the rest stays in the kernel
    size_t background_responses = 64;  // running without a client; more: 429; 0: refused
    size_t lag_events = 256;           // waiting for a slow client before tokens are merged into one frame

    // responses that are kept for later requests; the oldest go first
    size_t response_store_bytes = 64 << 20;  // 0: none are kept
    size_t response_store_count = 1000;

    // how long; what grows with a size has a rate that grants more to the large
    std::chrono::milliseconds header_time{10'000};  // from the first byte (or the connect) to the last field
    std::chrono::milliseconds body_time{60'000};    // from the header to the end of the body, and longer by
    size_t body_rate = 64 << 10;                    // a second for so many bytes that have come
    std::chrono::milliseconds idle_time{75'000};    // between requests of one connection
    std::chrono::milliseconds write_stall{30'000};  // the client takes nothing: cancel
    std::chrono::milliseconds linger_time{1'000};   // to let a refused client read the answer
    std::chrono::milliseconds keep_alive_comment{15'000};  // silence of a stream before a comment goes out
    std::chrono::milliseconds request_time{0};     // for a whole generation, queueing included; 0: no bound
    std::chrono::milliseconds step_stall{60'000};  // work pending but no step for so long: not ready; and
    size_t step_rate = 64 << 20;                   // a second more for so many bytes of the model
    std::chrono::milliseconds retry_after{1'000};  // what a refused client is told to wait
    std::chrono::milliseconds drain_time{30'000};  // for running requests to end after SIGTERM
    std::chrono::milliseconds stop_time{1'000};    // then, for sessions to notice that they are to end
    std::chrono::milliseconds accept_pause{100};   // after the system had no descriptor for a new connection
};

}  // namespace sluice::net
