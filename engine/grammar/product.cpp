#include "engine/grammar/product.h"

#include <algorithm>
#include <utility>

namespace sluice::grammar {

size_t Product::Hash::operator()(const Places& places) const {
    uint64_t hash = 0;
    for (const int32_t place : places) hash = (hash ^ static_cast<uint32_t>(place)) * 0x9E3779B97F4A7C15u;
    return static_cast<size_t>(hash ^ hash >> 32);
}

Product::Product(std::vector<Grammar> grammars, std::shared_ptr<const Automaton> characters)
    : grammars_(std::move(grammars)) {
    grammars_.push_back({std::move(characters)});
    for (const Grammar& grammar : grammars_) positions_.emplace_back(grammar.automaton);
}

bool Product::explore(int64_t& left) {
    find_runs();
    Places start;
    for (const Positions& positions : positions_) start.push_back(positions.start());
    find(start);
    for (int32_t state = 0; state < states(); ++state) {
        left -= cost(state);
        if (left < 0) return false;
        first_way_.push_back(ways_.size());
        follow(state);
    }
    first_way_.push_back(ways_.size());
    return std::none_of(positions_.begin(), positions_.end(),
                        [](const Positions& p) { return p.has_dropped(); });
}

void Product::find_runs() {
    const auto differ = [this](int byte) {
        return std::any_of(grammars_.begin(), grammars_.end(), [byte](const Grammar& grammar) {
            return grammar.automaton->class_of(static_cast<uint8_t>(byte)) !=
                   grammar.automaton->class_of(static_cast<uint8_t>(byte - 1));
        });
    };
    for (int byte = 0; byte < 256; ++byte) {
        if (byte == 0 || differ(byte)) runs_.push_back({static_cast<uint8_t>(byte), 0});
        runs_.back().high = static_cast<uint8_t>(byte);
    }
}

int64_t Product::cost(int32_t state) const {
    constexpr int64_t kReadings = 128;  // to look at so many takes as long as to keep a state
    const Places& places = *states_[static_cast<size_t>(state)].places;
    int64_t readings = 0;
    for (size_t i = 0; i < places.size(); ++i) readings += positions_[i].readings(places[i]);
    return 1 + readings * static_cast<int64_t>(runs_.size()) / kReadings;
}

int32_t Product::find(const Places& places) {
    const auto [known, is_new] = known_.try_emplace(places, states());
    if (!is_new) return known->second;
    bool is_end = true;
    for (size_t i = 0; i < places.size(); ++i)
        is_end = is_end && positions_[i].can_end(places[i]) != grammars_[i].is_unwanted;
    states_.push_back({&known->first, is_end, places.back() == positions_.back().start()});
    return known->second;
}

void Product::follow(int32_t state) {
    const Places& from = *states_[static_cast<size_t>(state)].places;
    Places to(from.size());
    for (const auto [low, high] : runs_) {
        if (!go(from, low, to)) continue;
        const int32_t next = find(to);
        const bool joins =
            ways_.size() > first_way_.back() && ways_.back().to == next && ways_.back().high + 1 == low;
        if (joins) {
            ways_.back().high = high;
        } else {
            ways_.push_back({state, next, low, high});
        }
    }
}

// false when one of the wanted grammars does not go on; those behind it are not asked.
bool Product::go(const Places& from, uint8_t byte, Places& to) {
    for (size_t i = 0; i < from.size(); ++i) {
        to[i] = positions_[i].next(from[i], byte);
        if (to[i] == Positions::kNowhere && !grammars_[i].is_unwanted) return false;
    }
    // After a character all is as before it.
    if (positions_.back().can_end(to.back())) to.back() = positions_.back().start();
    return true;
}

}  // namespace sluice::grammar
