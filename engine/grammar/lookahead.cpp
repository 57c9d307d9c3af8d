#include "engine/grammar/lookahead.h"

#include <cstdint>

namespace sluice::grammar {
namespace {

constexpr size_t kNone = std::string_view::npos;

size_t end_of_class(std::string_view pattern, size_t at) {
    for (++at; at < pattern.size() && pattern[at] != ']'; ++at)
        if (pattern[at] == '\\') ++at;
    return at;
}

// Where a character stands from here on outside of the groups that open behind here.
size_t find_outside(std::string_view pattern, size_t at, char what) {
    for (int64_t depth = 0; at < pattern.size(); ++at) {
        const char c = pattern[at];
        if (c == what && depth == 0) return at;
        if (c == '\\') ++at;
        if (c == '[') at = end_of_class(pattern, at);
        if (c == '(') ++depth;
        if (c == ')') --depth;
    }
    return kNone;
}

}  // namespace

Leading find_leading_lookaheads(std::string_view pattern, bool whole) {
    Leading found;
    size_t at = pattern.starts_with('^') ? 1 : 0;
    if (at == 0 && !whole) return {};
    for (;;) {
        const std::string_view opening = pattern.substr(at, 3);
        if (opening != "(?=" && opening != "(?!") break;
        const size_t end = find_outside(pattern, at + 3, ')');
        if (end == kNone || found.all.size() == kMaxLookaheads) return {};
        found.all.push_back({at + 3, end, opening == "(?!"});
        at = end + 1;
    }
    if (found.all.empty() || find_outside(pattern, at, '|') != kNone) return {};
    found.rest = at;
    return found;
}

}  // namespace sluice::grammar
