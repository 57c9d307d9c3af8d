#include "net/responses/store.h"

#include <utility>

namespace sluice::net::openai {
namespace {

constexpr size_t kOverhead = 256;  // of an entry or an item, beside its text

size_t cost(const StoredResponse& response) {
    size_t out = kOverhead + response.id.size() + response.body.size();
    for (const auto* items : {&response.input, &response.output}) {
        for (const StoredItem& item : *items) out += kOverhead + item.id.size() + item.json.size();
    }
    return out;
}

size_t cost(const Turns& turns) {
    return kOverhead + turns.size() * sizeof(turns.front());
}

}  // namespace

ResponseStore::ResponseStore(size_t max_bytes, size_t max_count, size_t max_running)
    : max_bytes_(max_bytes),
      max_count_(max_count),
      max_running_(max_running),
      turn_bytes_(std::make_shared<std::atomic<size_t>>(0)) {}

void ResponseStore::put(StoredResponse response, Turns earlier) {
    const size_t bytes = cost(response);
    turn_bytes_->fetch_add(bytes);
    earlier.emplace_back(new StoredResponse(std::move(response)),
                         [all = turn_bytes_, bytes](const StoredResponse* turn) {
                             all->fetch_sub(bytes);
                             delete turn;
                         });
    const std::lock_guard lock(mutex_);
    entry_bytes_ += cost(earlier);
    const auto entry = entries_.insert(entries_.end(), std::move(earlier));
    by_id_[entry->back()->id] = entry;
    while (!entries_.empty() && (held() > max_bytes_ || entries_.size() > max_count_)) drop(entries_.begin());
}

// A running response is asked without the lock: it takes the lock itself when it ends.
Turns ResponseStore::find(std::string_view id) const {
    if (const auto now = running(id)) {
        if (Turns turns = now->so_far(); !turns.empty()) return turns;
    }
    const std::lock_guard lock(mutex_);
    const auto found = by_id_.find(id);
    return found == by_id_.end() ? Turns() : *found->second;
}

bool ResponseStore::erase(std::string_view id) {
    const std::lock_guard lock(mutex_);
    const auto found = by_id_.find(id);
    if (found == by_id_.end()) return false;
    drop(found->second);
    return true;
}

bool ResponseStore::begin(const std::string& id, std::shared_ptr<RunningResponse> response) {
    const std::lock_guard lock(mutex_);
    if (running_.size() >= max_running_) return false;
    running_.emplace(id, std::move(response));
    return true;
}

void ResponseStore::end(std::string_view id) {
    const std::lock_guard lock(mutex_);
    if (const auto found = running_.find(id); found != running_.end()) running_.erase(found);
}

std::shared_ptr<RunningResponse> ResponseStore::running(std::string_view id) const {
    const std::lock_guard lock(mutex_);
    const auto found = running_.find(id);
    return found == running_.end() ? nullptr : found->second;
}

void ResponseStore::cancel_all() {
    std::vector<std::shared_ptr<RunningResponse>> all;
    {
        const std::lock_guard lock(mutex_);
        for (const auto& entry : running_) all.push_back(entry.second);
    }
    for (const auto& one : all) one->cancel();
}

StoreCounts ResponseStore::counts() const {
    const std::lock_guard lock(mutex_);
    return {entries_.size(), held(), running_.size()};
}

size_t ResponseStore::held() const {
    return turn_bytes_->load() + entry_bytes_;
}

void ResponseStore::drop(Entries::iterator entry) {
    by_id_.erase(entry->back()->id);
    entry_bytes_ -= cost(*entry);
    entries_.erase(entry);
}

}  // namespace sluice::net::openai
