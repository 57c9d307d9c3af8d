#include "engine/replay.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <utility>

namespace sluice::engine {

size_t ReplayMemory::cost(size_t tokens) {
    constexpr size_t kOverhead = 128;  // of a list node, a map node and a vector
    return kOverhead + tokens * sizeof(int32_t);
}

void ReplayMemory::drop(std::list<Entry>::iterator entry) {
    bytes_ -= cost(entry->tokens.size());
    by_key_.erase(entry->key);
    entries_.erase(entry);
}

void ReplayMemory::put(const Key& key, std::span<const int32_t> tokens) {
    const size_t wanted = cost(tokens.size());
    if (tokens.empty() || wanted > limits_.bytes || limits_.entries == 0) return;
    std::vector<int32_t> copy(tokens.begin(), tokens.end());
    const std::lock_guard lock(mutex_);
    if (const auto known = by_key_.find(key); known != by_key_.end()) drop(known->second);
    while (bytes_ + wanted > limits_.bytes || entries_.size() >= limits_.entries) drop(--entries_.end());
    entries_.push_front({key, std::move(copy)});
    by_key_[key] = entries_.begin();
    bytes_ += wanted;
}

std::vector<int32_t> ReplayMemory::find(const Key& key) {
    const std::lock_guard lock(mutex_);
    const auto known = by_key_.find(key);
    if (known == by_key_.end()) return {};
    entries_.splice(entries_.begin(), entries_, known->second);
    return known->second->tokens;
}

bool ReplayMemory::empty() const {
    const std::lock_guard lock(mutex_);
    return entries_.empty();
}

size_t ReplayMemory::bytes() const {
    const std::lock_guard lock(mutex_);
    return bytes_;
}

struct ReplayPrefix::State {
    XXH3_state_t hash;
};

ReplayPrefix::ReplayPrefix(std::string_view salt) : state_(std::make_unique<State>()) {
    XXH3_128bits_reset(&state_->hash);
    const uint64_t length = salt.size();  // so that salt and tokens cannot be taken for each other
    XXH3_128bits_update(&state_->hash, &length, sizeof length);
    XXH3_128bits_update(&state_->hash, salt.data(), salt.size());
}
ReplayPrefix::~ReplayPrefix() = default;

void ReplayPrefix::add(std::span<const int32_t> tokens) {
    XXH3_128bits_update(&state_->hash, tokens.data(), tokens.size_bytes());
}

ReplayMemory::Key ReplayPrefix::key(std::span<const int32_t> header, std::string_view message) const {
    State all = *state_;
    XXH3_128bits_update(&all.hash, header.data(), header.size_bytes());
    const XXH128_hash_t before = XXH3_128bits_digest(&all.hash);
    const XXH128_hash_t own = XXH3_128bits(message.data(), message.size());
    const uint64_t both[] = {before.low64, before.high64, own.low64, own.high64};
    const XXH128_hash_t out = XXH3_128bits(both, sizeof both);
    return {out.low64, out.high64};
}

}  // namespace sluice::engine
