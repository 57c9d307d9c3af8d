#include "engine/chat/jinja/lexer.h"

#include <algorithm>

#include "engine/chat/jinja/text.h"

namespace sluice::chat::jinja {

namespace {

constexpr bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
constexpr bool is_name_start(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<signed char>(c) < 0;
}

// One kind of newline; a single one at the end does not count.
std::string normalise(std::string_view source) {
    std::string out;
    out.reserve(source.size());
    for (size_t i = 0; i < source.size(); ++i) {
        const bool pair = source[i] == '\r' && i + 1 < source.size() && source[i + 1] == '\n';
        if (!pair) out += source[i] == '\r' ? '\n' : source[i];
    }
    if (!out.empty() && out.back() == '\n') out.pop_back();
    return out;
}

class Lexer {
  public:
    explicit Lexer(std::string_view source) : source_(normalise(source)) {}
    std::vector<Token> run() {
        while (pos_ < source_.size()) root();
        add(TokenKind::end, "");
        return std::move(tokens_);
    }

  private:
    [[noreturn]] void fail(std::string message) const { throw SyntaxError{std::move(message), line_}; }
    std::string_view rest() const { return std::string_view(source_).substr(pos_); }
    bool at(std::string_view text) const { return rest().starts_with(text); }
    void add(TokenKind kind, std::string text) { tokens_.push_back({kind, std::move(text), line_}); }

    void advance(size_t count) {
        const std::string_view passed = rest().substr(0, count);
        line_ += static_cast<int>(std::count(passed.begin(), passed.end(), '\n'));
        if (!passed.empty()) line_starts_ = passed.back() == '\n';
        pos_ += passed.size();
    }
    void skip_space() {
        while (pos_ < source_.size()) {
            const CodePoint c = decode(source_, pos_);
            if (!is_space(c.value)) return;
            advance(c.size);
        }
    }

    // Text up to the next tag, then the tag.
    void root() {
        size_t begin = pos_;
        do {
            begin = source_.find('{', begin);
            if (begin == std::string::npos) begin = source_.size();
        } while (begin < source_.size() && (begin + 1 == source_.size() || !is_tag(source_[begin + 1])) &&
                 ++begin);
        if (begin == source_.size()) {
            add(TokenKind::data, std::string(rest()));
            return advance(rest().size());
        }
        const char sort = source_[begin + 1];
        emit_text(begin, sort != '{');
        const bool sign = pos_ + 2 < source_.size() && (source_[pos_ + 2] == '-' || source_[pos_ + 2] == '+');
        if (sort == '%' && raw_tag()) return;
        advance(sign ? 3 : 2);
        if (sort == '#') return comment();
        add(sort == '{' ? TokenKind::print_begin : TokenKind::block_begin, "");
        inside(sort == '{');
    }
    static bool is_tag(char c) { return c == '{' || c == '%' || c == '#'; }

    // The text before a tag at `begin`: "-" takes all white space, else what indents a block goes.
    void emit_text(size_t begin, bool block) {
        TextView text{std::string_view(source_).substr(pos_, begin - pos_)};
        const char sign = begin + 2 < source_.size() ? source_[begin + 2] : '\0';
        if (sign == '-') {
            text = strip(text, Side::right);
        } else if (block && sign != '+') {
            const size_t line = text.bytes.rfind('\n') + 1;
            if ((line > 0 || line_starts_) && strip(text.substr(line), Side::both).empty())
                text = text.substr(0, line);
        }
        if (!text.empty()) add(TokenKind::data, std::string(text.bytes));
        advance(begin - pos_);
    }

    // After "{%": true if it was a whole raw block.
    bool raw_tag() {
        const size_t start = pos_;
        const int line = line_;
        const bool line_starts = line_starts_;
        advance(2);
        if (at("-") || at("+")) advance(1);
        skip_space();
        if (at("raw")) {
            advance(3);
            skip_space();
            if (at("-%}") || at("%}")) {
                const bool trim = at("-");
                advance(trim ? 3 : 2);
                if (trim) skip_space();
                raw_body();
                return true;
            }
        }
        pos_ = start, line_ = line, line_starts_ = line_starts;
        return false;
    }

    void raw_body() {
        if (pos_ == source_.size()) return;  // as with comments
        for (size_t begin = pos_; (begin = source_.find("{%", begin)) != std::string::npos; begin += 2) {
            size_t p = begin + 2;
            if (p < source_.size() && (source_[p] == '-' || source_[p] == '+')) ++p;
            p = skip_space_from(p);
            if (source_.compare(p, 6, "endraw") != 0) continue;
            p = skip_space_from(p + 6);
            if (source_.compare(p, 2, "%}") != 0 && source_.compare(p, 3, "-%}") != 0 &&
                source_.compare(p, 3, "+%}") != 0)
                continue;
            emit_text(begin, true);
            advance(p - pos_);
            return end_block();
        }
        fail("missing end of raw directive");
    }
    size_t skip_space_from(size_t p) const {
        while (p < source_.size() && is_space(static_cast<uint8_t>(source_[p]))) ++p;
        return p;
    }

    void comment() {
        if (pos_ == source_.size()) return;  // Jinja forgives a comment that begins where the source ends
        const size_t end = source_.find("#}", pos_);
        if (end == std::string::npos) fail("missing end of comment tag");
        const char sign = end > pos_ ? source_[end - 1] : '\0';
        advance(end + 2 - pos_);
        if (sign == '-')
            skip_space();
        else if (sign != '+' && at("\n"))
            advance(1);
    }

    void end_block() {
        const char sign = rest().front();
        advance(sign == '%' ? 2 : 3);
        if (sign == '-')
            skip_space();
        else if (sign == '%' && at("\n"))
            advance(1);
    }

    // Inside {{ }} or {% %}; the end counts only outside of brackets.
    void inside(bool print) {
        std::string open;
        for (skip_space(); pos_ < source_.size(); skip_space()) {
            if (open.empty() && print && (at("}}") || at("-}}"))) {
                const bool trim = at("-");
                add(TokenKind::print_end, "");
                advance(trim ? 3 : 2);
                if (trim) skip_space();
                return;
            }
            if (open.empty() && !print && (at("%}") || at("-%}") || at("+%}"))) {
                add(TokenKind::block_end, "");
                return end_block();
            }
            const char c = source_[pos_];
            if (is_digit(c))
                number();
            else if (is_name_start(c))
                name();
            else if (c == '\'' || c == '"')
                string(c);
            else
                op(open);
        }
        fail(print ? "unexpected end of template, expected '}}'"
                   : "unexpected end of template, expected '%}'");
    }

    void name() {
        size_t end = pos_;
        while (end < source_.size() && (is_name_start(source_[end]) || is_digit(source_[end]))) ++end;
        add(TokenKind::name, source_.substr(pos_, end - pos_));
        advance(end - pos_);
    }

    size_t digits(size_t p) const {
        while (p < source_.size() && (is_digit(source_[p]) || (source_[p] == '_' && p + 1 < source_.size() &&
                                                               is_digit(source_[p + 1]))))
            ++p;
        return p;
    }

    void number() {
        size_t end = pos_ + 1;
        const char mark =
            source_[pos_] == '0' && end < source_.size() ? static_cast<char>(source_[end] | 0x20) : '\0';
        TokenKind kind = TokenKind::integer;
        if (mark == 'x' || mark == 'o' || mark == 'b') {
            end = std::min(source_.size(), source_.find_first_not_of("0123456789abcdefABCDEF_", end + 1));
        } else {
            end = digits(pos_);
            if (end + 1 < source_.size() && source_[end] == '.' && is_digit(source_[end + 1]))
                end = digits(end + 1), kind = TokenKind::real;
            if (end + 1 < source_.size() && (source_[end] | 0x20) == 'e') {
                const size_t sign = source_[end + 1] == '+' || source_[end + 1] == '-' ? 1 : 0;
                if (end + 1 + sign < source_.size() && is_digit(source_[end + 1 + sign]))
                    end = digits(end + 1 + sign), kind = TokenKind::real;
            }
        }
        std::string text = source_.substr(pos_, end - pos_);
        text.erase(std::remove(text.begin(), text.end(), '_'), text.end());
        add(kind, std::move(text));
        advance(end - pos_);
    }

    void string(char quote) {
        size_t end = pos_ + 1;
        while (end < source_.size() && source_[end] != quote) end += source_[end] == '\\' ? 2 : 1;
        if (end >= source_.size())
            fail("unexpected char '" + std::string(1, quote) + "': the string does not end");
        add(TokenKind::string, unescape(std::string_view(source_).substr(pos_ + 1, end - pos_ - 1)));
        advance(end + 1 - pos_);
    }

    std::string unescape(std::string_view text) const {
        static constexpr std::string_view kFrom = "\\'\"abfnrtv", kTo = "\\'\"\a\b\f\n\r\t\v";
        std::string out;
        for (size_t i = 0; i < text.size(); ++i) {
            if (text[i] != '\\') {
                out += text[i];
                continue;
            }
            const char c = text[++i];
            const size_t hex = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
            if (const size_t known = kFrom.find(c); known != kFrom.npos)
                out += kTo[known];
            else if (c == '\n')
                continue;
            else if (hex > 0)
                out += encode(code(text, i + 1, hex, 16)), i += hex;
            else if (c >= '0' && c <= '7') {
                size_t count = 1;
                while (count < 3 && i + count < text.size() && text[i + count] >= '0' &&
                       text[i + count] <= '7')
                    ++count;
                out += encode(code(text, i, count, 8)), i += count - 1;
            } else if (c == 'N')
                fail("character names (\\N) are not supported");
            else
                (out += '\\') += c;
        }
        return out;
    }
    uint32_t code(std::string_view text, size_t from, size_t count, int base) const {
        uint64_t value = 0;
        for (size_t i = from; i < from + count; ++i) {
            const char c = i < text.size() ? static_cast<char>(text[i] | 0x20) : '\0';
            const bool letter = c >= 'a' && c <= 'f';
            if (!letter && !(i < text.size() && is_digit(text[i]))) fail("truncated escape in a string");
            value = value * static_cast<uint64_t>(base) +
                    static_cast<uint64_t>(letter ? c - 'a' + 10 : text[i] - '0');
        }
        if (value > 0x10FFFF || (value >= 0xD800 && value < 0xE000))
            fail("illegal Unicode character in a string");
        return static_cast<uint32_t>(value);
    }

    void op(std::string& open) {
        static constexpr std::string_view kOps[] = {"//", "**", "==", "!=", ">=", "<=", "+", "-", "/",
                                                    "*",  "%",  "~",  "[",  "]",  "(",  ")", "{", "}",
                                                    ">",  "<",  "=",  ".",  ":",  "|",  ",", ";"};
        for (std::string_view op : kOps) {
            if (!at(op)) continue;
            if (op == "(" || op == "[" || op == "{") open += op == "(" ? ')' : op == "[" ? ']' : '}';
            if (op == ")" || op == "]" || op == "}") {
                if (open.empty() || open.back() != op.front()) fail("unexpected '" + std::string(op) + "'");
                open.pop_back();
            }
            add(TokenKind::op, std::string(op));
            return advance(op.size());
        }
        fail("unexpected char '" + source_.substr(pos_, decode(source_, pos_).size) + "'");
    }

    std::string source_;
    size_t pos_ = 0;
    int line_ = 1;
    bool line_starts_ = true;
    std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> tokenize(std::string_view source) {
    return Lexer(source).run();
}

}  // namespace sluice::chat::jinja
