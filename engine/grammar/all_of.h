// Texts that several regular expressions match, all of them, and that have so many characters: what
// `pattern`, `format` and `maxLength` of one JSON string ask together. They are followed side by side and
// written out as a graph. Lookaheads at the beginning of a pattern are further regular expressions of the
// same text. Patterns come from requests and are not trusted. One thread.
#pragma once
#include <cstdint>
#include <span>
#include <string_view>

#include "engine/grammar/builder.h"
#include "engine/grammar/characters.h"

namespace sluice::grammar {

struct Regex {
    std::string_view pattern;
    bool whole = true;  // see RegexText
};

// One for each grammar, because all its texts share a bound.
class AllOf {
  public:
    static constexpr int64_t kStates = 16'384;  // of what is followed and what is written, in all

    explicit AllOf(Builder& builder) : builder_(builder) {}

    // Lengths count characters. Errors: invalid_request: those of add_regex, or too many states, or a regex
    // that no text matches. When no text matches all of them together, none matches the node.
    Result<Node> add(std::span<const Regex> all, Writing writing, int32_t min_length = 0,
                     int32_t max_length = kUnbounded);

  private:
    Builder& builder_;
    int64_t left_ = kStates;
};

}  // namespace sluice::grammar
