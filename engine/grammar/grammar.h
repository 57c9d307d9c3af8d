// A grammar over bytes: which texts an answer may be. Built bottom-up from regular pieces and rules; rules may
// recurse. Every front end (JSON Schema, regex, GBNF, choices, tool calls) builds through Builder.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "engine/result.h"

namespace sluice::grammar {

// Limits of one grammar, which comes from a request and so is not trusted. Passing one is invalid_request.
struct Budget {
    int64_t states = 200'000;    // automaton states of the compiled grammar
    int64_t steps = 20'000'000;  // units of compile work, checked as it goes: bounds time without a clock
    int32_t depth = 256;         // nesting of expressions; rules that refer to rules count once each
};

class Grammar;           // compiled; immutable; any thread. See matcher.h for its use.
using Node = int32_t;    // an expression within one Builder
inline constexpr int32_t kUnbounded = -1;

class Builder {
  public:
    explicit Builder(const Budget& budget = {});
    ~Builder();

    Node literal(std::string_view bytes);  // "" matches the empty text
    // One code point of (or outside of) these inclusive ranges, as UTF-8; surrogates never match.
    Node code_point(std::span<const std::pair<uint32_t, uint32_t>> ranges, bool negated = false);
    Node sequence(std::span<const Node> parts);
    Node either(std::span<const Node> options);
    Node repeat(Node what, int32_t min, int32_t max = kUnbounded);
    // Any text (whole code points) that does not contain `stop`, and does not end within a prefix of it.
    Node text_without(std::string_view stop);

    // A rule can be used before it is defined; each must be defined once by finish().
    Node rule(std::string name);
    void define(Node rule, Node body);

    // True once a limit was passed: front ends stop early, finish() says which.
    bool failed() const;
    // Errors: invalid_request with the limit or the left-recursive or undefined rule. Spends the builder.
    Result<std::shared_ptr<const Grammar>> finish(Node start);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace sluice::grammar
