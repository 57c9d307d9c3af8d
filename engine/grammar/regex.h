// Regular expressions of ECMA-262 (with its flag u, but } ] and most { may stand for themselves) as nodes.
// Supported: literals, ., classes, \d \w \s and their opposites, all character escapes, groups (also named),
// |, greedy and lazy quantifiers; ^ at the beginning and $ at the end of an alternative outside of groups. \d
// \w \s are what every dialect takes for them (of ASCII, but for spaces), \D \W \S what none does, so that
// other engines, Python's for one, find the pattern in each text that is made.
// Patterns come from requests and are not trusted. One thread.
#pragma once
#include <cstddef>
#include <string_view>

#include "engine/grammar/builder.h"
#include "engine/grammar/characters.h"

namespace sluice::grammar {

inline constexpr size_t kMaxPatternBytes = size_t{64} << 10;

struct RegexText {
    bool whole = true;  // the pattern is all of the text; else it is found anywhere in it, as ^ and $ allow
    Writing writing = Writing::raw;
    // For parts of a pattern, see all_of.h: where the part begins (errors count from the pattern's
    // beginning), that ^ goes without saying, and that it says what must not be: classes then hold what they
    // do to any dialect.
    size_t begin = 0;
    bool at_start = false;
    bool is_unwanted = false;
};

// Errors: invalid_request, saying at which byte of the pattern; `param` is the caller's. Past a bound of the
// builder the node is of no use: its finish() says which.
Result<Node> add_regex(Builder& builder, std::string_view pattern, RegexText text);

}  // namespace sluice::grammar
