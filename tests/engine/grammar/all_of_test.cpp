// Several regular expressions and lengths at once: a text matches when it matches each.
#include "engine/grammar/all_of.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "engine/grammar/formats.h"
#include "engine/grammar/regex.h"
#include "tests/engine/grammar/hostile.h"
#include "tests/engine/grammar/matching.h"

namespace sluice::grammar {
namespace {

using Compiled = Result<std::shared_ptr<const Automaton>>;

Compiled compile(const std::vector<Regex>& all, int32_t min = 0, int32_t max = kUnbounded,
                 Writing writing = Writing::raw) {
    Builder builder;
    const auto node = AllOf(builder).add(all, writing, min, max);
    if (!node) return node.error();
    return builder.finish(*node);
}

void expect_matches(const Compiled& grammar, const std::vector<std::string>& matching,
                    const std::vector<std::string>& other) {
    ASSERT_TRUE(grammar) << grammar.error().message;
    for (const auto& text : matching) EXPECT_TRUE(matches(*grammar, text)) << text;
    for (const auto& text : other) EXPECT_FALSE(matches(*grammar, text)) << text;
}

TEST(AllOf, PatternsAndLengths) {
    expect_matches(compile({{"a+b*"}, {"a*b+"}}), {"ab", "aabbb"}, {"a", "b", "", "aba"});
    expect_matches(compile({{"^[a-z]+", false}, {"[0-9]$", false}}), {"a1", "abc-1", "a\n9"},
                   {"1", "a", "1a"});
    expect_matches(compile({{"[a-z\u00e9]+"}}, 2, 3), {"ab", "abc", "\u00e9\u00e9\u00e9"},
                   {"a", "abcd", "\u00e9"});
    expect_matches(compile({{"a*"}}, 3), {"aaa", "aaaaaa"}, {"aa", ""});
    expect_matches(compile({{"a*"}, {"(?:aa)*"}, {"(?:aaa)*"}}, 1, 12), {"aaaaaa", "aaaaaaaaaaaa"},
                   {"", "aa", "aaa"});
    expect_matches(compile({}, 1, 2), {"a", "\u00e9\n"}, {"", "abc", "\xff"});
    expect_matches(compile({{"x"}}), {"x"}, {"", "xx"});
}

TEST(AllOf, LengthsCountCharactersOfJson) {
    expect_matches(compile({{"\"", false}}, 2, 3, Writing::json_string),
                   {"\\\"a", "\\\"\\\\\\n", "\u00e9\\\"\\u0001"}, {"\\\"", "\\\"abc", "ab", "\""});
}

TEST(AllOf, FormatsWithPatterns) {
    expect_matches(compile({{*format_pattern("date")}, {"^20", false}}), {"2024-02-29", "2099-12-31"},
                   {"1999-01-01", "2023-02-29", "20"});
    expect_matches(compile({{*format_pattern("email")}, {"@example\\.com$", false}}, 0, 16),
                   {"abc@example.com"}, {"abcde@example.com", "a@example.org", "@example.com"});
    expect_matches(compile({{*format_pattern("uuid")}}, 36, 36), {"123e4567-e89b-12d3-a456-426614174000"},
                   {""});
}

TEST(AllOf, LookaheadsAtTheBeginning) {
    expect_matches(compile({{"^(?!-)(?!.*--)[a-z-]+$", false}}), {"a-b", "a-"}, {"-a", "a--b", "", "A"});
    expect_matches(compile({{"(?=.*[A-Z])(?=.*\\d).{4,}"}}), {"aaA1", "1Abcd"}, {"aaaa", "A1", "aaa1"});
    expect_matches(compile({{"^(?=.*[A-Z])(?=.*\\d).{4,}$", false}}, 0, 5), {"aaA1"}, {"aaaA12", "aaaa"});
    expect_matches(compile({{"^(?!a|b$)", false}}), {"", "c", "bc"}, {"a", "ab", "b"});
    expect_matches(compile({{"^(?![(\\])]\\))(?:x|[()\\]])*$", false}}), {"(", "x)", "]("}, {"()", "])"});
    // What some dialect takes for a space or a line must not come where there should be none.
    expect_matches(compile({{"^(?!\\s)(?!.b)[^\\]a]*$"}}), {"x", "\u00e9"}, {" ", "\u001c", "\u2028b"});
    expect_matches(
        compile({{*format_pattern("email")},
                 {"^(?!\\.)(?!.*\\.\\.)([A-Za-z0-9_'+\\-\\.]*)[A-Za-z0-9_+-]@([A-Za-z0-9][A-Za-z0-9\\-]*\\.)"
                  "+[A-Za-z]{2,}$",
                  false}},
                0, 254, Writing::json_string),
        {"first.last@example.com"}, {".a@example.com", "a..b@example.com", "a@b"});
}

TEST(AllOf, LookaheadsElsewhereAreRefused) {
    const auto error = [](std::string_view pattern, bool whole = false) {
        const auto made = compile({{pattern, whole}}, 0, 9);
        return made ? "no error" : made.error().message;
    };
    EXPECT_EQ(error("(?!a)b"), "at byte 0: lookahead here is not supported: (?!");
    EXPECT_EQ(error("^a(?!b)"), "at byte 2: lookahead here is not supported: (?!");
    EXPECT_EQ(error("^(?!a)b|c"), "at byte 1: lookahead here is not supported: (?!");
    EXPECT_EQ(error("^(?!a(?=b))c"), "at byte 5: lookahead here is not supported: (?=");
    EXPECT_EQ(error("^(?!a\\q)b"), "at byte 5: \\q is not a supported escape");
    EXPECT_EQ(error("^(?=a)b("), "at byte 7: this group is not closed");
    EXPECT_EQ(error("(?!a)*b", true), "at byte 5: there is nothing that this quantifier repeats");
    EXPECT_EQ(error("(?!a", true), "at byte 0: lookahead here is not supported: (?!");
    EXPECT_EQ(error("^" + times("(?!a)", 17) + "b"), "at byte 1: lookahead here is not supported: (?!");
}

TEST(AllOf, RefusesWhatCannotBe) {
    EXPECT_FALSE(compile({{"a+"}, {"b+"}}));
    EXPECT_FALSE(compile({{"a"}}, 3, 2));
    EXPECT_FALSE(compile({{"a{3}"}}, 0, 2));
    const auto wrong = compile({{"a"}, {"b("}});
    ASSERT_FALSE(wrong);
    EXPECT_EQ(wrong.error().message, "at byte 1: this group is not closed");
    EXPECT_EQ(wrong.error().kind, ErrorKind::invalid_request);
}

TEST(AllOf, AgreesWithEachAlone) {
    const std::vector<std::string> patterns = {
        "a+",       "^a|b$",      "[^a]",         "(?:a|\u00e9b)*", "^.{2,3}$",  "\\w\\W",          "\"",
        "\\\\|\\n", "^(?:ab?)*$", "b(?:a|b){2}$", "^[ab]{1,4}",     "\u00e9\"?", "(?:ba)+|a(?:$|b)"};
    const std::vector<std::string> letters = {"a", "b", "\u00e9", "\\\"", "\\\\", "\\n", "-"};
    std::mt19937 random(5);
    int yes = 0;
    for (int round = 0; round < 400; ++round) {
        std::vector<Regex> all;
        for (size_t n = 1 + random() % 3; n > 0; --n)
            all.push_back({patterns[random() % patterns.size()], random() % 3 == 0});
        const auto min = static_cast<int32_t>(random() % 3);
        const int32_t max = random() % 2 == 0 ? kUnbounded : min + static_cast<int32_t>(random() % 4);
        std::vector<std::shared_ptr<const Automaton>> each;
        bool supported = true;
        for (const Regex& regex : all) {
            Builder builder;
            const auto node = add_regex(builder, regex.pattern, {regex.whole, Writing::json_string});
            supported = supported && node;
            if (!supported) break;
            each.push_back(*builder.finish(*node));
        }
        if (!supported) continue;
        const auto together = compile(all, min, max, Writing::json_string);
        for (int i = 0; i < 100; ++i) {
            std::string text;
            const auto length = static_cast<int32_t>(random() % 6);
            for (int32_t n = 0; n < length; ++n) text += letters[random() % letters.size()];
            bool expected = length >= min && (max == kUnbounded || length <= max);
            for (const auto& one : each) expected = expected && matches(one, text);
            yes += expected ? 1 : 0;
            ASSERT_EQ(together && matches(*together, text), expected) << "round " << round << " on " << text;
        }
    }
    EXPECT_GT(yes, 2'000);
}

// However small what each is written as.
TEST(AllOf, ManyShareOneBound) {
    Builder builder;
    AllOf all_of(builder);
    const std::vector<Regex> costly = {{"(?:a|b)*a(?:a|b){8}"}, {"(?:a|b)*b(?:a|b){9}"}};
    int made = 0;
    const double took = milliseconds_of([&] {
        while (all_of.add(costly, Writing::raw, 0, 1)) ++made;
    });
    EXPECT_GT(made, 3);
    EXPECT_LT(made, 1'000);
    EXPECT_LT(took, 2 * kSoonMs);
}

TEST(AllOf, HostileOnesEndSoon) {
    const std::vector<std::pair<std::vector<Regex>, int32_t>> cases = {
        {{{"(?:a|b)*a(?:a|b){20}"}, {"(?:a|b)*b(?:a|b){20}"}}, kUnbounded},
        {{{"(?:a{0,97})*"}, {"(?:a{2}){0,1000}"}, {"(?:a{3})*"}}, 5'000},
        {{{"\\S+"}}, 1'000},
        {{{"\\W{1000}", false}}, 1'500},
        {{{"(?:a|b){1000}c", false}, {"x", false}}, kUnbounded},
        {{{"(?!.*a.{12}b)(?!.*b.{12}a)(?=.*ab).*"}}, 1'000},
        {{{"(?=(?:.*,){300})(?!(?:.*;){300}).*"}}, kUnbounded},
        {{{"\\S+"}}, 100'000},
        {{{".{0,200}x.{0,200}", false}, {".{0,100}y.{0,100}", false}}, 300},
        {{{*format_pattern("email")}}, 254},
        {{{*format_pattern("uri")}}, 2'000},
        {{{*format_pattern("date-time")}}, 30},
    };
    for (const auto& [all, max] : cases) {
        for (const Writing writing : {Writing::raw, Writing::json_string}) {
            Compiled grammar = Error{};
            const double took =
                milliseconds_of([&, &one = all, most = max] { grammar = compile(one, 0, most, writing); });
            EXPECT_LT(took, kSoonMs) << all[0].pattern;
            EXPECT_TRUE(grammar || grammar.error().kind == ErrorKind::invalid_request);
        }
    }
}

}  // namespace
}  // namespace sluice::grammar
