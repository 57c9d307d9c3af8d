// Texts that several regular expressions match, all of them, and that have so many characters: what
// `pattern`, `format` and `maxLength` of one JSON string ask together. They are followed side by side and
// written out as a graph. Patterns come from requests and are not trusted. One thread.
#pragma once
#include <cstdint>
#include <span>
#include <string_view>

#include "engine/grammar/builder.h"
#include "engine/grammar/characters.h"

namespace sluice::grammar {

inline constexpr size_t kMaxAllOfStates = 16'384;

struct Regex {
    std::string_view pattern;
    bool whole = true;  // see RegexText
};

// Lengths count characters. Errors: invalid_request: those of add_regex, or too many states, or a regex that
// no text matches. When only together no text matches them, neither does any the node.
Result<Node> add_all_of(Builder& builder, std::span<const Regex> all, Writing writing, int32_t min_length = 0,
                        int32_t max_length = kUnbounded);

}  // namespace sluice::grammar
