// A call while it runs: counted, submitted, timed. One thread at a time.
#pragma once
#include <atomic>
#include <memory>
#include <utility>
#include <vector>

#include "engine/engine.h"
#include "net/mailbox.h"
#include "net/metrics.h"
#include "net/openai/call.h"

namespace sluice::net {

// Counts the call while it is answered.
class Counted {
  public:
    Counted(std::atomic<int64_t>& generations, std::atomic<engine::Clock::rep>& busy_since)
        : generations_(generations) {
        if (generations_.fetch_add(1) == 0) busy_since = engine::Clock::now().time_since_epoch().count();
    }
    ~Counted() { generations_.fetch_sub(1); }
    Counted(const Counted&) = delete;

  private:
    std::atomic<int64_t>& generations_;
};

// What the engine was asked for. Going out of scope before the end cancels it.
class Running {
  public:
    Running(std::shared_ptr<engine::Engine> engine, std::shared_ptr<Mailbox> mailbox)
        : engine_(std::move(engine)), mailbox_(std::move(mailbox)) {}
    ~Running() {
        mailbox_->close();
        if (ended_) return;
        for (const engine::RequestKey key : keys_) engine_->cancel(key);
    }
    Running(const Running&) = delete;

    Result<void> submit(std::vector<engine::Request> requests) {
        for (size_t i = 0; i < requests.size(); ++i) {
            requests[i].sink = mailbox_->sink(static_cast<int32_t>(i));
            const auto key = engine_->submit(std::move(requests[i]));
            if (!key) return key.error();
            keys_.push_back(*key);
        }
        return {};
    }
    std::vector<Letter> take() { return mailbox_->take(); }
    void ended() { ended_ = true; }

  private:
    const std::shared_ptr<engine::Engine> engine_;
    const std::shared_ptr<Mailbox> mailbox_;
    std::vector<engine::RequestKey> keys_;
    bool ended_ = false;
};

// Observes the latencies of one call as its events come.
class Stopwatch {
  public:
    Stopwatch(Metrics& metrics, const openai::Call& call, engine::Clock::time_point began)
        : metrics_(metrics),
          began_(began),
          n_(call.n),
          last_(call.requests.size() * static_cast<size_t>(call.n)) {}

    void note(const Letter& letter) {
        if (const auto* end = std::get_if<engine::Finished>(&letter.event)) metrics_.timed(end->timing);
        const auto* delta = std::get_if<engine::Delta>(&letter.event);
        if (!delta || delta->tokens.empty()) return;
        auto& last = last_[static_cast<size_t>(letter.source * n_ + delta->choice)];
        if (first_ == engine::Clock::time_point{}) {
            first_ = letter.at;
            metrics_.first_token(letter.at - began_);
        }
        if (last != engine::Clock::time_point{}) metrics_.between_tokens(letter.at - last);
        last = letter.at;
    }
    void finish(const engine::Usage& usage) {
        const auto now = engine::Clock::now();
        metrics_.finished(usage, now - began_,
                          first_ == engine::Clock::time_point{} ? Seconds(0) : Seconds(now - first_));
    }

  private:
    Metrics& metrics_;
    const engine::Clock::time_point began_;
    const int32_t n_;
    engine::Clock::time_point first_;
    std::vector<engine::Clock::time_point> last_;
};

}  // namespace sluice::net
