// Numbers within bounds, as texts: without exponent, every text exactly on its side of each bound.
#pragma once
#include <boost/json/value.hpp>
#include <optional>

#include "engine/grammar/builder.h"

namespace sluice::grammar {

struct NumberBounds {
    std::optional<boost::json::value> minimum, exclusive_minimum, maximum, exclusive_maximum, multiple_of;
    bool integer = false;
    bool any() const { return minimum || exclusive_minimum || maximum || exclusive_maximum || multiple_of; }
};

// Fractions have at most 6 digits, or as many as a bound has. Errors: invalid_request, for what is no number,
// or has more digits than we look at; `param` is the keyword.
Result<Node> add_number(Builder& builder, const NumberBounds& bounds);

}  // namespace sluice::grammar
