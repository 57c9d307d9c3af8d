// Regular expressions: which texts match, which patterns are refused and where, and that hostile ones end
// soon.
#include "engine/grammar/regex.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "tests/engine/grammar/hostile.h"
#include "tests/engine/grammar/matching.h"

namespace sluice::grammar {
namespace {

constexpr RegexText kWhole{};
constexpr RegexText kAnywhere{.whole = false};
constexpr RegexText kJson{.whole = false, .writing = Writing::json_string};

Result<std::shared_ptr<const Automaton>> compile(std::string_view pattern, RegexText text = kWhole) {
    Builder builder;
    const auto node = add_regex(builder, pattern, text);
    if (!node) return node.error();
    return builder.finish(*node);
}

struct Case {
    std::string_view pattern;
    std::vector<std::string> matching, other;
};

void expect_all(const std::vector<Case>& cases, RegexText text) {
    for (const auto& [pattern, matching, other] : cases) {
        const auto grammar = compile(pattern, text);
        ASSERT_TRUE(grammar) << pattern << ": " << grammar.error().message;
        for (const auto& t : matching) EXPECT_TRUE(matches(*grammar, t)) << pattern << " on " << t;
        for (const auto& t : other) EXPECT_FALSE(matches(*grammar, t)) << pattern << " on " << t;
    }
}

std::string error_of(std::string_view pattern, RegexText text = kWhole) {
    const auto grammar = compile(pattern, text);
    if (grammar) return "no error";
    EXPECT_EQ(grammar.error().kind, ErrorKind::invalid_request);
    EXPECT_EQ(grammar.error().param, "");
    return grammar.error().message;
}

using namespace std::string_literals;

TEST(Regex, MatchesWholeTexts) {
    expect_all(
        {
            {"", {""}, {"a"}},
            {"abc", {"abc"}, {"", "ab", "abcd", "xabc"}},
            {"a|bc|", {"a", "bc", ""}, {"abc", "b"}},
            {"^a$|^b$", {"a", "b"}, {"ab", "^a$"}},
            {"a.c",
             {"abc", "a\u00e9c", "a\U0001F600c", "a\"c"},
             {"ac", "a\nc", "a\rc", "a\u2028c",
              "a\xff"
              "c"}},
            {"ab*c", {"ac", "abc", "abbbc"}, {"abab", "a"}},
            {"ab+?c", {"abc", "abbc"}, {"ac"}},
            {"ab?\?c", {"abc", "ac"}, {"abbc"}},
            {"(?:ab){2}", {"abab"}, {"ab", "ababab"}},
            {"a{2,}", {"aa", "aaaaa"}, {"a", ""}},
            {"a{2,3}?", {"aa", "aaa"}, {"a", "aaaa"}},
            {"a{0}b", {"b"}, {"ab"}},
            {"(a)(?<n_1>b)(?P<m>c)", {"abc"}, {"ab"}},
            {"((a|b)(c|d))*", {"", "ac", "bdad"}, {"a", "cb"}},
            {"()", {""}, {"()"}},
            {"(a+)+b", {"ab", "aaaab"}, {"aaaa", "b"}},
            {"(a*)*", {"", "aaa"}, {"b"}},
            {"{|}|]|x{y|\\${z}", {"{", "}", "]", "x{y", "${z}"}, {"{}"}},
            {"\u00e9+", {"\u00e9", "\u00e9\u00e9"}, {"\xc3", "\xc3\xa9\xa9"}},
        },
        kWhole);
}

TEST(Regex, MatchesClasses) {
    expect_all(
        {
            {"[abc]", {"a", "c"}, {"d", "", "ab"}},
            {"[^abc]", {"d", "\u00e9", "\n", "\U0010FFFF"}, {"a", "", "\x80", "\xed\xa0\x80", "\xc0\x80"}},
            {"[a-c0-3_]+", {"ab3_"}, {"d", "4", "-"}},
            {"[-a]+", {"-a"}, {"b"}},
            {"[a-]+", {"-a"}, {"b"}},
            {"[\\w-.]+", {"a_9-."}, {"+", "/"}},
            {"[a-\\d]+", {"a-5"}, {"b"}},
            {"[\\]\\\\^-]+", {"]\\^-"}, {"["}},
            {"[[(.*+?{|$]+", {"[(.*+?{|$"}, {"a"}},
            {"[\\b\\x41\\u0042\\u{43}]+", {"\bABC"}, {"b", "D"}},
            {"[\u03b1-\u03c9]", {"\u03b1", "\u03bb", "\u03c9"}, {"a", "\u0391"}},
            {"[\\ud83d\\ude00-\\u{1F64F}]", {"\U0001F600", "\U0001F64F"}, {"\U0001F650", "\xed\xa0\xbd"}},
            {"[\\s\\S][\\wx\\W][\\D\\d]", {"\ufeff\u00e9\u0669", "\u200b\nx"}, {"", "ab"}},
            {"[^\\d\\s]", {"a", "\u00e9"}, {"5", " ", "\u3000", "\u0669", "\x1c", "\ufeff"}},
        },
        kWhole);
}

TEST(Regex, MatchesEscapes) {
    expect_all(
        {
            {"\\d\\D", {"1a", "0\u00e9"}, {"11", "a1", "\u0669a", "0\u0669", "0\U0001D7FF"}},
            {"\\w\\W", {"_-", "z\u20ac", "0\U0001F600"}, {"aa", "-a", "\u00e9-", "z\u00e9", "z\u0300"}},
            {"[^\\w][^\\W]", {"-a", "\u2014_"}, {"\u00e9a", "-\u00e9", "--"}},
            {"\\s\\S",
             {" a", "\ta", "\u00a0a", "\u2029a", "\va"},
             {"aa", "  ", "\ufeffa", " \ufeff", " \u0085"}},
            {"\\t\\n\\r\\f\\v\\0", {"\t\n\r\f\v\0"s}, {"tnrfv0"}},
            {"\\x41\\u00e9\\u{1f600}\\ud83d\\ude00", {"A\u00e9\U0001F600\U0001F600"}, {"A"}},
            {"\\u{0000041}\\u{10FFFF}", {"A\U0010FFFF"}, {"A"}},
            {"\\cA\\cz", {"\x01\x1a"}, {"Az"}},
            {"\\.\\*\\+\\?\\(\\)\\[\\]\\{\\}\\|\\^\\$\\/\\-\\\\\\\"\\#",
             {".*+?()[]{}|^$/-\\\"#"},
             {"a*+?()[]{}|^$/-\\\"#"}},
        },
        kWhole);
}

TEST(Regex, IsFoundAnywhereUnlessAnchored) {
    expect_all(
        {
            {"b+", {"b", "abc", "\nb\n", "a\u00e9b"}, {"", "ac", "b\xff"}},
            {"^b", {"b", "bc"}, {"ab"}},
            {"b$", {"b", "ab"}, {"bc", "b\n"}},
            {"^b$", {"b"}, {"ab", "bc"}},
            {"^a|b$|c", {"ax", "xb", "xcx"}, {"xa", "bx"}},
            {"^(?:a|b)+$", {"ab"}, {"abc"}},
            {"", {"", "x"}, {}},
            {"^", {"", "x"}, {}},
            {"^$", {""}, {"x"}},
        },
        kAnywhere);
}

TEST(Regex, WritesCharactersAsJsonStringsDo) {
    expect_all(
        {
            {"^\"$", {"\\\""}, {"\"", "\\u0022"}},
            {"^\\\\$", {"\\\\"}, {"\\"}},
            {"^[^a]$",
             {"b", "\\n", "\\t", "\\r", "\\b", "\\f", "\\u0000", "\\u001f", "\\u000b", "\\\"", "\\\\", "/",
              "\x7f", "\u00e9"},
             {"a", "\n", "\"", "\\", "\\u001F", "\\u0009", "\\u0020", "\\u0061", "\\v", "\\/", ""}},
            {"^.$", {"\\t", "\\\"", "\u00e9"}, {"\\n", "\\r", "\\"}},
            {"^\\s+$", {" \\n\\u000b\u00a0"}, {"\n", "n", "\\"}},
            {"^\\x00+\n\"{2}$", {"\\u0000\\u0000\\n\\\"\\\""}, {"\\u0000\\n\\\""}},
            {"^[\\x0e-\\x1b]$", {"\\u000e", "\\u001b"}, {"\\u000d", "\\r", "\\u001c", "\x0e"}},
            {"a", {"a", "\\n a\\\"", "\\\\a"}, {"\\a", "\"a\"", "\na", "a\\"}},
        },
        kJson);
}

TEST(Regex, RefusesWhatIsNotSupportedAndSaysWhere) {
    const std::vector<std::pair<std::string_view, std::string_view>> cases = {
        {"ab(?=c)", "at byte 2: lookahead here is not supported: (?="},
        {"(?!c)", "at byte 0: lookahead here is not supported: (?!"},
        {"a(?<=b)", "at byte 1: lookbehind is not supported: (?<="},
        {"a(?<!b)", "at byte 1: lookbehind is not supported: (?<!"},
        {"(?>a)", "at byte 0: an atomic group is not supported: (?>"},
        {"(?i)a", "at byte 0: flags are not supported: (?"},
        {"(?i:a)", "at byte 0: flags are not supported: (?"},
        {"(?#a)", "at byte 0: a comment is not supported: (?#"},
        {"(?P=a)", "at byte 0: a back reference is not supported: (?P="},
        {"(?<>a)", "at byte 0: a group's name is letters, digits and _, then >"},
        {"(?<a", "at byte 0: a group's name is letters, digits and _, then >"},
        {"(a)\\1", "at byte 3: a back reference is not supported"},
        {"(?<a>b)\\k<a>", "at byte 7: a back reference is not supported"},
        {"\u00e9\\bb", "at byte 2: a word boundary (\\b) is not supported"},
        {"\\B", "at byte 0: a word boundary (\\B) is not supported"},
        {"\\p{L}", "at byte 0: a Unicode property (\\p) is not supported"},
        {"[\\P{L}]", "at byte 1: a Unicode property (\\P) is not supported"},
        {"a\\q", "at byte 1: \\q is not a supported escape"},
        {"a\\\u00e9", "at byte 1: \\\u00e9 is not a supported escape"},
        {"a\\", "at byte 1: nothing follows this \\"},
        {"\\x4", "at byte 0: two hexadecimal digits must follow \\x"},
        {"\\u004",
         "at byte 0: four hexadecimal digits, or those of a code point within braces, must follow \\u"},
        {"\\u{110000}",
         "at byte 0: four hexadecimal digits, or those of a code point within braces, must follow \\u"},
        {"\\u{}",
         "at byte 0: four hexadecimal digits, or those of a code point within braces, must follow \\u"},
        {"a\\ud83d", "at byte 1: half of a surrogate pair is no character"},
        {"a\\ud83d\\u0041", "at byte 1: half of a surrogate pair is no character"},
        {"\\c1", "at byte 0: a letter must follow \\c"},
        {"\\01", "at byte 0: an octal escape is not supported; write \\xHH"},
        {"(a", "at byte 0: this group is not closed"},
        {"(a(b)", "at byte 0: this group is not closed"},
        {"a)", "at byte 1: this ) closes no group"},
        {"a[b", "at byte 1: this class is not closed"},
        {"a[b-", "at byte 1: this class is not closed"},
        {"[]", "at byte 0: an empty class; write \\] for the bracket itself"},
        {"[^]", "at byte 0: an empty class; write \\] for the bracket itself"},
        {"[[:alpha:]]", "at byte 1: a class like [:alpha:] is not supported; write \\[: for the characters"},
        {"[xz-a]", "at byte 2: the range's end is before its beginning"},
        {"*a", "at byte 0: there is nothing that this quantifier repeats"},
        {"(|+)", "at byte 2: there is nothing that this quantifier repeats"},
        {"{2}", "at byte 0: there is nothing that this quantifier repeats"},
        {"a**", "at byte 2: a quantifier cannot follow a quantifier"},
        {"a++", "at byte 2: a quantifier cannot follow a quantifier"},
        {"a{2}{3}", "at byte 4: a quantifier cannot follow a quantifier"},
        {"a{10,1}", "at byte 1: the second number of a quantifier is less than the first"},
        {"a{,3}", "at byte 1: a quantifier in braces is {m}, {m,} or {m,n}"},
        {"a{3", "at byte 1: a quantifier in braces is {m}, {m,} or {m,n}"},
        {"a{0,2147483648}", "at byte 1: at most 100000 repetitions are supported"},
        {"a{99999999999999999999}", "at byte 1: at most 100000 repetitions are supported"},
        {"a^b", "at byte 1: ^ is supported only at the beginning of an alternative outside of groups"},
        {"(^a)", "at byte 1: ^ is supported only at the beginning of an alternative outside of groups"},
        {"a$b", "at byte 1: $ is supported only at the end of an alternative outside of groups"},
        {"(a$)", "at byte 2: $ is supported only at the end of an alternative outside of groups"},
        {"a$*", "at byte 1: $ is supported only at the end of an alternative outside of groups"},
        {"ab\xff", "at byte 2: this is not UTF-8"},
        {"ab\xed\xa0\x80", "at byte 2: this is not UTF-8"},
    };
    for (const auto& [pattern, message] : cases)
        for (const RegexText text : {kWhole, kAnywhere, kJson})
            EXPECT_EQ(error_of(pattern, text), message) << pattern;
}

TEST(Regex, RefusesWhatNoTextMatches) {
    EXPECT_NE(error_of("[^\\s\\S]"), "no error");
}

// Each must end soon, one way or the other; what the budgets allow must also match what it should.
TEST(Regex, HostilePatternsEndSoon) {
    const std::vector<std::string> patterns = {
        times("(", 30'000) + "a" + times(")", 30'000),
        times("(", 30'000) + "a" + times("b)", 30'000),
        times("(", 20'000) + "a" + times(")+", 20'000),
        times("(", 60'000),
        times("(", 60'000) + "a" + times(")", 60'000),
        times("(a|", 20'000) + times(")", 20'000),
        std::string(size_t{1} << 20, 'a'),
        std::string(kMaxPatternBytes, 'a'),
        std::string(kMaxPatternBytes, '.'),
        std::string(kMaxPatternBytes, '['),
        std::string(kMaxPatternBytes, '|'),
        times("[^a]", 16'000),
        times("a*", 32'000),
        times("(a*)*", 13'000),
        times("\\w+", 20'000),
        "[" + times("ac", 32'000) + "]",
        "[" + times("\\W", 30'000) + "]",
        "[" + times("\\D", 30'000) + "]",
        "[^" + times("\\w", 30'000) + "]",
        "((a{100}){100}){100}",
        "(((a{0,100}){0,100}){0,100}){0,100}",
        "a{0,2147483648}",
        "(?:(?:(?:.*)*){1000}){1000}",
        "(?:.{1,1000}){1,1000}",
        "(a+)+b",
        "(a|a|aa)+$",
        "((((a?)+)+)+)+b",
        "([^b]*a[^b]*){1000}",
    };
    for (const auto& pattern : patterns) {
        for (const RegexText text : {kWhole, kJson}) {
            Result<std::shared_ptr<const Automaton>> grammar = Error{};
            EXPECT_LT(milliseconds_of([&] { grammar = compile(pattern, text); }), kSoonMs)
                << pattern.substr(0, 40);
            EXPECT_TRUE(grammar || grammar.error().kind == ErrorKind::invalid_request);
        }
    }
    const auto deep = compile(patterns[0]);
    ASSERT_TRUE(deep) << deep.error().message;
    EXPECT_TRUE(matches(*deep, "a"));
    EXPECT_EQ(error_of(patterns[3]), "at byte 59999: this group is not closed");
    EXPECT_EQ(error_of(patterns[6]), "the pattern has 1048576 bytes; at most 65536 are supported");
}

}  // namespace
}  // namespace sluice::grammar
