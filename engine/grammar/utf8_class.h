// Sets of code points as automata over the bytes of UTF-8. Pure functions; any thread.
#pragma once
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace sluice::grammar {

using CodePoints = std::vector<std::pair<uint32_t, uint32_t>>;  // inclusive, ascending, apart, no surrogates

// Sorted and joined; of all code points those not in `ranges` when negated.
CodePoints code_points(std::span<const std::pair<uint32_t, uint32_t>> ranges, bool negated);

// The smallest deterministic automaton of one code point of a set: starts in 0 and ends in 1.
struct Utf8Class {
    struct Edge {
        int32_t from;
        uint8_t lo, hi;
        int32_t to;
    };
    int32_t states = 2;
    std::vector<Edge> edges;
};
Utf8Class utf8_class(const CodePoints& set);

}  // namespace sluice::grammar
