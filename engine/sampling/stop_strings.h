// Finds stop strings in text that comes piece by piece, and holds back what may still become one. The first
// string to be complete wins; of several complete at the same byte, the longest. Any way to cut the text into
// pieces gives the same result. Linear time (Knuth, Morris, Pratt 1977, one automaton a string). Value type.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::sampling {

class StopStrings {
  public:
    explicit StopStrings(const std::vector<std::string>& stops);  // none empty

    struct Piece {
        std::string emit = {};     // text that is safe to show
        bool stopped = false;      // a stop string is complete; what follows it is dropped
        std::string matched = {};  // that string
    };
    Piece push(std::string_view text);
    std::string finish();  // the text ended: what was held back

  private:
    struct Pattern {
        std::string text;
        std::vector<size_t> fallback;  // [i]: length of the longest border of the first i bytes
        size_t state = 0;              // bytes matched
    };
    static size_t advance(Pattern& pattern, char c);

    std::vector<Pattern> patterns_;
    std::string held_;
};

}  // namespace sluice::sampling
