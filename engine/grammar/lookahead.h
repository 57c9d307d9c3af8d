// Lookaheads at the beginning of a regular expression, as in ^(?!-)(?=.*[0-9])[a-z0-9-]+$: there they ask
// something of the text that the rest matches, and can be followed beside it. Pure; any thread.
#pragma once
#include <cstddef>
#include <string_view>
#include <vector>

namespace sluice::grammar {

struct Lookahead {
    size_t begin, end;  // of what it looks for, in the pattern
    bool is_negated;
};

struct Leading {
    std::vector<Lookahead> all;
    size_t rest = 0;  // where the pattern goes on; 0: there are none
};

// None where they ask nothing of the whole: behind other things, before | or without ^ when the pattern may
// be found anywhere; nor more than kMaxLookaheads.
inline constexpr size_t kMaxLookaheads = 16;
Leading find_leading_lookaheads(std::string_view pattern, bool whole);

}  // namespace sluice::grammar
