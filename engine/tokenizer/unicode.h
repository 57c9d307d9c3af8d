// UTF-8 decoding and the four character classes that the pre-tokenisers distinguish.
// Pure functions; any thread. Classes come from utf8proc (Unicode 15.0).
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sluice::tokenizer {

struct CodePoint {
    enum class State : uint8_t { valid, invalid, incomplete };  // incomplete: the text ends inside of it

    char32_t value = 0;
    // Bytes taken. Not valid: the longest prefix that could have begun a code point, at least one byte; each
    // such prefix stands for one U+FFFD (Unicode 15.0, section 3.9, "maximal subparts").
    uint8_t length = 1;
    State state = State::invalid;
};

// The first code point of a text that is not empty.
CodePoint decode_utf8(std::string_view text);

enum class CharClass : uint8_t {
    letter,  // \p{L}
    number,  // \p{N}
    space,   // \s: the White_Space property
    other
};

CharClass char_class(char32_t c);

// The ASCII letter that equals c when case is ignored, or c. Two of its cases are not ASCII: U+017F (long s)
// folds to s, U+212A (Kelvin sign) to k.
char32_t fold_to_ascii(char32_t c);

}  // namespace sluice::tokenizer
