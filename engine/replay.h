// Token ids of answers that were generated here, so that a conversation which repeats an answer repeats its
// tokens too: encoding the text again may give others, and then the prefix cache would miss. Bounded by bytes
// and entries; what was used longest ago goes first. Any thread.
#pragma once
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace sluice::engine {

struct ReplayLimits {
    size_t bytes = 64 << 20;  // 0: nothing is remembered
    size_t entries = 1 << 16;
};

class ReplayMemory {
  public:
    struct Key {
        uint64_t low = 0, high = 0;
        bool operator==(const Key&) const = default;
    };

    explicit ReplayMemory(ReplayLimits limits) : limits_(limits) {}

    void put(const Key& key, std::span<const int32_t> tokens);  // too many tokens: nothing happens
    std::vector<int32_t> find(const Key& key);                  // empty: not known
    bool off() const { return limits_.bytes == 0; }
    bool empty() const;
    size_t bytes() const;  // at most limits.bytes

  private:
    struct Entry {
        Key key;
        std::vector<int32_t> tokens;
    };
    struct Hash {
        size_t operator()(const Key& key) const { return static_cast<size_t>(key.low); }
    };
    static size_t cost(size_t tokens);
    void drop(std::list<Entry>::iterator entry);

    const ReplayLimits limits_;
    mutable std::mutex mutex_;
    std::list<Entry> entries_;  // the latest used is the first
    std::unordered_map<Key, std::list<Entry>::iterator, Hash> by_key_;
    size_t bytes_ = 0;
};

// What an answer is found by: salt, all tokens in front of it, and the message. Value; one thread. Linear in
// the tokens, however often a key is asked for.
class ReplayPrefix {
  public:
    explicit ReplayPrefix(std::string_view salt);
    ~ReplayPrefix();
    ReplayPrefix(const ReplayPrefix&) = delete;
    ReplayPrefix& operator=(const ReplayPrefix&) = delete;

    void add(std::span<const int32_t> tokens);
    // Of the tokens so far, followed by `header`.
    ReplayMemory::Key key(std::span<const int32_t> header, std::string_view message) const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace sluice::engine
