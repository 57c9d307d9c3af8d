// What a Builder was given: expressions, each distinct one once, so that equal parts of a grammar become one
// part of its automaton. Data only. One thread.
#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "engine/grammar/builder.h"
#include "engine/grammar/utf8_class.h"

namespace sluice::grammar {

struct Expression {
    enum class Kind : uint8_t { literal, byte, code_point, sequence, either, repeat, graph, rule };
    Kind kind = Kind::literal;
    int32_t min = 0, max = 0;      // repeat: counts; byte: low, high; graph: `min` states
    int32_t depth = 1;             // 1 + that of the deepest child; rules: 1
    std::vector<Node> children{};  // of a rule: its body, once defined; of a graph: one a step
    std::vector<std::pair<int32_t, int32_t>> steps{};  // graph: from, to
    std::vector<int32_t> ends{};                       // graph
    std::string text{};                                // a literal's bytes, a rule's name
    CodePoints set{};                                  // code_point
};

}  // namespace sluice::grammar
