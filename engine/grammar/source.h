// A text being read by a front end: a pattern or a grammar, in UTF-8. Positions are bytes. One thread.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::grammar {

inline constexpr int32_t kMaxCount = 100'000;  // of a repetition
inline constexpr uint32_t kMaxCodePoint = 0x10FFFF;

class Source {
  public:
    explicit Source(std::string_view text, size_t begin = 0) : text_(text), at_(begin) {}
    std::optional<size_t> flaw() const;  // where the text is not UTF-8; look before taking anything

    size_t at() const { return at_; }
    bool done() const { return at_ == text_.size(); }
    char peek(size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
    bool skip(std::string_view what);
    std::string_view since(size_t begin) const { return text_.substr(begin, at_ - begin); }

    uint32_t take();                                              // a code point; not when done
    std::optional<uint32_t> take_hex(size_t least, size_t most);  // digits, at most 8; or nothing is taken
    std::optional<int32_t> take_count();  // decimal; what is over kMaxCount is kMaxCount + 1

  private:
    std::string_view text_;
    size_t at_;
};

bool is_digit(char c);
bool is_letter(char c);  // ASCII
bool is_surrogate(uint32_t code_point);
void append_utf8(std::string& out, uint32_t code_point);

}  // namespace sluice::grammar
