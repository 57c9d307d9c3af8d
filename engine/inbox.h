// Commands on their way to the engine thread. The queue is bounded by who may submit (Engine counts
// requests); cancels are bounded by the requests that exist.
#pragma once
#include <condition_variable>
#include <mutex>
#include <utility>
#include <variant>
#include <vector>

#include "engine/request.h"

namespace sluice::engine {

struct SubmitCommand {
    RequestKey key = 0;
    Request request;
    Clock::time_point submitted = {};
};
struct CancelCommand {
    RequestKey key = 0;
};
using Command = std::variant<SubmitCommand, CancelCommand>;

class Inbox {
  public:
    // false after close(): the command was not taken.
    bool push(Command command) {
        {
            const std::lock_guard lock(mutex_);
            if (closed_) return false;
            commands_.push_back(std::move(command));
        }
        wake_.notify_one();
        return true;
    }

    // Moves all commands to `out` (cleared first). Waits for one, or for close(), when `wait` is set.
    // false: closed.
    bool take(std::vector<Command>& out, bool wait) {
        out.clear();
        std::unique_lock lock(mutex_);
        if (wait) wake_.wait(lock, [this] { return closed_ || !commands_.empty(); });
        std::swap(out, commands_);
        return !closed_;
    }

    void close() {
        {
            const std::lock_guard lock(mutex_);
            closed_ = true;
        }
        wake_.notify_one();
    }

  private:
    std::mutex mutex_;
    std::condition_variable wake_;
    std::vector<Command> commands_;
    bool closed_ = false;
};

}  // namespace sluice::engine
