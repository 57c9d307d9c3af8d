#include "engine/grammar/regex_escape.h"

#include <fmt/format.h>

#include <optional>
#include <string>
#include <string_view>

namespace sluice::grammar {
namespace {

const CodePoints kDigits = {{'0', '9'}};
const CodePoints kWords = {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
const CodePoints kSpaces = {{'\t', '\r'},     {' ', ' '},       {0xA0, 0xA0},     {0x1680, 0x1680},
                            {0x2000, 0x200A}, {0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F},
                            {0x3000, 0x3000}, {0xFEFF, 0xFEFF}};

CodePoints one(uint32_t c) {
    return {{c, c}};
}

Error wrong(std::string message) {
    return {ErrorKind::invalid_request, std::move(message)};
}

Result<CodePoints> take_hex(Source& source) {
    if (const auto value = source.take_hex(2, 2)) return one(*value);
    return wrong("two hexadecimal digits must follow \\x");
}

Result<CodePoints> take_unicode(Source& source) {
    std::optional<uint32_t> value;
    if (source.skip("{")) {
        value = source.take_hex(1, 8);
        if (!source.skip("}")) value.reset();
    } else {
        value = source.take_hex(4, 4);
        if (value && *value >> 10 == 0xD800 >> 10 && source.skip("\\u")) {
            const uint32_t low = source.take_hex(4, 4).value_or(0);
            if (low >> 10 == 0xDC00 >> 10) value = 0x10000 + ((*value & 0x3FF) << 10 | (low & 0x3FF));
        }
    }
    if (!value || *value > kMaxCodePoint)
        return wrong("four hexadecimal digits, or those of a code point within braces, must follow \\u");
    if (is_surrogate(*value)) return wrong("half of a surrogate pair is no character");
    return one(*value);
}

Result<CodePoints> take_control(Source& source) {
    if (!is_letter(source.peek())) return wrong("a letter must follow \\c");
    return one(source.take() & 0x1F);
}

Error refuse(uint32_t c) {
    const char name = c < 0x80 ? static_cast<char>(c) : '?';
    if (name == 'b' || name == 'B')
        return wrong(fmt::format("a word boundary (\\{}) is not supported", name));
    if (name == 'p' || name == 'P')
        return wrong(fmt::format("a Unicode property (\\{}) is not supported", name));
    if (is_digit(name) || name == 'k') return wrong("a back reference is not supported");
    std::string shown = "\\";
    append_utf8(shown, c);
    return wrong(shown + " is not a supported escape");
}

}  // namespace

Result<CodePoints> take_regex_escape(Source& source, bool in_class) {
    source.skip("\\");
    if (source.done()) return wrong("nothing follows this \\");
    const uint32_t c = source.take();
    switch (c) {
        case 'd':
        case 'D':
            return code_points(kDigits, c == 'D');
        case 'w':
        case 'W':
            return code_points(kWords, c == 'W');
        case 's':
        case 'S':
            return code_points(kSpaces, c == 'S');
        case 'x':
            return take_hex(source);
        case 'u':
            return take_unicode(source);
        case 'c':
            return take_control(source);
        default:
            break;
    }
    if (c == '0') {
        if (is_digit(source.peek())) return wrong("an octal escape is not supported; write \\xHH");
        return one(0);
    }
    if (c == 'b' && in_class) return one('\b');
    constexpr std::string_view kNames = "tnrfv", kNamed = "\t\n\r\f\v";
    const bool is_ascii = c > ' ' && c < 0x7F;
    const size_t at = is_ascii ? kNames.find(static_cast<char>(c)) : kNames.npos;
    if (at != kNames.npos) return one(static_cast<uint32_t>(kNamed[at]));
    if (is_ascii && !is_digit(static_cast<char>(c)) && !is_letter(static_cast<char>(c))) return one(c);
    return refuse(c);
}

}  // namespace sluice::grammar
