#include "net/commands/answer.h"

#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace sluice::net {
namespace {

// Hands events from the engine thread to the caller's.
class WaitingSink : public engine::EventSink {
  public:
    void on_event(engine::Event event) override {
        const std::lock_guard lock(mutex_);
        events_.push_back(std::move(event));
        ready_.notify_one();
    }

    std::vector<engine::Event> take(std::chrono::milliseconds patience) {
        std::unique_lock lock(mutex_);
        ready_.wait_for(lock, patience, [this] { return !events_.empty(); });
        return std::exchange(events_, {});
    }

  private:
    std::mutex mutex_;
    std::condition_variable ready_;
    std::vector<engine::Event> events_;
};

// What one event means for the answer; an Error when the request has failed, true when it is complete.
Result<bool> apply(engine::Event& event, Answer& out, const OnDelta& on_delta) {
    if (auto* delta = std::get_if<engine::Delta>(&event)) {
        on_delta(*delta);
        out.text += delta->text;
    } else if (const auto* choice = std::get_if<engine::ChoiceFinished>(&event)) {
        out.reason = choice->reason;
    } else if (const auto* done = std::get_if<engine::Finished>(&event)) {
        out.usage = done->usage;
        out.timing = done->timing;
        return true;
    } else if (auto* failed = std::get_if<engine::Failed>(&event)) {
        return std::move(failed->error);
    }
    return false;
}

}  // namespace

Result<Answer> generate(engine::Engine& engine, engine::Request request, const OnDelta& on_delta,
                        const std::atomic<bool>& stop) {
    auto sink = std::make_shared<WaitingSink>();
    request.sink = sink;
    const auto key = engine.submit(std::move(request));
    if (!key) return key.error();
    Answer out;
    for (bool cancelled = false;;) {
        for (engine::Event& event : sink->take(std::chrono::milliseconds(50))) {
            const auto done = apply(event, out, on_delta);
            if (!done) return done.error();
            if (*done) return out;
        }
        if (stop && !std::exchange(cancelled, true)) engine.cancel(*key);
    }
}

bool print(std::string_view text) {
    return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
}

engine::LoadProgress progress_bar() {
    const bool terminal = isatty(STDERR_FILENO) != 0;
    const auto start = std::chrono::steady_clock::now();
    return [terminal, start, shown = -1](uint64_t done, uint64_t total) mutable {
        const int percent = total == 0 ? 100 : static_cast<int>(done * 100 / total);
        if (percent == shown || (!terminal && percent / 10 == shown / 10 && shown >= 0)) return;
        shown = percent;
        const double seconds =
            std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        const double mib = static_cast<double>(done) / (1 << 20);
        std::fprintf(stderr, "%sloading %3d %%  %.0f of %.0f MiB  %.0f MiB/s%s", terminal ? "\r" : "",
                     percent, mib, static_cast<double>(total) / (1 << 20), mib / (seconds + 1e-9),
                     terminal && percent < 100 ? "" : "\n");
    };
}

}  // namespace sluice::net
