#include "engine/grammar/regex_escape.h"

#include <fmt/format.h>

#include <optional>
#include <string>
#include <string_view>

namespace sluice::grammar {
namespace {

// Dialects differ on what is a digit, a word character or a space: of ASCII, of Unicode, or of lists of their
// own. What any of them takes for one must not be written where there should be none.
struct Kind {
    Kind(const CodePoints& all_agree, const CodePoints& others) : yes(code_points(all_agree, false)) {
        perhaps = yes;
        perhaps.insert(perhaps.end(), others.begin(), others.end());
        perhaps = code_points(perhaps, false);
        no = code_points(perhaps, true);
        perhaps_not = code_points(yes, true);
    }
    CodePoints yes, perhaps;     // to all dialects; to any of them
    CodePoints no, perhaps_not;  // their opposites
};

// The first of ten digits each; the mathematical ones are five times ten.
constexpr uint32_t kZeros[] = {
    0x660,   0x6F0,   0x7C0,   0x966,   0x9E6,   0xA66,   0xAE6,   0xB66,   0xBE6,   0xC66,
    0xCE6,   0xD66,   0xDE6,   0xE50,   0xED0,   0xF20,   0x1040,  0x1090,  0x17E0,  0x1810,
    0x1946,  0x19D0,  0x1A80,  0x1A90,  0x1B50,  0x1BB0,  0x1C40,  0x1C50,  0xA620,  0xA8D0,
    0xA900,  0xA9D0,  0xA9F0,  0xAA50,  0xABF0,  0xFF10,  0x104A0, 0x10D30, 0x11066, 0x110F0,
    0x11136, 0x111D0, 0x112F0, 0x11450, 0x114D0, 0x11650, 0x116C0, 0x11730, 0x118E0, 0x11950,
    0x11C50, 0x11D50, 0x11DA0, 0x11F50, 0x16A60, 0x16AC0, 0x16B50, 0x1D7CE, 0x1D7D8, 0x1D7E2,
    0x1D7EC, 0x1D7F6, 0x1E140, 0x1E2F0, 0x1E4F0, 0x1E950, 0x1FBF0};

CodePoints other_digits() {
    CodePoints set;
    for (const uint32_t zero : kZeros) set.emplace_back(zero, zero + 9);
    return set;
}

// All but ASCII and what is clearly punctuation, a symbol or a space.
CodePoints other_words() {
    return code_points(CodePoints{{0, 0xA9},        {0xAB, 0xB1},       {0xB4, 0xB4},      {0xB6, 0xB8},
                                  {0xBB, 0xBB},     {0xBF, 0xBF},       {0xD7, 0xD7},      {0xF7, 0xF7},
                                  {0x2000, 0x200B}, {0x200E, 0x203E},   {0x2041, 0x2053},  {0x2055, 0x2064},
                                  {0x2066, 0x206F}, {0x20A0, 0x20C0},   {0x2190, 0x2426},  {0x2500, 0x2775},
                                  {0x2794, 0x2B73}, {0x3000, 0x3004},   {0x3008, 0x3020},  {0xFF01, 0xFF0F},
                                  {0xFF1A, 0xFF20}, {0x1F300, 0x1F6D7}, {0x1F900, 0x1F9FF}},
                       true);
}

const Kind kDigits({{'0', '9'}}, other_digits());
const Kind kWords({{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}, other_words());
const Kind kSpaces({{'\t', '\r'},
                    {' ', ' '},
                    {0xA0, 0xA0},
                    {0x1680, 0x1680},
                    {0x2000, 0x200A},
                    {0x2028, 0x2029},
                    {0x202F, 0x202F},
                    {0x205F, 0x205F},
                    {0x3000, 0x3000}},
                   {{0x1C, 0x1F}, {0x85, 0x85}, {0x180E, 0x180E}, {0x200B, 0x200B}, {0xFEFF, 0xFEFF}});

CodePoints members(const Kind& kind, bool opposite, bool widest) {
    if (widest) return opposite ? kind.perhaps_not : kind.perhaps;
    return opposite ? kind.no : kind.yes;
}

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

Result<CodePoints> take_regex_escape(Source& source, bool in_class, bool widest) {
    source.skip("\\");
    if (source.done()) return wrong("nothing follows this \\");
    const uint32_t c = source.take();
    switch (c) {
        case 'd':
        case 'D':
            return members(kDigits, c == 'D', widest);
        case 'w':
        case 'W':
            return members(kWords, c == 'W', widest);
        case 's':
        case 'S':
            return members(kSpaces, c == 'S', widest);
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
