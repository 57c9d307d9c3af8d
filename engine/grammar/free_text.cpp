#include "engine/grammar/free_text.h"

#include <array>
#include <vector>

namespace sluice::grammar {
namespace {

// The automaton of Knuth, Morris and Pratt: state i has read the first i bytes of `stop`, and nothing leaves
// the last one.
std::vector<Step> search_steps(Builder& b, std::string_view stop) {
    std::vector<Step> steps;
    std::array<int32_t, 256> row{};  // of the state that a mismatch falls back to
    std::array<int32_t, 256> next{};
    size_t fallback = 0;
    std::vector<std::array<int32_t, 256>> rows;
    for (size_t state = 0; state < stop.size(); ++state) {
        const auto byte = static_cast<uint8_t>(stop[state]);
        next = state == 0 ? row : rows[fallback];
        if (state > 0) fallback = static_cast<size_t>(rows[fallback][byte]);
        next[byte] = static_cast<int32_t>(state) + 1;
        rows.push_back(next);
        for (size_t low = 0; low < 256;) {
            size_t high = low;
            while (high < 255 && next[high + 1] == next[low]) ++high;
            steps.push_back({static_cast<int32_t>(state), next[low],
                             b.byte(static_cast<uint8_t>(low), static_cast<uint8_t>(high))});
            low = high + 1;
        }
    }
    return steps;
}

}  // namespace

Node add_text_until(Builder& b, std::string_view stop) {
    const auto last = static_cast<int32_t>(stop.size());
    const int32_t ends[] = {last};
    return b.graph(last + 1, search_steps(b, stop), ends);
}

Node add_text_without(Builder& b, std::string_view stop) {
    const auto last = static_cast<int32_t>(stop.size());
    std::vector<int32_t> ends;
    for (int32_t state = 0; state < last; ++state) ends.push_back(state);
    return b.graph(last + 1, search_steps(b, stop), ends);
}

Node add_any_text(Builder& b) {
    return b.repeat(b.byte(0, 255), 0);
}

}  // namespace sluice::grammar
