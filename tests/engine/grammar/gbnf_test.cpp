// GBNF: which texts match, which grammars are refused and where, and that hostile ones end soon.
#include "engine/grammar/gbnf.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/engine/grammar/hostile.h"
#include "tests/engine/grammar/matching.h"

namespace sluice::grammar {
namespace {

Result<std::shared_ptr<const Automaton>> compile(std::string_view source) {
    Builder builder;
    const auto node = add_gbnf(builder, source);
    if (!node) return node.error();
    return builder.finish(*node);
}

void expect_grammar(std::string_view source, const std::vector<std::string>& matching,
                    const std::vector<std::string>& other) {
    const auto grammar = compile(source);
    ASSERT_TRUE(grammar) << source << ": " << grammar.error().message;
    for (const auto& t : matching) EXPECT_TRUE(matches(*grammar, t)) << source << " on " << t;
    for (const auto& t : other) EXPECT_FALSE(matches(*grammar, t)) << source << " on " << t;
}

std::string error_of(std::string_view source) {
    const auto grammar = compile(source);
    if (grammar) return "no error";
    EXPECT_EQ(grammar.error().kind, ErrorKind::invalid_request);
    EXPECT_EQ(grammar.error().param, "");
    return grammar.error().message;
}

TEST(Gbnf, MatchesLiteralsAndClasses) {
    expect_grammar("root ::= \"abc\"", {"abc"}, {"", "ab", "abcd"});
    expect_grammar("root ::= \"a\" \"b\"\"c\"", {"abc"}, {"a b c"});
    expect_grammar("root ::= \"\"", {""}, {"a"});
    expect_grammar("root ::= ", {""}, {"a"});
    expect_grammar(R"(root ::= "\n\r\t\\\"\x41\u00e9\U0001F600\[\]")", {"\n\r\t\\\"A\u00e9\U0001F600[]"},
                   {"n"});
    expect_grammar(R"(root ::= [a-c0-3_\x58\u03b1-\u03c9]+)", {"ab3_X\u03bb"}, {"d", "-", "\u0391", "x"});
    expect_grammar(R"(root ::= [^a-c\n"])", {"d", "\u00e9", "[", "\\"}, {"a", "\n", "\"", "\x80", "dd"});
    expect_grammar(R"(root ::= [\]\\^a-])", {"]", "\\", "^", "a", "-"}, {"b"});
    expect_grammar(R"(root ::= [-+*/])", {"-", "+", "/"}, {"."});
    expect_grammar("root ::= .", {"a", "\n", "\U0010FFFF", "\u00e9"}, {"", "\xff", "ab", "\xed\xa0\x80"});
    expect_grammar("root ::= [\u3041-\u309f]", {"\u3042"}, {"a"});
}

TEST(Gbnf, MatchesGroupsAndRepetitions) {
    expect_grammar("root ::= \"a\" | \"b\" | ", {"a", "b", ""}, {"ab"});
    expect_grammar("root ::= (\"a\" | \"b\") \"c\"", {"ac", "bc"}, {"a", "c"});
    expect_grammar("root ::= \"ab\"*", {"", "ab", "abab"}, {"abb"});
    expect_grammar("root ::= \"ab\" +", {"ab", "abab"}, {"", "abb"});
    expect_grammar("root ::= (\"ab\" \"c\")?", {"", "abc"}, {"ab"});
    expect_grammar("root ::= [ab]{2}", {"ab"}, {"a", "aba"});
    expect_grammar("root ::= \"a\"{2,}", {"aa", "aaaa"}, {"a"});
    expect_grammar("root ::= \"a\"{ 0 , 2 }", {"", "a", "aa"}, {"aaa"});
    expect_grammar("root ::= \"a\"{2}{2}", {"aaaa"}, {"aa"});
    expect_grammar("root ::= \"\"* \"a\"", {"a"}, {""});
    expect_grammar("root ::= (\n  \"a\" # one\n  # two\n\n  | \"b\"\r\n  \"c\"\n)\n", {"a", "bc"}, {"b"});
    expect_grammar("root ::= \"a\" |\n  # comment\n  \"b\"\n", {"a", "b"}, {"ab"});
    expect_grammar("root ::= \"a\"\n  | \"b\"\n\n  | \"c\"", {"a", "b", "c"}, {"ab"});
    expect_grammar("root ::=\n  \"a\" # \"b\"\n# c ::= \"d\"", {"a"}, {"b"});
}

TEST(Gbnf, MatchesRules) {
    expect_grammar("\n# first\nitem ::= [0-9]+\nroot ::= item (\",\" item)*", {"1", "12,3"},
                   {"", ",1", "1,"});
    expect_grammar("root ::= a-B_1 x\na-B_1::=\"p\"\r\nx ::= \"q\"", {"pq"}, {"p"});
    expect_grammar("root ::= \"(\" root \")\" | \"x\"", {"x", "((x))"}, {"((x)", "x)"});
    expect_grammar("root ::= \"a\" tail\ntail ::= \"b\" tail | \"\"\nunused ::= \"c\"", {"a", "abb"}, {"ac"});
}

// The examples of the format's own documentation.
TEST(Gbnf, MatchesDocumentedExamples) {
    expect_grammar(R"(# a grammar for lists
root ::= ("- " item)+
item ::= [^\n]+ "\n"
)",
                   {"- a\n", "- a\n- \u00e9\n"}, {"- a", "- \n"});
    expect_grammar(R"(
root ::= (
    # it must start with the characters "1. " followed by a sequence
    "1. " move " " move "\n"

    # it's followed by one or more subsequent moves, numbered with one or two digits
    ([1-9] [0-9]? ". " move " " move "\n")+
)
move ::= (pawn | nonpawn | castle) [+#]?
pawn ::= ([a-h] "x")? [a-h] [1-8] ("=" [NBKQR])?
nonpawn ::= [NBKQR] [a-h]? [1-8]? "x"? [a-h] [1-8]
castle ::= "O-O" "-O"?
)",
                   {"1. e4 e5\n2. Nf3 Nc6\n", "1. e4 c5\n2. O-O-O Qxd4+\n10. exd8=Q# O-O\n"},
                   {"1. e4 e5\n", "1. e9 e5\n2. Nf3 Nc6\n"});
    expect_grammar(R"(
root   ::= object
value  ::= object | array | string | number | ("true" | "false" | "null") ws
object ::=
  "{" ws (
            string ":" ws value
    ("," ws string ":" ws value)*
  )? "}" ws
array  ::=
  "[" ws (
            value
    ("," ws value)*
  )? "]" ws
string ::=
  "\"" (
    [^"\\\x7F\x00-\x1F] |
    "\\" (["\\bfnrt] | "u" [0-9a-fA-F]{4}) # escapes
  )* "\"" ws
number ::= ("-"? ([0-9] | [1-9] [0-9]{0,15})) ("." [0-9]+)? ([eE] [-+]? [0-9] [1-9]{0,15})? ws
# Optional space: by convention, applied in this grammar after literal chars when allowed
ws ::= | " " | "\n" [ \t]{0,20}
)",
                   {"{}", "{\"a\": [1, -2.5e+1,null], \"b\\n\\u00e9\":{\n  \"c\": true}}"},
                   {"", "[]", "{\"a\"}", "{\"a\": 01}", "{\"a\n\": 1}", "{\"a\": 1,}"});
}

TEST(Gbnf, RefusesWhatIsWrongAndSaysWhere) {
    const std::vector<std::pair<std::string_view, std::string_view>> cases = {
        {"", "line 1, column 1: there is no rule `root`"},
        {"\n# nothing\n", "line 3, column 1: there is no rule `root`"},
        {"a ::= \"b\"", "line 1, column 10: there is no rule `root`"},
        {"root ::= \"a\"\nb ::= root nothing\n", "line 2, column 12: the rule `nothing` is not defined"},
        {"root ::= x y\ny ::= z", "line 1, column 10: the rule `x` is not defined"},
        {"root ::= \"a\"\nroot ::= \"b\"", "line 2, column 1: the rule `root` is defined twice"},
        {"root", "line 1, column 5: ::= must follow the name `root`"},
        {"root = \"a\"", "line 1, column 6: ::= must follow the name `root`"},
        {"root ::= \"a\" b ::= \"c\"", "line 1, column 16: `:` cannot stand here"},
        {"root ::= \"a\" \u00e9", "line 1, column 14: `\u00e9` cannot stand here"},
        {"::= \"a\"", "line 1, column 1: `:` cannot stand here"},
        {"root ::= \"\u00e9\u00e9\" )", "line 1, column 15: this ) closes no group"},
        {"root ::= \"a\" (\n\"b\" (\"c\")\n", "line 1, column 14: this group is not closed"},
        {"root ::= \"a", "line 1, column 10: this literal is not closed"},
        {"root ::= \"a\\", "line 1, column 12: \\ is not an escape"},
        {"root ::= \"a\\q\"", "line 1, column 12: \\q is not an escape"},
        {"root ::= \"\\x4\"", "line 1, column 11: 2 hexadecimal digits must follow \\x"},
        {"root ::= \"\\u12g4\"", "line 1, column 11: 4 hexadecimal digits must follow \\u"},
        {"root ::= \"\\U1234567\"", "line 1, column 11: 8 hexadecimal digits must follow \\U"},
        {"root ::= \"\\ud83d\"", "line 1, column 11: \\ud83d is no character"},
        {"root ::= [\\U00110000]", "line 1, column 11: \\U00110000 is no character"},
        {"root ::= [a", "line 1, column 10: this class is not closed"},
        {"root ::= [a-", "line 1, column 10: this class is not closed"},
        {"root ::= []", "line 1, column 10: an empty class; write \\] for the bracket itself"},
        {"root ::= [^]", "line 1, column 10: an empty class; write \\] for the bracket itself"},
        {"root ::= [xb-a]", "line 1, column 12: the range's end is before its beginning"},
        {"root ::= *", "line 1, column 10: there is nothing that this repeats"},
        {"root ::= \"a\" | +", "line 1, column 16: there is nothing that this repeats"},
        {"root ::= (? \"a\")", "line 1, column 11: there is nothing that this repeats"},
        {"root ::= \"a\"{}", "line 1, column 13: a repetition is {m}, {m,} or {m,n}"},
        {"root ::= \"a\"{,2}", "line 1, column 13: a repetition is {m}, {m,} or {m,n}"},
        {"root ::= \"a\"{2", "line 1, column 13: a repetition is {m}, {m,} or {m,n}"},
        {"root ::= \"a\"{10,1}",
         "line 1, column 13: the second number of a repetition is less than the first"},
        {"root ::= \"a\"{0,2147483648}", "line 1, column 13: at most 100000 repetitions are supported"},
        {"root ::= <[1000]>", "line 1, column 10: tokens (<[1000]>, <think>, !<think>) are not supported"},
        {"root ::= \"a\"\nx ::= !<think>*",
         "line 2, column 7: tokens (<[1000]>, <think>, !<think>) are not supported"},
        {"root ::= \"a\xff\"", "line 1, column 12: this is not UTF-8"},
    };
    for (const auto& [source, message] : cases) EXPECT_EQ(error_of(source), message) << source;
    EXPECT_EQ(error_of("root ::= " + std::string(1'000, 'x')),
              "line 1, column 10: the rule `" + std::string(64, 'x') + "...` is not defined");
}

TEST(Gbnf, RefusesRulesThatBeginWithThemselves) {
    for (const std::string_view source : {
             "root ::= root \"a\" | \"b\"",
             "root ::= a\na ::= b \"x\"\nb ::= a \"y\" | \"z\"",
             "root ::= e root \"a\" | \"b\"\ne ::= \"x\" | ",
             "root ::= \"x\"* root | \"y\"",
             "root ::= root",
         }) {
        EXPECT_NE(error_of(source).find("begin with itself"), std::string::npos)
            << source << ": " << error_of(source);
    }
}

std::string chain(int rules) {
    std::string all = "root ::= r0\n";
    for (int i = 0; i < rules; ++i) all += "r" + std::to_string(i) + " ::= r" + std::to_string(i + 1) + "\n";
    return all + "r" + std::to_string(rules) + " ::= \"a\"\n";
}

TEST(Gbnf, HostileGrammarsEndSoon) {
    const std::vector<std::string> sources = {
        "root ::= " + times("(", 60'000) + "\"a\"" + times(")", 60'000),
        "root ::= " + times("(\"b\" ", 30'000) + times(")", 30'000),
        "root ::= " + times("(", 60'000),
        chain(5'000),
        "root ::= [a]{100}{100}{100}{100}",
        "root ::= .**{1000}{1000}",
        "root ::= (\"a\"? \"b\"?){1000}{1000}",
        "root ::= \"a\"" + times("*", 60'000),
        "root ::= \"a\"" + times("{2}", 60'000),
        "root ::= " + times("|", 200'000),
        "root ::= " + times(".", 200'000),
        "root ::= " + times("[^a]", 60'000),
        "root ::= " + times("x ", 100'000),
        "root ::= [" + times("ca", 125'000) + "]",
        "root ::= \"a\"\n" + times("#\n", 100'000),
        "root ::= (\"a\"+)+ \"b\"",
        "root ::= (a | a | a)*\na ::= \"\" | b\nb ::= \"x\" | a",
        std::string(kMaxGbnfBytes, 'a'),
        std::string(kMaxGbnfBytes, '\n'),
        std::string(kMaxGbnfBytes + 1, 'a'),
    };
    for (const auto& source : sources) {
        Result<std::shared_ptr<const Automaton>> grammar = Error{};
        EXPECT_LT(milliseconds_of([&] { grammar = compile(source); }), kSoonMs) << source.substr(0, 40);
        EXPECT_TRUE(grammar || grammar.error().kind == ErrorKind::invalid_request);
    }
    EXPECT_EQ(error_of(sources[2]), "line 1, column 60009: this group is not closed");
    EXPECT_EQ(error_of(sources.back()), "the grammar has 262145 bytes; at most 262144 are supported");
}

}  // namespace
}  // namespace sluice::grammar
