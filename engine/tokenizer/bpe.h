// The merge loop of byte pair encoding: of all neighbours that can merge, the pair of the lowest rank,
// leftmost first, until none can. Immutable after construction; any thread with its own Scratch.
#pragma once
#include <array>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace sluice::tokenizer {

class Bpe {
  public:
    // Memory that calls reuse, and the work that they did.
    struct Scratch {
        struct Symbol {
            int32_t token;
            int32_t previous, next;  // -1: none
        };
        struct Candidate {
            int32_t rank, position, left, right;  // stale once the symbols at `position` are others
        };
        std::vector<Symbol> symbols;
        std::vector<Candidate> heap;
        uint64_t steps = 0;  // candidates taken from the heap
    };

    explicit Bpe(const std::array<int32_t, 256>& byte_tokens) : byte_tokens_(byte_tokens) {}

    // Ranks are given in rising order. False: the pair is known already.
    bool add_merge(int32_t left, int32_t right, int32_t rank, int32_t result);
    void reserve(size_t merges) { merges_.reserve(merges); }

    // Appends the tokens of a piece of at most 2^31 - 1 bytes: n log n in its length.
    void encode(std::string_view piece, Scratch& scratch, std::vector<int32_t>& out) const;

  private:
    struct Merge {
        int32_t rank, result;
    };

    const Merge* find(int32_t left, int32_t right) const;
    void push(Scratch& scratch, int32_t position) const;
    void merge_all(Scratch& scratch) const;

    std::array<int32_t, 256> byte_tokens_;
    boost::unordered_flat_map<uint64_t, Merge> merges_;  // by (left << 32 | right)
};

}  // namespace sluice::tokenizer
