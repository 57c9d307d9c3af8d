// Builds a grammar over bytes: which texts an answer may be. Expressions are made bottom-up; rules may
// recurse. Every front end (JSON Schema, regex, GBNF, choices, tool calls) builds through this. Grammars come
// from requests and are not trusted: every size is bounded, and passing a bound is remembered until finish().
// One thread.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "engine/result.h"

namespace sluice::grammar {

class Automaton;       // see automaton.h
using Node = int32_t;  // an expression within one Builder; equal expressions are one node
inline constexpr int32_t kUnbounded = -1;

struct Budget {
    int64_t nodes = 200'000;   // expressions, with their children
    int64_t states = 200'000;  // of the automaton
    int32_t depth = 256;       // nesting of expressions; a rule counts once
};

using CodePointRange = std::pair<uint32_t, uint32_t>;  // inclusive

// A step of a graph: from state to state by the text of a node.
struct Step {
    int32_t from, to;
    Node by;
};

class Builder {
  public:
    explicit Builder(const Budget& budget = {});
    ~Builder();
    Builder(const Builder&) = delete;

    Node literal(std::string_view bytes);  // "" is the empty text
    Node byte(uint8_t low, uint8_t high);  // one byte, inclusive
    // One code point of (or outside of) these ranges, as UTF-8. Surrogates never match.
    Node code_point(std::span<const CodePointRange> ranges, bool negated = false);
    Node sequence(std::span<const Node> parts);
    Node either(std::span<const Node> options);  // of none: nothing matches
    Node repeat(Node what, int32_t min, int32_t max = kUnbounded);
    // All ways from state 0 to any of `ends`; states are 0 .. states - 1.
    Node graph(int32_t states, std::span<const Step> steps, std::span<const int32_t> ends);

    // A rule can be used before it is defined; it must be defined once.
    Node rule(std::string name);
    void define(Node rule, Node body);

    // A bound was passed: front ends stop early, finish() says which.
    bool failed() const;
    // Errors: invalid_request, naming the bound, the rule that is not defined or that can begin with itself,
    // or that no text matches. Spends the builder.
    Result<std::shared_ptr<const Automaton>> finish(Node start);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace sluice::grammar
