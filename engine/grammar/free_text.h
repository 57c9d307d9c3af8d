// Texts about which only one thing is known: a string that ends them, or that they do not hold. Bytes, not
// code points: what a model writes here is as free as without a grammar. One thread.
#pragma once
#include <string_view>

#include "engine/grammar/builder.h"

namespace sluice::grammar {

// Up to and with the first `stop` (not empty).
Node add_text_until(Builder& builder, std::string_view stop);
// Any text that does not hold `stop`.
Node add_text_without(Builder& builder, std::string_view stop);
Node add_any_text(Builder& builder);

}  // namespace sluice::grammar
