// Texts about which only this is known: strings that they do not hold, or what has to follow such a string.
// Bytes, not code points: what a model writes here is as free as without a grammar. One thread.
#pragma once
#include <span>
#include <string_view>

#include "engine/grammar/builder.h"

namespace sluice::grammar {

struct Stop {
    std::string_view text;  // not empty, and no part of another stop
    Node then;              // what follows it
};

// Any text up to the first stop, that stop, and what follows it. may_end: or any text without a stop.
Node add_text_until(Builder& builder, std::span<const Stop> stops, bool may_end);
Node add_any_text(Builder& builder);

}  // namespace sluice::grammar
