// Character classes and case mappings with Python's rules, on utf8proc's tables.
#include <utf8proc.h>

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
    if (!several || (form == Form::title && utf8proc_totitle(letter) != letter)) {
        const auto mapped = form == Form::upper ? utf8proc_toupper(letter) : utf8proc_totitle(letter);
        out.append_code_point(static_cast<uint32_t>(mapped), client);
        return;
    }
    if (category(c) == UTF8PROC_CATEGORY_LT && form == Form::title) return out.append_code_point(c, client);
    for (int i = 0; i < count; ++i) {
        const bool raise = form == Form::upper || i == 0;
        out.append_code_point(static_cast<uint32_t>(raise ? utf8proc_toupper(folded[i]) : folded[i]), client);
    }
}

// Greek capital sigma is a final sigma at the end of a word.
static bool is_final_sigma(std::string_view bytes, size_t pos, bool after_cased) {
    if (!after_cased) return false;
    const size_t next = pos + 2;
    return next >= bytes.size() || !is_cased(decode(bytes, next).value);
}

TextPtr change_case(Meter& meter, TextView text, Case how) {
    TextBuilder out(meter);
    bool after_cased = false;
    for (size_t pos = 0; pos < text.size();) {
        const CodePoint c = decode(text.bytes, pos);
        const TextView piece = text.substr(pos, c.size);
        Form form = how == Case::upper ? Form::upper : Form::lower;
        if (how == Case::title && !after_cased) form = Form::title;
        if (how == Case::capitalize && pos == 0) form = Form::title;
        if (how == Case::swap) form = is_upper(c.value) ? Form::lower : Form::upper;
        if (c.size == 1 && c.value >= 0x80) {
            out.append(piece);  // not UTF-8
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

static bool in_class(uint32_t c, Class which) {
    const auto of = category(c);
    const bool alpha = of >= UTF8PROC_CATEGORY_LU && of <= UTF8PROC_CATEGORY_LO;
    switch (which) {
        case Class::alpha:
            return alpha;
        case Class::digit:
            return of == UTF8PROC_CATEGORY_ND;
        case Class::alnum:
            return alpha || (of >= UTF8PROC_CATEGORY_ND && of <= UTF8PROC_CATEGORY_NO);
        case Class::space:
            return is_space(c);
        case Class::lower:
        case Class::upper:
            return false;
    }
    return false;
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
