// What tests of grammars ask: does a text match, and can it still become one that does.
#pragma once
#include <memory>
#include <string_view>

#include "engine/grammar/positions.h"

namespace sluice::grammar {

enum class Match { no, begun, whole };  // whole: it may end here

inline Match match(const std::shared_ptr<const Automaton>& automaton, std::string_view text) {
    Positions positions(automaton);
    int32_t place = positions.start();
    for (const char byte : text) place = positions.next(place, static_cast<uint8_t>(byte));
    if (positions.can_end(place)) return Match::whole;
    return positions.can_go_on(place) ? Match::begun : Match::no;
}

inline bool matches(const std::shared_ptr<const Automaton>& automaton, std::string_view text) {
    return match(automaton, text) == Match::whole;
}

}  // namespace sluice::grammar
