// Responses that have ended, kept in memory for clients that name them later. Bounded by bytes and by number;
// the oldest go first. What an earlier response said stays as long as a later one that goes on from it. Any
// thread.
#pragma once
#include <atomic>
#include <cstddef>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "net/responses/items.h"

namespace sluice::net::openai {

struct StoredResponse {
    std::string id;
    std::string body;                // the response object, JSON
    std::vector<StoredItem> input;   // its own, not what it goes on from
    std::vector<StoredItem> output;  // those of a later response's history
    bool background = false;
};
using Turns = std::vector<std::shared_ptr<const StoredResponse>>;  // oldest first

// A response that goes on without its client. Any thread.
class RunningResponse {
  public:
    virtual ~RunningResponse() = default;
    virtual Turns so_far() = 0;  // as find() gives it; empty: it has ended
    virtual void cancel() = 0;   // when it returns, the response has ended
};

struct StoreCounts {
    size_t kept = 0;   // responses that can be named
    size_t bytes = 0;  // of them and of what they go on from
    size_t running = 0;
};

class ResponseStore {
  public:
    ResponseStore(size_t max_bytes, size_t max_count, size_t max_running);

    // `earlier`: what the response goes on from.
    void put(StoredResponse response, Turns earlier);
    Turns find(std::string_view id) const;  // the response is the last one; empty: unknown
    bool erase(std::string_view id);

    // Running responses are found too. false: there are too many.
    bool begin(const std::string& id, std::shared_ptr<RunningResponse> response);
    void end(std::string_view id);
    std::shared_ptr<RunningResponse> running(std::string_view id) const;
    void cancel_all();

    StoreCounts counts() const;

  private:
    using Entries = std::list<Turns>;  // by age
    void drop(Entries::iterator entry);
    size_t held() const;

    const size_t max_bytes_, max_count_, max_running_;
    const std::shared_ptr<std::atomic<size_t>> turn_bytes_;  // of all turns that are alive
    mutable std::mutex mutex_;
    Entries entries_;
    std::unordered_map<std::string_view, Entries::iterator> by_id_;  // names are the turns' own
    size_t entry_bytes_ = 0;
    std::map<std::string, std::shared_ptr<RunningResponse>, std::less<>> running_;
};

}  // namespace sluice::net::openai
