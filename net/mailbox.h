// Carries events from the engine thread to the session that answers the request. The engine never waits:
// while the session is behind, tokens of one choice merge, so a slow client costs at most its own answer in
// memory. Shared: a posted wake-up or a late event may outlive the session.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "engine/event.h"
#include "engine/request.h"

namespace sluice::net {

struct Letter {
    int32_t source = 0;  // which of the call's requests
    engine::Clock::time_point at;
    engine::Event event;
};

class Mailbox : public std::enable_shared_from_this<Mailbox> {
  public:
    // `wake` is called from the engine thread, under the lock, when a letter comes into an empty box; it must
    // not block.
    // From `merge_above` letters on, a Delta joins the last one of its choice.
    Mailbox(std::function<void()> wake, size_t merge_above);

    // What Request::sink wants, for the call's request number `source`.
    std::shared_ptr<engine::EventSink> sink(int32_t source);

    std::vector<Letter> take();  // everything, in order; session only
    void close();                // the session leaves: wake is not called, and not held, from now on

  private:
    class Slot;
    void put(int32_t source, engine::Event event);
    bool merge(int32_t source, engine::Delta& delta);

    const size_t merge_above_;
    std::mutex mutex_;
    std::function<void()> wake_;
    std::vector<Letter> letters_;
};

}  // namespace sluice::net
