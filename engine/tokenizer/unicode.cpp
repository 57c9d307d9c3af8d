#include "engine/tokenizer/unicode.h"

#include <utf8proc.h>

#include <array>

namespace sluice::tokenizer {
namespace {

struct Lead {
    uint8_t length;     // 0: never begins a code point
    uint8_t low, high;  // range of the second byte; excludes overlong forms, surrogates, > U+10FFFF
    uint8_t payload_mask;
};

constexpr Lead lead_of(uint8_t byte) {
    if (byte < 0xC2 || byte > 0xF4) return {0, 0, 0, 0};
    if (byte < 0xE0) return {2, 0x80, 0xBF, 0x1F};
    if (byte < 0xF0) {
        return {3, byte == 0xE0 ? uint8_t{0xA0} : uint8_t{0x80}, byte == 0xED ? uint8_t{0x9F} : uint8_t{0xBF},
                0x0F};
    }
    return {4, byte == 0xF0 ? uint8_t{0x90} : uint8_t{0x80}, byte == 0xF4 ? uint8_t{0x8F} : uint8_t{0xBF},
            0x07};
}

CharClass look_up(char32_t c) {
    if ((c >= 0x09 && c <= 0x0D) || c == 0x85) return CharClass::space;
    switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
        case UTF8PROC_CATEGORY_LU:
        case UTF8PROC_CATEGORY_LL:
        case UTF8PROC_CATEGORY_LT:
        case UTF8PROC_CATEGORY_LM:
        case UTF8PROC_CATEGORY_LO:
            return CharClass::letter;
        case UTF8PROC_CATEGORY_ND:
        case UTF8PROC_CATEGORY_NL:
        case UTF8PROC_CATEGORY_NO:
            return CharClass::number;
        case UTF8PROC_CATEGORY_ZS:
        case UTF8PROC_CATEGORY_ZL:
        case UTF8PROC_CATEGORY_ZP:
            return CharClass::space;
        default:
            return CharClass::other;
    }
}

}  // namespace

CodePoint decode_utf8(std::string_view text) {
    const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
    if (byte(0) < 0x80) return {byte(0), 1, CodePoint::State::valid};
    const Lead lead = lead_of(byte(0));
    if (lead.length == 0) return {};
    char32_t value = byte(0) & lead.payload_mask;
    for (uint8_t i = 1; i < lead.length; ++i) {
        if (i == text.size()) return {0, i, CodePoint::State::incomplete};
        const bool continues = i == 1 ? byte(i) >= lead.low && byte(i) <= lead.high : (byte(i) >> 6) == 2;
        if (!continues) return {0, i, CodePoint::State::invalid};
        value = value << 6 | (byte(i) & 0x3Fu);
    }
    return {value, lead.length, CodePoint::State::valid};
}

CharClass char_class(char32_t c) {
    static const auto ascii = [] {
        std::array<CharClass, 128> table{};
        for (char32_t i = 0; i < table.size(); ++i) table[i] = look_up(i);
        return table;
    }();
    return c < ascii.size() ? ascii[c] : look_up(c);
}

char32_t fold_to_ascii(char32_t c) {
    if (c >= U'A' && c <= U'Z') return c + 32;
    if (c == 0x17F) return U's';
    if (c == 0x212A) return U'k';
    return c;
}

}  // namespace sluice::tokenizer
