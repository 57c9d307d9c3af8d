// What all sessions share. Owned by Server, which outlives them. Any thread.
#pragma once
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <mutex>
#include <string>

#include "engine/engine.h"
#include "net/api_keys.h"
#include "net/ids.h"
#include "net/limits.h"
#include "net/metrics.h"
#include "net/responses/store.h"

namespace sluice::net {

// What the server can do at the moment.
struct Readiness {
    std::shared_ptr<engine::Engine> engine;  // null: see error
    Error error;                             // why there is none: loading, or what loading ended with
    std::shared_ptr<const std::string> openapi = {};  // the document; null without an engine
};

struct Services {
    Services(const Limits& limits_in, ApiKeys keys_in) : limits(limits_in), keys(std::move(keys_in)) {}

    Readiness readiness() const {
        const std::lock_guard lock(mutex);
        return current;
    }
    void set_readiness(Readiness next) {
        const std::lock_guard lock(mutex);
        current = std::move(next);
    }

    const Limits limits;
    const ApiKeys keys;
    Metrics metrics;
    IdSource ids;
    const std::shared_ptr<openai::ResponseStore> responses = std::make_shared<openai::ResponseStore>(
        limits.response_store_bytes, limits.response_store_count, limits.background_responses);
    boost::asio::io_context text;       // run by the "sl-text" threads: JSON, templates, tokenising
    std::atomic<size_t> text_jobs{0};   // queued or running there
    std::atomic<size_t> body_bytes{0};  // read and not yet tokenised
    std::atomic<int64_t> connections{0};
    std::atomic<int64_t> generations{0};            // calls being answered
    std::atomic<engine::Clock::rep> busy_since{0};  // when `generations` last left 0
    std::atomic<bool> draining{false};
    std::atomic<bool> aborting{false};  // the drain's deadline has passed: running answers end with an error

  private:
    mutable std::mutex mutex;
    Readiness current{nullptr, {ErrorKind::unavailable, "the model is loading"}};
};

}  // namespace sluice::net
