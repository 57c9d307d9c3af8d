#include "engine/grammar/source.h"

#include <algorithm>

#include "engine/tokenizer/unicode.h"

namespace sluice::grammar {

using tokenizer::CodePoint;
using tokenizer::decode_utf8;

std::optional<size_t> Source::flaw() const {
    for (size_t at = 0; at < text_.size();) {
        const CodePoint c = decode_utf8(text_.substr(at));
        if (c.state != CodePoint::State::valid) return at;
        at += c.length;
    }
    return std::nullopt;
}

bool Source::skip(std::string_view what) {
    if (!text_.substr(at_).starts_with(what)) return false;
    at_ += what.size();
    return true;
}

uint32_t Source::take() {
    const CodePoint c = decode_utf8(text_.substr(at_));
    at_ += c.length;
    return c.value;
}

static std::optional<uint32_t> hex_digit(char c) {
    if (is_digit(c)) return static_cast<uint32_t>(c - '0');
    const char small = static_cast<char>(c | 0x20);
    if (small >= 'a' && small <= 'f') return static_cast<uint32_t>(small - 'a' + 10);
    return std::nullopt;
}

std::optional<uint32_t> Source::take_hex(size_t least, size_t most) {
    uint32_t value = 0;
    size_t digits = 0;
    for (; digits < most; ++digits) {
        const auto digit = hex_digit(peek(digits));
        if (!digit) break;
        value = value << 4 | *digit;
    }
    if (digits < least) return std::nullopt;
    at_ += digits;
    return value;
}

std::optional<int32_t> Source::take_count() {
    if (!is_digit(peek())) return std::nullopt;
    int32_t count = 0;
    for (; is_digit(peek()); ++at_) count = std::min(count * 10 + (peek() - '0'), kMaxCount + 1);
    return count;
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_surrogate(uint32_t code_point) {
    return code_point >= 0xD800 && code_point <= 0xDFFF;
}

void append_utf8(std::string& out, uint32_t c) {
    const auto tail = [&](int shift) { out += static_cast<char>(0x80 | (c >> shift & 0x3F)); };
    if (c < 0x80) {
        out += static_cast<char>(c);
    } else if (c < 0x800) {
        out += static_cast<char>(0xC0 | c >> 6);
        tail(0);
    } else if (c < 0x10000) {
        out += static_cast<char>(0xE0 | c >> 12);
        tail(6);
        tail(0);
    } else {
        out += static_cast<char>(0xF0 | c >> 18);
        tail(12);
        tail(6);
        tail(0);
    }
}

}  // namespace sluice::grammar
