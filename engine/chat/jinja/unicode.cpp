// Character classes and case mappings with Python's rules, on utf8proc's tables.
#include <utf8proc.h>

#include <algorithm>

#include "engine/chat/jinja/text.h"

namespace sluice::chat::jinja {

static utf8proc_category_t category(uint32_t c) {
    return utf8proc_category(static_cast<utf8proc_int32_t>(c));
}

bool is_space(uint32_t c) {
    return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
           c == 0x3000;
}

bool is_printable(uint32_t c) {
    if (c == ' ') return true;
    switch (category(c)) {
        case UTF8PROC_CATEGORY_CN:
        case UTF8PROC_CATEGORY_CC:
        case UTF8PROC_CATEGORY_CF:
        case UTF8PROC_CATEGORY_CS:
        case UTF8PROC_CATEGORY_CO:
        case UTF8PROC_CATEGORY_ZS:
        case UTF8PROC_CATEGORY_ZL:
        case UTF8PROC_CATEGORY_ZP:
            return false;
        default:
            return true;
    }
}

static bool is_lower(uint32_t c) {
    return utf8proc_islower(static_cast<utf8proc_int32_t>(c)) != 0;
}
static bool is_upper(uint32_t c) {
    return utf8proc_isupper(static_cast<utf8proc_int32_t>(c)) != 0;
}
static bool is_cased(uint32_t c) {
    return is_lower(c) || is_upper(c) || category(c) == UTF8PROC_CATEGORY_LT;
}

namespace {
enum class Form { upper, lower, title };
}

// Full mappings: a letter whose case folding is several letters (sharp s, ligatures) has those as upper case.
static void append_form(TextBuilder& out, uint32_t c, Form form, bool client) {
    const auto letter = static_cast<utf8proc_int32_t>(c);
    if (form == Form::lower) {
        if (c == 0x130)
            out.append("i\xCC\x87", client);  // I with dot above: i and a combining dot
        else
            out.append_code_point(static_cast<uint32_t>(utf8proc_tolower(letter)), client);
        return;
    }
    utf8proc_int32_t folded[4];
    int bound = 0;
    const auto count = utf8proc_decompose_char(letter, folded, 4, UTF8PROC_CASEFOLD, &bound);
    const bool several = c >= 0x80 && count > 1 && count <= 4 && category(c) != UTF8PROC_CATEGORY_LU;
    constexpr uint32_t kSharpS = 0xDF, kApostropheN = 0x149, kIota = 0x3B9, kIotaBelow = 0x345;
    if (!several || (form == Form::title && c != kSharpS && utf8proc_totitle(letter) != letter)) {
        const auto mapped = form == Form::upper ? utf8proc_toupper(letter) : utf8proc_totitle(letter);
        out.append_code_point(static_cast<uint32_t>(mapped), client);
        return;
    }
    if (category(c) == UTF8PROC_CATEGORY_LT && form == Form::title) return out.append_code_point(c, client);
    for (int i = 0; i < count; ++i) {
        const bool raise = form == Form::upper || i == 0 || c == kApostropheN;
        const auto part = static_cast<uint32_t>(raise ? utf8proc_toupper(folded[i]) : folded[i]);
        out.append_code_point(part == kIota ? kIotaBelow : part, client);
    }
}

// Greek capital sigma is a final sigma at the end of a word.
static bool is_final_sigma(std::string_view bytes, size_t pos, bool after_cased) {
    if (!after_cased) return false;
    const size_t next = pos + 2;
    return next >= bytes.size() || !is_cased(decode(bytes, next).value);
}

TextPtr change_case(Meter& meter, TextView text, Case how) {
    meter.walk(text.size());
    TextBuilder out(meter);
    bool after_cased = false;
    for (size_t pos = 0; pos < text.size();) {
        const CodePoint c = decode(text.bytes, pos);
        const TextView piece = text.substr(pos, c.size);
        Form form = how == Case::upper ? Form::upper : Form::lower;
        if (how == Case::title && !after_cased) form = Form::title;
        if (how == Case::capitalize && pos == 0) form = Form::title;
        if (how == Case::swap) form = is_upper(c.value) ? Form::lower : Form::upper;
        const bool stays = how == Case::swap && !is_upper(c.value) && !is_lower(c.value);
        if (stays || (c.size == 1 && c.value >= 0x80)) {  // or is not UTF-8
            out.append(piece);
        } else if (c.value == 0x3A3 && form == Form::lower && is_final_sigma(text.bytes, pos, after_cased)) {
            out.append("\xCF\x82", piece.from_client());
        } else {
            append_form(out, c.value, form, piece.from_client());
        }
        after_cased = is_cased(c.value);
        pos += c.size;
    }
    return out.take();
}

// Digits that are no decimal digits: superscripts, digits in circles and the like.
static bool is_other_digit(uint32_t c) {
    static constexpr std::pair<uint32_t, uint32_t> kRanges[] = {
        {0xB2, 0xB3},     {0xB9, 0xB9},       {0x1369, 0x1371},   {0x19DA, 0x19DA},   {0x2070, 0x2070},
        {0x2074, 0x2079}, {0x2080, 0x2089},   {0x2460, 0x2468},   {0x2474, 0x247C},   {0x2488, 0x2490},
        {0x24EA, 0x24EA}, {0x24F5, 0x24FD},   {0x24FF, 0x24FF},   {0x2776, 0x277E},   {0x2780, 0x2788},
        {0x278A, 0x2792}, {0x10A40, 0x10A43}, {0x10E60, 0x10E68}, {0x11052, 0x1105A}, {0x1F100, 0x1F10A}};
    return std::any_of(std::begin(kRanges), std::end(kRanges),
                       [c](const auto& range) { return c >= range.first && c <= range.second; });
}

static bool in_class(uint32_t c, Class which) {
    const auto of = category(c);
    const bool alpha = of >= UTF8PROC_CATEGORY_LU && of <= UTF8PROC_CATEGORY_LO;
    const bool number = of >= UTF8PROC_CATEGORY_ND && of <= UTF8PROC_CATEGORY_NO;
    switch (which) {
        case Class::alpha:
            return alpha;
        case Class::decimal:
            return of == UTF8PROC_CATEGORY_ND;
        case Class::digit:
            return of == UTF8PROC_CATEGORY_ND || is_other_digit(c);
        case Class::numeric:
            return number;
        case Class::alnum:
            return alpha || number;
        case Class::space:
            return is_space(c);
        case Class::lower:
        case Class::upper:
            return false;
    }
    return false;
}

// Upper case only where a word begins, lower case only inside.
bool is_title_case(std::string_view text) {
    bool any = false, after_cased = false;
    for (size_t pos = 0; pos < text.size();) {
        const CodePoint c = decode(text, pos);
        pos += c.size;
        const bool begins = is_upper(c.value) || category(c.value) == UTF8PROC_CATEGORY_LT;
        if (begins ? after_cased : is_lower(c.value) && !after_cased) return false;
        after_cased = is_cased(c.value);
        any |= after_cased;
    }
    return any;
}

bool is_class(std::string_view text, Class which) {
    bool any = false;
    const bool by_case = which == Class::lower || which == Class::upper;
    for (size_t pos = 0; pos < text.size();) {
        const CodePoint c = decode(text, pos);
        pos += c.size;
        if (!by_case) {
            if (!in_class(c.value, which)) return false;
            any = true;
        } else if (is_cased(c.value)) {
            if (which == Class::lower ? !is_lower(c.value) : !is_upper(c.value)) return false;
            any = true;
        }
    }
    return any;
}

}  // namespace sluice::chat::jinja
