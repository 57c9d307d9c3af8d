#include <gtest/gtest.h>

#include <chrono>
#include <random>
#include <string>
#include <vector>

#include "engine/grammar/builder.h"
#include "matching.h"

namespace sluice::grammar {
namespace {

using Compiled = std::shared_ptr<const Automaton>;

Compiled finish(Builder& b, Node start) {
    auto made = b.finish(start);
    EXPECT_TRUE(made) << (made ? "" : made.error().message);
    return made ? *made : nullptr;
}

std::string error_of(Builder& b, Node start) {
    const auto made = b.finish(start);
    return made ? "" : made.error().message;
}

template <class... Nodes>
Node seq(Builder& b, Nodes... nodes) {
    const Node all[] = {nodes...};
    return b.sequence(all);
}
template <class... Nodes>
Node either(Builder& b, Nodes... nodes) {
    const Node all[] = {nodes...};
    return b.either(all);
}

TEST(Grammar, JoinsTheSimpleForms) {
    Builder b;
    const Node ab = either(b, b.literal("a"), b.literal("bc"));
    const Compiled g =
        finish(b, seq(b, b.literal("<"), b.repeat(ab, 1, 3), b.repeat(b.byte('x', 'z'), 0), b.literal(">")));
    for (const char* text : {"<a>", "<bc>", "<abca>", "<axyz>", "<bcbcbczzzzzzzzzz>"})
        EXPECT_EQ(match(g, text), Match::whole) << text;
    for (const char* text : {"", "<", "<ab", "<aaax"}) EXPECT_EQ(match(g, text), Match::begun) << text;
    for (const char* text : {"a", "<>", "<aaaa", "<b>", "<aw", "<a>>"})
        EXPECT_EQ(match(g, text), Match::no) << text;
}

TEST(Grammar, RepeatsOfWhatMayReadNothingEnd) {
    Builder b;
    const Node maybe = b.repeat(b.literal("a"), 0, 1);
    const Compiled g = finish(
        b, seq(b, b.repeat(b.repeat(maybe, 0), 0), b.repeat(b.repeat(maybe, 2, 5), 3), b.literal("!")));
    for (const char* text : {"!", "a!", "aaaaaaaaaaaaaaaaaaaa!"}) EXPECT_TRUE(matches(g, text)) << text;
    EXPECT_EQ(match(g, "b"), Match::no);
}

TEST(Grammar, KnowsCodePointsByTheirBytes) {
    Builder b;
    const CodePointRange greek[] = {{0x3B1, 0x3C9}, {'0', '9'}};
    const Compiled g = finish(b, b.repeat(b.code_point(greek), 0));
    EXPECT_TRUE(matches(g, "αβ7ω"));
    EXPECT_EQ(match(g, "\xCE"), Match::begun);
    EXPECT_EQ(match(g, "Α"), Match::no);
    Builder n;
    const CodePointRange quote[] = {{'"', '"'}};
    const Compiled others = finish(n, n.repeat(n.code_point(quote, true), 0));
    EXPECT_TRUE(matches(others, "a\n\u00e9\u20ac\U0001F600\U0010FFFF"));
    for (const char* bad :
         {"\"", "\xC0\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xFF", "\x80", "\xE0\x80\x80"})
        EXPECT_EQ(match(others, bad), Match::no) << bad;
}

TEST(Grammar, EveryCodePointIsOnItsSideOfARandomSet) {
    std::mt19937 random(7);
    for (int round = 0; round < 20; ++round) {
        std::vector<CodePointRange> ranges;
        std::vector<uint8_t> in(0x110000);
        for (int i = 0; i < 6; ++i) {
            const uint32_t low = static_cast<uint32_t>(random()) % (round % 2 ? 0x900u : 0x110000u);
            const uint32_t high = std::min(0x10FFFFu, low + static_cast<uint32_t>(random()) % 5000);
            ranges.emplace_back(low, high);
            std::fill(in.begin() + low, in.begin() + high + 1, uint8_t{1});
        }
        Builder b;
        Positions positions(finish(b, b.code_point(ranges)));
        for (uint32_t c = 0; c < 0x110000; c += c < 0x3000 ? 1 : 97) {
            std::string text;  // as UTF-8 would write it
            if (c < 0x80) {
                text = {static_cast<char>(c)};
            } else if (c < 0x800) {
                text = {static_cast<char>(0xC0 | c >> 6), static_cast<char>(0x80 | (c & 63))};
            } else if (c < 0x10000) {
                text = {static_cast<char>(0xE0 | c >> 12), static_cast<char>(0x80 | (c >> 6 & 63)),
                        static_cast<char>(0x80 | (c & 63))};
            } else {
                text = {static_cast<char>(0xF0 | c >> 18), static_cast<char>(0x80 | (c >> 12 & 63)),
                        static_cast<char>(0x80 | (c >> 6 & 63)), static_cast<char>(0x80 | (c & 63))};
            }
            int32_t place = positions.start();
            for (const char byte : text) place = positions.next(place, static_cast<uint8_t>(byte));
            const bool is_surrogate = c >= 0xD800 && c < 0xE000;
            ASSERT_EQ(positions.can_end(place), in[c] == 1 && !is_surrogate) << c;
        }
    }
}

// a^n b^n and nested brackets need a stack.
TEST(Grammar, RulesRecurse) {
    Builder b;
    const Node pair = b.rule("pair");
    b.define(pair, either(b, b.literal("ab"), seq(b, b.literal("a"), pair, b.literal("b"))));
    const Compiled g = finish(b, pair);
    EXPECT_TRUE(matches(g, std::string(500, 'a') + std::string(500, 'b')));
    EXPECT_EQ(match(g, std::string(500, 'a') + std::string(499, 'b')), Match::begun);
    EXPECT_EQ(match(g, std::string(500, 'a') + std::string(501, 'b')), Match::no);
    EXPECT_EQ(match(g, std::string(Positions::kDepth + 10, 'a')), Match::no) << "deeper than stacks may be";
}

TEST(Grammar, RightRecursionNeedsNoStack) {
    Builder b;
    const Node list = b.rule("list");
    b.define(list, seq(b, b.literal("x"), b.repeat(list, 0, 1)));
    EXPECT_TRUE(matches(finish(b, list), std::string(100'000, 'x')));
}

TEST(Grammar, GraphsGoAnyWay) {
    Builder b;
    const Step steps[] = {
        {0, 1, b.literal("a")}, {1, 0, b.literal("b")}, {1, 2, b.literal("cc")}, {2, 2, b.literal("d")}};
    const int32_t ends[] = {0, 2};
    const Compiled g = finish(b, b.graph(3, steps, ends));
    for (const char* text : {"", "ab", "abab", "acc", "abaccddd"}) EXPECT_TRUE(matches(g, text)) << text;
    for (const char* text : {"b", "aa", "accb"}) EXPECT_EQ(match(g, text), Match::no) << text;
}

// What leads nowhere is not entered, so that a text which goes on can also end.
TEST(Grammar, HasNoDeadEnds) {
    Builder b;
    const Node nothing = b.either({});
    const Node endless = b.rule("endless");
    b.define(endless, seq(b, b.literal("e"), endless));
    const Compiled g = finish(
        b, either(b, b.literal("ab"), seq(b, b.literal("ac"), nothing), seq(b, b.literal("d"), endless)));
    EXPECT_EQ(match(g, "a"), Match::begun);
    EXPECT_EQ(match(g, "ac"), Match::no);
    EXPECT_EQ(match(g, "d"), Match::no);
    Builder c;
    EXPECT_EQ(error_of(c, c.either({})), "no text matches the grammar");
}

TEST(Grammar, RefusesRulesThatBeginWithThemselves) {
    Builder direct;
    const Node a = direct.rule("a");
    direct.define(a, either(direct, seq(direct, a, direct.literal("x")), direct.literal("y")));
    EXPECT_EQ(error_of(direct, a), "the rule `a` can begin with itself");

    Builder hidden;
    const Node r = hidden.rule("r"), empty = hidden.rule("empty");
    hidden.define(empty, hidden.repeat(hidden.literal("z"), 0, 1));
    hidden.define(r, either(hidden, seq(hidden, empty, r, hidden.literal("x")), hidden.literal("y")));
    EXPECT_EQ(error_of(hidden, r), "the rule `r` can begin with itself");

    Builder undefined;
    EXPECT_EQ(error_of(undefined, undefined.rule("who")), "the rule `who` is not defined");
}

TEST(Grammar, BoundsWhatItTakes) {
    const auto begin = std::chrono::steady_clock::now();
    {
        Builder b;
        Node n = b.literal("x");
        for (int i = 0; i < 60'000; ++i) n = seq(b, b.literal("("), n, b.literal(")"));
        EXPECT_EQ(error_of(b, n), "the grammar is nested too deeply");
    }
    {  // nested counts are calls of one another, not copies
        Builder b;
        Node n = b.literal("ab");
        for (int i = 0; i < 3; ++i) n = b.repeat(n, 100, 100);
        EXPECT_EQ(match(finish(b, n), "ababab"), Match::begun);
    }
    {
        Builder b;
        EXPECT_EQ(error_of(b, b.repeat(b.literal("a"), 0, 2147483647)),
                  "the grammar needs more than 200000 states");
    }
    {
        Builder b;
        std::vector<Node> all;
        for (int i = 0; i < 300'000; ++i) all.push_back(b.literal(std::to_string(i)));
        EXPECT_EQ(error_of(b, b.either(all)), "the grammar is too large");
    }
    {  // a chain of rules: each calls the next one at once
        Builder b;
        Node next = b.literal("x");
        for (int i = 0; i < 5'000; ++i) {
            const Node r = b.rule("r" + std::to_string(i));
            b.define(r, seq(b, next, b.literal("y")));
            next = r;
        }
        EXPECT_EQ(error_of(b, next), "the grammar is nested too deeply");
    }
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
}

// (a|b)*a(a|b){n}: a deterministic automaton would have 2^n states.
TEST(Grammar, AmbiguityCostsReadingsNotStates) {
    Builder b;
    const Node any = b.byte('a', 'b');
    const Compiled g = finish(b, seq(b, b.repeat(any, 0), b.literal("a"), b.repeat(any, 60, 60)));
    std::mt19937 random(3);
    std::string text;
    for (int i = 0; i < 3'000; ++i) text += random() % 2 ? 'a' : 'b';
    text[text.size() - 61] = 'a';
    EXPECT_TRUE(matches(g, text));
    text[text.size() - 61] = 'b';
    EXPECT_EQ(match(g, text), Match::begun);
}

TEST(Grammar, ForgetsPlacesButKeepsStanding) {
    Builder b;
    const Node value = b.rule("value");
    b.define(value, either(b, b.literal("1"),
                           seq(b, b.literal("["), value, b.repeat(seq(b, b.literal(","), value), 0),
                               b.literal("]"))));
    Positions positions(finish(b, value));
    int32_t place = positions.start(), other = positions.start();
    for (const char c : std::string("[[1,[[1")) place = positions.next(place, static_cast<uint8_t>(c));
    for (const char c : std::string("1")) other = positions.next(other, static_cast<uint8_t>(c));
    for (int i = 0; i < 500; ++i) positions.next(place, '[');
    int32_t nowhere = Positions::kNowhere;
    int32_t* const standing[] = {&place, &other, &nowhere};
    positions.keep(standing);
    EXPECT_TRUE(positions.can_end(other));
    EXPECT_FALSE(positions.can_go_on(other));
    EXPECT_EQ(nowhere, Positions::kNowhere);
    for (const char c : std::string("]],1]]")) {
        EXPECT_FALSE(positions.can_end(place));
        place = positions.next(place, static_cast<uint8_t>(c));
    }
    EXPECT_TRUE(positions.can_end(place));
}

}  // namespace
}  // namespace sluice::grammar
