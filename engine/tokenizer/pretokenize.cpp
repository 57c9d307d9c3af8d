#include "engine/tokenizer/pretokenize.h"

#include <optional>

#include "engine/tokenizer/unicode.h"

namespace sluice::tokenizer {
namespace {

struct Spelling {
    std::string_view name;
    PreTokenizer pre;
};

constexpr PreTokenizer kQwen2{1, false, false};
constexpr PreTokenizer kLlama{3, true, true};
constexpr Spelling kSpellings[] = {
    {"qwen2", kQwen2},     {"qwen2.5", kQwen2}, {"qwen3", kQwen2},    {"deepseek-r1-qwen", kQwen2},
    {"llama-bpe", kLlama}, {"llama3", kLlama},  {"llama-v3", kLlama},
};

struct Char {
    char32_t value;
    CharClass cls;
    size_t length;
};

// Reads one text from left to right; no value at its end and at bytes that are not UTF-8.
class Scanner {
  public:
    explicit Scanner(std::string_view text) : text_(text) {}

    std::optional<Char> at(size_t position) const {
        if (position >= text_.size()) return {};
        const CodePoint c = decode_utf8(text_.substr(position));
        if (c.state != CodePoint::State::valid) return {};
        return Char{c.value, char_class(c.value), c.length};
    }

    bool is(size_t position, CharClass cls) const {
        const auto c = at(position);
        return c && c->cls == cls;
    }

    size_t skip(size_t position, CharClass cls, int limit = -1) const {
        for (; limit != 0; --limit) {
            const auto c = at(position);
            if (!c || c->cls != cls) break;
            position += c->length;
        }
        return position;
    }

    size_t skip_newlines(size_t position) const {
        while (position < text_.size() && (text_[position] == '\r' || text_[position] == '\n')) ++position;
        return position;
    }

    // Where (?i:'s|'t|'re|'ve|'m|'ll|'d) ends at the beginning of the text; 0: no match.
    size_t contraction() const {
        if (text_[0] != '\'') return 0;
        const auto first = at(1);
        if (!first) return 0;
        const size_t end = 1 + first->length;
        switch (fold_to_ascii(first->value)) {
            case U's':
            case U't':
            case U'm':
            case U'd':
                return end;
            case U'r':
            case U'v':
                return ends_with(end, U'e');
            case U'l':
                return ends_with(end, U'l');
            default:
                return 0;
        }
    }

    // \s*[\r\n]+|\s+(?!\S)|\s+ at the beginning of the text, which is white space.
    size_t white_space() const {
        size_t end = 0, last = 0, after_newline = 0;
        for (auto c = at(0); c && c->cls == CharClass::space; c = at(end)) {
            last = end;
            end += c->length;
            if (c->value == U'\r' || c->value == U'\n') after_newline = end;
        }
        if (after_newline > 0) return after_newline;
        const bool text_follows = at(end).has_value();
        return text_follows && last > 0 ? last : end;  // the last one belongs to the word that follows
    }

  private:
    size_t ends_with(size_t position, char32_t letter) const {
        const auto c = at(position);
        return c && fold_to_ascii(c->value) == letter ? position + c->length : 0;
    }

    std::string_view text_;
};

}  // namespace

const PreTokenizer* find_pre_tokenizer(std::string_view name) {
    for (const Spelling& s : kSpellings) {
        if (s.name == name) return &s.pre;
    }
    return nullptr;
}

std::string supported_pre_tokenizers() {
    std::string names;
    for (const Spelling& s : kSpellings) {
        if (!names.empty()) names += ", ";
        names += s.name;
    }
    return names;
}

size_t first_piece(std::string_view text, int max_digits) {
    const Scanner scan(text);
    const auto first = scan.at(0);
    if (!first) return 1;
    if (const size_t end = scan.contraction()) return end;
    if (first->cls == CharClass::letter) return scan.skip(first->length, CharClass::letter);
    if (first->cls == CharClass::number) return scan.skip(0, CharClass::number, max_digits);
    const bool newline = first->value == U'\r' || first->value == U'\n';
    if (!newline && scan.is(first->length, CharClass::letter))
        return scan.skip(first->length, CharClass::letter);
    const size_t start = first->value == U' ' ? 1 : 0;
    if (scan.is(start, CharClass::other)) return scan.skip_newlines(scan.skip(start, CharClass::other));
    return scan.white_space();
}

}  // namespace sluice::tokenizer
