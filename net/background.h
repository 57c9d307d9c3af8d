// A response that is made without its client. Its store knows it while it runs and keeps it when it has
// ended. Events are taken on a text thread; any thread may look at it or cancel it.
#pragma once
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "net/openai/reply.h"
#include "net/running.h"

namespace sluice::net {

class Background final : public openai::RunningResponse, public std::enable_shared_from_this<Background> {
  public:
    // What it borrows until it has ended.
    struct Surroundings {
        Metrics& metrics;
        std::atomic<int64_t>& generations;
        std::atomic<engine::Clock::rep>& busy_since;
        size_t lag_events;
        std::shared_ptr<void> share;                      // in the memory of all bodies
        std::function<void(std::function<void()>)> post;  // runs it soon, on a text thread
    };

    // The response as it begins. queue_full, or what the engine refuses it for.
    static Result<std::string> start(openai::Call call, openai::ReplyHeader header,
                                     std::shared_ptr<engine::Engine> engine, const Surroundings& around);

    Background(const openai::Call& call, openai::ReplyHeader header, const Surroundings& around);

    openai::Turns so_far() override;
    void cancel() override;

  private:
    Result<std::string> submit(std::vector<engine::Request> requests, std::shared_ptr<engine::Engine> engine);
    void advance();
    void leave();

    const Surroundings around_;
    const std::string id_;
    const std::shared_ptr<openai::ResponseRequest> request_;
    std::mutex mutex_;
    std::optional<Counted> counted_;
    Stopwatch watch_;
    std::unique_ptr<openai::Reply> reply_;  // null: ended
    std::optional<Running> running_;
};

}  // namespace sluice::net
