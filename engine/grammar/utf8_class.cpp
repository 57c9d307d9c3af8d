#include "engine/grammar/utf8_class.h"

#include <algorithm>
#include <map>

namespace sluice::grammar {
namespace {

constexpr uint32_t kLast = 0x10FFFF, kSurrogates = 0xD800, kAfterSurrogates = 0xE000;

void add_part(CodePoints& out, uint32_t lo, uint32_t hi) {
    if (lo <= hi) out.emplace_back(lo, hi);
}

CodePoints without_surrogates(const CodePoints& in) {
    CodePoints out;
    for (const auto& [lo, hi] : in) {
        add_part(out, lo, std::min(hi, kSurrogates - 1));
        add_part(out, std::max(lo, kAfterSurrogates), hi);
    }
    return out;
}

// Those of a set between lo and hi, counted from lo.
CodePoints cut(const CodePoints& set, uint32_t lo, uint32_t hi) {
    CodePoints out;
    for (const auto& [a, b] : set)
        if (a <= hi && b >= lo) out.emplace_back(std::max(a, lo) - lo, std::min(b, hi) - lo);
    return out;
}

class Maker {
  public:
    // Edges from `from` for each value of the first byte, given as set / 64^more, and the states behind them.
    void add(int32_t from, const CodePoints& set, int more, uint8_t first_byte, uint32_t values) {
        const uint32_t size = 1u << (6 * more);
        Utf8Class::Edge edge{from, 0, 0, -1};
        for (uint32_t v = 0; v < values; ++v) {
            const int32_t to = state(cut(set, v * size, (v + 1) * size - 1), more);
            const auto byte = static_cast<uint8_t>(first_byte + v);
            if (edge.to >= 0 && to == edge.to) {
                edge.hi = byte;
                continue;
            }
            if (edge.to >= 0) made.edges.push_back(edge);
            edge = {from, byte, byte, to};
        }
        if (edge.to >= 0) made.edges.push_back(edge);
    }
    Utf8Class made;

  private:
    // The state in which `more` bytes are missing for one of the set; -1: none.
    int32_t state(const CodePoints& set, int more) {
        if (set.empty()) return -1;
        if (more == 0) return 1;
        const auto [at, is_new] = known_.try_emplace({more, set}, made.states);
        const int32_t id = at->second;
        if (is_new) {
            ++made.states;
            add(id, set, more - 1, 0x80, 64);  // as deep as a code point has bytes
        }
        return id;
    }
    std::map<std::pair<int, CodePoints>, int32_t> known_;
};

}  // namespace

CodePoints code_points(std::span<const std::pair<uint32_t, uint32_t>> ranges, bool negated) {
    CodePoints sorted, joined;
    for (const auto& [lo, hi] : ranges) add_part(sorted, lo, std::min(hi, kLast));
    std::sort(sorted.begin(), sorted.end());
    for (const auto& [lo, hi] : sorted) {
        if (joined.empty() || lo > joined.back().second + 1) {
            joined.emplace_back(lo, hi);
        } else {
            joined.back().second = std::max(joined.back().second, hi);
        }
    }
    if (!negated) return without_surrogates(joined);
    CodePoints others;
    uint32_t next = 0;
    for (const auto& [lo, hi] : joined) {
        if (lo > next) others.emplace_back(next, lo - 1);
        next = hi + 1;
    }
    add_part(others, next, kLast);
    return without_surrogates(others);
}

Utf8Class utf8_class(const CodePoints& set) {
    Maker maker;
    maker.add(0, cut(set, 0, 0x7F), 0, 0x00, 0x80);
    // Cut at the lengths' borders, but counted from 0, as the bits of UTF-8 are.
    const auto part = [&](uint32_t lo, uint32_t hi) {
        CodePoints out;
        for (const auto& [a, b] : set) {
            if (a <= hi && b >= lo) out.emplace_back(std::max(a, lo), std::min(b, hi));
        }
        return out;
    };
    maker.add(0, part(0x80, 0x7FF), 1, 0xC0, 0x20);
    maker.add(0, part(0x800, 0xFFFF), 2, 0xE0, 0x10);
    maker.add(0, part(0x10000, kLast), 3, 0xF0, 5);
    return std::move(maker.made);
}

}  // namespace sluice::grammar
