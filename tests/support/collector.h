// Collects the events of one request and waits for its end. Checks on the way that nothing follows the end.
#pragma once
#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <cstring>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/event.h"

namespace sluice::test {

// Everything a client could see of a request, to be compared bit for bit.
struct Outcome {
    std::map<int32_t, std::string> text;  // by choice
    std::map<int32_t, std::vector<int32_t>> tokens;
    std::map<int32_t, std::vector<uint32_t>> logprob_bits;
    std::map<int32_t, std::string> reason;
    std::vector<uint32_t> prompt_logprob_bits;
    std::vector<uint32_t> embedding_bits;
    engine::Usage usage;
    std::optional<Error> error;

    bool same_bytes(const Outcome& o) const {
        return text == o.text && tokens == o.tokens && logprob_bits == o.logprob_bits && reason == o.reason &&
               prompt_logprob_bits == o.prompt_logprob_bits && embedding_bits == o.embedding_bits &&
               error.has_value() == o.error.has_value();
    }
};

inline uint32_t bits(float f) {
    uint32_t u = 0;
    std::memcpy(&u, &f, sizeof u);
    return u;
}

class Collector : public engine::EventSink {
  public:
    void on_event(engine::Event event) override {
        const std::lock_guard lock(mutex_);
        EXPECT_FALSE(ended_) << "an event after the end";
        std::visit([this](auto& e) { take(e); }, event);
        ++events_;
        changed_.notify_all();
    }

    Outcome wait(std::chrono::seconds patience = std::chrono::seconds(120)) {
        std::unique_lock lock(mutex_);
        EXPECT_TRUE(changed_.wait_for(lock, patience, [this] { return ended_; }))
            << "the request never ended";
        return outcome_;
    }

    // True when at least `n` tokens of choice 0 have come, or the request has ended.
    bool wait_tokens(size_t n, std::chrono::seconds patience = std::chrono::seconds(60)) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, patience, [&] { return ended_ || outcome_.tokens[0].size() >= n; });
    }

    bool ended() const {
        const std::lock_guard lock(mutex_);
        return ended_;
    }

  private:
    void take(engine::PromptScored& e) {
        for (const auto& l : e.logprobs) outcome_.prompt_logprob_bits.push_back(bits(l.chosen.logprob));
    }
    void take(engine::Embedded& e) {
        for (const float value : e.values) outcome_.embedding_bits.push_back(bits(value));
    }
    void take(engine::Delta& e) {
        outcome_.text[e.choice] += e.text;
        auto& tokens = outcome_.tokens[e.choice];
        tokens.insert(tokens.end(), e.tokens.begin(), e.tokens.end());
        for (const auto& l : e.logprobs) outcome_.logprob_bits[e.choice].push_back(bits(l.chosen.logprob));
    }
    void take(engine::ChoiceFinished& e) {
        EXPECT_FALSE(outcome_.reason.contains(e.choice)) << "a choice ended twice";
        outcome_.reason[e.choice] = std::string(engine::to_string(e.reason)) + ":" + e.stop_string;
    }
    void take(engine::Finished& e) {
        outcome_.usage = e.usage;
        ended_ = true;
    }
    void take(engine::Failed& e) {
        outcome_.error = e.error;
        ended_ = true;
    }

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    Outcome outcome_;
    int events_ = 0;
    bool ended_ = false;
};

}  // namespace sluice::test
