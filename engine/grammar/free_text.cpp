#include "engine/grammar/free_text.h"

#include <array>
#include <vector>

namespace sluice::grammar {
namespace {

using Row = std::array<int32_t, 256>;  // where each byte leads

// The automaton of Aho and Corasick ("Efficient string matching", 1975), whose last states nothing leaves.
struct Search {
    std::vector<Row> rows;
    std::vector<int32_t> last;  // of each stop

    explicit Search(std::span<const Stop> stops) : rows(1, Row{}) {
        for (const Stop& stop : stops) {
            int32_t state = 0;
            for (const char c : stop.text) state = child(state, static_cast<uint8_t>(c));
            last.push_back(state);
        }
        std::vector<int32_t> fallback(rows.size()), queue;
        for (const int32_t to : rows[0])
            if (to != 0) queue.push_back(to);
        for (size_t i = 0; i < queue.size(); ++i) {
            const auto state = static_cast<size_t>(queue[i]);
            const Row& shorter = rows[static_cast<size_t>(fallback[state])];
            for (size_t byte = 0; byte < 256; ++byte) {
                int32_t& to = rows[state][byte];
                if (to != 0) {
                    fallback[static_cast<size_t>(to)] = shorter[byte];
                    queue.push_back(to);
                } else {
                    to = shorter[byte];
                }
            }
        }
    }

  private:
    int32_t child(int32_t state, uint8_t byte) {
        const int32_t known = rows[static_cast<size_t>(state)][byte];
        if (known != 0) return known;
        const auto made = static_cast<int32_t>(rows.size());
        rows[static_cast<size_t>(state)][byte] = made;
        rows.push_back(Row{});
        return made;
    }
};

}  // namespace

Node add_text_until(Builder& b, std::span<const Stop> stops, bool may_end) {
    const Search search(stops);
    const auto end = static_cast<int32_t>(search.rows.size());
    std::vector<Step> steps;
    std::vector<int32_t> ends{end};
    for (int32_t state = 0; state < end; ++state) {
        bool is_last = false;
        for (size_t i = 0; i < stops.size(); ++i) {
            if (search.last[i] != state) continue;
            steps.push_back({state, end, stops[i].then});
            is_last = true;
        }
        if (is_last) continue;
        if (may_end) ends.push_back(state);
        const Row& row = search.rows[static_cast<size_t>(state)];
        for (size_t low = 0; low < 256;) {
            size_t high = low;
            while (high < 255 && row[high + 1] == row[low]) ++high;
            steps.push_back({state, row[low], b.byte(static_cast<uint8_t>(low), static_cast<uint8_t>(high))});
            low = high + 1;
        }
    }
    return b.graph(end + 1, steps, ends);
}

Node add_any_text(Builder& b) {
    return b.repeat(b.byte(0, 255), 0);
}

}  // namespace sluice::grammar
