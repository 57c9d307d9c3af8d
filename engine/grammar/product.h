// Several grammars of strings followed side by side, as one deterministic automaton over bytes: it is where
// each of them is. One thread.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "engine/grammar/positions.h"

namespace sluice::grammar {

class Product {
  public:
    struct Way {
        int32_t from, to;
        uint8_t low, high;
    };
    struct Grammar {
        std::shared_ptr<const Automaton> automaton;
        bool is_unwanted = false;  // the text must not match it
    };
    // `characters` is a grammar of any number of characters as they are written; it is one of those followed.
    Product(std::vector<Grammar> grammars, std::shared_ptr<const Automaton> characters);

    // Finds all states; 0 is the start. Each takes 1 of `left`, and more when it stands for many readings.
    // false: it is used up, or a grammar has too many readings; nothing else must be asked then.
    bool explore(int64_t& left);

    int32_t states() const { return static_cast<int32_t>(states_.size()); }
    bool is_end(int32_t state) const { return states_[static_cast<size_t>(state)].is_end; }
    bool is_between_characters(int32_t state) const { return states_[static_cast<size_t>(state)].is_between; }
    std::span<const Way> ways() const { return ways_; }  // ordered by where they begin
    std::span<const Way> ways(int32_t from) const {
        const auto state = static_cast<size_t>(from);
        return ways().subspan(first_way_[state], first_way_[state + 1] - first_way_[state]);
    }

  private:
    using Places = std::vector<int32_t>;  // one of each grammar; that of the characters is the last
    struct Hash {
        size_t operator()(const Places& places) const;
    };
    struct State {
        const Places* places;  // a key of known_, where it stays
        bool is_end, is_between;
    };
    struct Bytes {
        uint8_t low, high;
    };
    void find_runs();
    int64_t cost(int32_t state) const;
    int32_t find(const Places& places);
    void follow(int32_t state);
    bool go(const Places& from, uint8_t byte, Places& to);

    std::vector<Grammar> grammars_;
    std::vector<Positions> positions_;
    std::vector<Bytes> runs_;  // of bytes that no grammar tells apart
    std::unordered_map<Places, int32_t, Hash> known_;
    std::vector<State> states_;
    std::vector<Way> ways_;
    std::vector<size_t> first_way_;
};

}  // namespace sluice::grammar
