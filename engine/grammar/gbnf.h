// GBNF grammars, as the documentation of llama.cpp describes them, as nodes: rules `name ::= ...` of
// literals, classes, `.` (any code point), groups, |, * + ? {m} {m,} {m,n} and # comments; the text is a
// `root`. Tokens
// (<[1000]>, <think>) are refused. Grammars come from requests and are not trusted. One thread.
#pragma once
#include <cstddef>
#include <string_view>

#include "engine/grammar/builder.h"

namespace sluice::grammar {

inline constexpr size_t kMaxGbnfBytes = size_t{256} << 10;

// Errors: invalid_request, saying at which line and column; `param` is the caller's. Past a bound of the
// builder the node is of no use; its finish() says which, and which rule can begin with itself.
Result<Node> add_gbnf(Builder& builder, std::string_view source);

}  // namespace sluice::grammar
