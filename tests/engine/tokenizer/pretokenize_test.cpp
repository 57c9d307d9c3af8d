// The scanners against the regular expressions that they stand for, as PCRE2 runs them.
#define PCRE2_CODE_UNIT_WIDTH 8
#include "engine/tokenizer/pretokenize.h"

#include <gtest/gtest.h>
#include <pcre2.h>
#include <utf8proc.h>

#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/engine/tokenizer/small_vocab.h"

namespace sluice::tokenizer {
namespace {

class Regex {
  public:
    explicit Regex(int max_digits) {
        const std::string digits = max_digits == 1 ? "" : "{1," + std::to_string(max_digits) + "}";
        const std::string pattern = R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N})" +
                                    digits + R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
        int error = 0;
        size_t at = 0;
        code_.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.c_str()), pattern.size(),
                                  PCRE2_UTF | PCRE2_UCP, &error, &at, nullptr));
        EXPECT_TRUE(code_);
        match_.reset(pcre2_match_data_create(4, nullptr));
    }

    std::vector<std::string> split(const std::string& text) const {
        std::vector<std::string> pieces;
        for (size_t at = 0; at < text.size();) {
            const int found = pcre2_match(code_.get(), reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(),
                                          at, PCRE2_ANCHORED, match_.get(), nullptr);
            if (found <= 0) return pieces;
            const size_t end = pcre2_get_ovector_pointer(match_.get())[1];
            pieces.push_back(text.substr(at, end - at));
            at = end;
        }
        return pieces;
    }

  private:
    struct Free {
        void operator()(pcre2_code* code) const { pcre2_code_free(code); }
        void operator()(pcre2_match_data* match) const { pcre2_match_data_free(match); }
    };
    std::unique_ptr<pcre2_code, Free> code_;
    std::unique_ptr<pcre2_match_data, Free> match_;
};

std::vector<std::string> split(const std::string& text, int max_digits) {
    std::vector<std::string> pieces;
    for (size_t at = 0; at < text.size(); at += pieces.back().size())
        pieces.push_back(text.substr(at, first_piece(std::string_view(text).substr(at), max_digits)));
    return pieces;
}

using Rng = std::mt19937_64;

size_t below(Rng& rng, size_t n) {
    return rng() % n;
}

// Letters and numbers of Unicode 15, which utf8proc 2.8 has and PCRE2 10.42 (Unicode 14) has not.
constexpr std::pair<char32_t, char32_t> kSince15[] = {
    {0x1123F, 0x11241}, {0x11F00, 0x11F59}, {0x13439, 0x13455}, {0x1B132, 0x1B155},
    {0x1D2C0, 0x1D2D3}, {0x1DF25, 0x1DF2A}, {0x1E030, 0x1E08F}, {0x1E4D0, 0x1E4F9}};

// PCRE2 alone still counts U+180E as white space.
bool tables_agree(char32_t c) {
    for (const auto& [first, last] : kSince15) {
        if (c >= first && c <= last) return false;
    }
    return c != 0x180E;
}

char32_t any_code_point(Rng& rng) {
    for (;;) {
        const auto c = static_cast<char32_t>(below(rng, 4) == 0 ? below(rng, 0x31350) : below(rng, 0x3100));
        if (tables_agree(c) && utf8proc_codepoint_valid(static_cast<utf8proc_int32_t>(c))) return c;
    }
}

std::string random_text(Rng& rng) {
    static const char* const kParts[] = {"a",
                                         "Z",
                                         "'s",
                                         "'S",
                                         "'\u017F",
                                         "'LL",
                                         "'lL",
                                         "'Re",
                                         "'vE",
                                         "'d",
                                         "'M",
                                         "'T",
                                         "'l",
                                         "'",
                                         " ",
                                         " ",
                                         "  ",
                                         "\t",
                                         "\n",
                                         "\r",
                                         "\r\n",
                                         "\v",
                                         "\u0085",
                                         "\u00A0",
                                         "\u2003",
                                         "\u2028",
                                         "\u3000",
                                         "1",
                                         "23",
                                         "4567",
                                         "\u0664",
                                         "\u00BD",
                                         "\u2167",
                                         "!",
                                         "...",
                                         "\u0301",
                                         "e\u0301",
                                         "\u200D",
                                         "\U0001F468\u200D\U0001F469",
                                         "\u212A",
                                         "\u00DF",
                                         "\u4E2D",
                                         "\u0939\u093F",
                                         "\uAC00",
                                         "\uFF11",
                                         "_"};
    std::string text;
    for (size_t n = 1 + below(rng, 14); n > 0; --n)
        text += below(rng, 3) == 0 ? utf8(any_code_point(rng)) : kParts[below(rng, std::size(kParts))];
    return text;
}

void compare_with_regex(int max_digits) {
    const Regex regex(max_digits);
    Rng rng(static_cast<uint64_t>(max_digits));
    for (int i = 0; i < 50'000; ++i) {
        const std::string text = random_text(rng);
        ASSERT_EQ(split(text, max_digits), regex.split(text)) << i << ": " << testing::PrintToString(text);
    }
}

TEST(PreTokenize, EqualsTheQwen2Pattern) {
    compare_with_regex(1);
}

TEST(PreTokenize, EqualsTheLlamaPattern) {
    compare_with_regex(3);
}

// The class of every code point shows in how it is cut among letters, digits, signs and spaces.
TEST(PreTokenize, ClassesEveryCodePointAsTheRegexDoes) {
    const Regex regex(1);
    for (char32_t c = 1; c <= 0x31350; ++c) {
        if (!tables_agree(c) || (c >= 0xD800 && c <= 0xDFFF)) continue;
        const std::string text =
            "a" + utf8(c) + "b 1" + utf8(c) + "!" + utf8(c) + "  " + utf8(c) + "'" + utf8(c);
        ASSERT_EQ(split(text, 1), regex.split(text)) << static_cast<uint32_t>(c);
    }
}

TEST(PreTokenize, CutsAsExpected) {
    using Pieces = std::vector<std::string>;
    EXPECT_EQ(split("I'LL pay 12345!\r\n\n  x", 3),
              Pieces({"I", "'LL", " pay", " ", "123", "45", "!\r\n\n", " ", " x"}));
    EXPECT_EQ(split("a  \n\t b  ", 1), Pieces({"a", "  \n", "\t", " b", "  "}));
    EXPECT_EQ(split("x'\u017Fy 12", 1), Pieces({"x", "'\u017F", "y", " ", "1", "2"}));
}

TEST(PreTokenize, BytesThatAreNotUtf8StandAlone) {
    using Pieces = std::vector<std::string>;
    EXPECT_EQ(split("ab\xFF\xFE"
                    "cd",
                    1),
              Pieces({"ab", "\xFF", "\xFE", "cd"}));
    EXPECT_EQ(split("  \xE4\xB8", 1), Pieces({"  ", "\xE4", "\xB8"}));
    EXPECT_EQ(split("\xED\xA0\x80", 1), Pieces({"\xED", "\xA0", "\x80"}));  // a surrogate
    EXPECT_EQ(split("\xC0\xAF", 1), Pieces({"\xC0", "\xAF"}));              // overlong
}

TEST(PreTokenize, KnowsItsNames) {
    for (const char* name : {"qwen2", "qwen3", "llama-bpe", "llama3", "llama-v3"}) {
        ASSERT_NE(find_pre_tokenizer(name), nullptr) << name;
        EXPECT_NE(supported_pre_tokenizers().find(name), std::string::npos);
    }
    EXPECT_EQ(find_pre_tokenizer("qwen2")->max_digits, 1);
    EXPECT_EQ(find_pre_tokenizer("llama3")->max_digits, 3);
    EXPECT_EQ(find_pre_tokenizer("gpt-2"), nullptr);
    EXPECT_EQ(find_pre_tokenizer(""), nullptr);
}

}  // namespace
}  // namespace sluice::tokenizer
