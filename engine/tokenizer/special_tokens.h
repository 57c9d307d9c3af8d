// Finds tokens that are matched as whole strings before any merging: the leftmost, and of those the longest.
// Immutable once all are added; any thread.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::tokenizer {

class SpecialTokens {
  public:
    struct Match {
        size_t position;
        size_t length;
        int32_t token;  // -1: no match
    };

    // Control tokens match only where every byte is trusted.
    void add(std::string_view text, int32_t token, bool control);

    // The first match at or after `from`. from_user: empty, or one byte per byte of text, not 0 = untrusted.
    Match next(std::string_view text, std::string_view from_user, size_t from) const;

    int32_t find(std::string_view text) const;  // the token of exactly this text; -1: none

  private:
    struct Node {
        std::vector<std::pair<uint8_t, int32_t>> children;  // sorted by byte
        int32_t token = -1;
        bool control = false;
    };

    int32_t child(int32_t node, char byte) const;  // -1: none

    std::vector<Node> nodes_{1};  // a trie; the root is the first
};

}  // namespace sluice::tokenizer
