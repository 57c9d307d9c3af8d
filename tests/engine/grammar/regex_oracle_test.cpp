// Random patterns and texts: the grammar of a pattern matches what the tree that it was printed from matches.
#include <gtest/gtest.h>

#include <functional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "engine/grammar/regex.h"
#include "tests/engine/grammar/matching.h"

namespace sluice::grammar {
namespace {

struct Letter {
    std::string_view utf8, json, pattern, in_class;
};

// Beside one another in a class they are members, never a range.
const std::vector<Letter> kLetters = {
    {"a", "a", "a", "\\x61"},
    {"b", "b", "\\u0062", "b"},
    {"7", "7", "7", "7"},
    {"-", "-", "-", "\\-"},
    {"\"", "\\\"", "\"", "\""},
    {"\\", "\\\\", "\\\\", "\\\\"},
    {"\n", "\\n", "\\n", "\n"},
    {"\x01", "\\u0001", "\\cA", "\\x01"},
    {"\u00e9", "\u00e9", "\u00e9", "\\u{e9}"},
    {"\U0001F600", "\U0001F600", "\\ud83d\\ude00", "\U0001F600"},
};
constexpr size_t kNewline = 6, kEacute = 8;

using Text = std::vector<size_t>;  // of letters, by their number
using Ends = uint32_t;             // bit i: a match can end before letter i

// A pattern's printed form, and where its matches of a text can end that begin at a place.
struct Tree {
    std::string pattern;
    std::function<Ends(const Text&, size_t)> ends;
};

class Generator {
  public:
    explicit Generator(uint32_t seed) : random_(seed) {}
    size_t pick(size_t choices) { return random_() % choices; }

    Text text() {
        Text t(pick(7));
        for (size_t& letter : t) letter = pick(kLetters.size());
        return t;
    }
    Tree alternatives(int depth) {
        Tree all = sequence(depth);
        for (size_t more = pick(3); more > 0; --more) {
            const Tree one = sequence(depth);
            all = {all.pattern + "|" + one.pattern,
                   [first = all.ends, second = one.ends](const Text& t, size_t at) {
                       return first(t, at) | second(t, at);
                   }};
        }
        return all;
    }

  private:
    static Ends from_all(const Tree& tree, const Text& text, Ends places) {
        Ends ends = 0;
        for (size_t at = 0; at <= text.size(); ++at)
            if ((places >> at & 1) != 0) ends |= tree.ends(text, at);
        return ends;
    }
    Tree sequence(int depth) {
        Tree all{"", [](const Text&, size_t at) { return Ends{1} << at; }};
        for (size_t more = pick(4); more > 0; --more) {
            const Tree one = repeated(depth);
            all = {all.pattern + one.pattern, [first = all.ends, one](const Text& t, size_t at) {
                       return from_all(one, t, first(t, at));
                   }};
        }
        return all;
    }
    Tree repeated(int depth) {
        struct Times {
            std::string_view pattern;
            size_t min, max;
        };
        constexpr size_t kMany = 9;  // more than a text has letters
        static const std::vector<Times> kTimes = {{"", 1, 1},       {"", 1, 1},         {"*", 0, kMany},
                                                  {"+?", 1, kMany}, {"?", 0, 1},        {"??", 0, 1},
                                                  {"{2}", 2, 2},    {"{1,}", 1, kMany}, {"{0,2}?", 0, 2}};
        const Tree one = item(depth);
        const Times times = kTimes[pick(kTimes.size())];
        return {one.pattern + std::string(times.pattern), [one, times](const Text& t, size_t at) {
                    Ends ends = 0, now = Ends{1} << at;
                    for (size_t count = 0; count <= times.max && now != 0; ++count) {
                        if (count >= times.min) ends |= now;
                        now = from_all(one, t, now);
                    }
                    return ends;
                }};
    }
    Tree item(int depth) {
        if (depth > 0 && pick(3) == 0) {
            Tree group = alternatives(depth - 1);
            group.pattern = std::vector<std::string>{"(", "(?:", "(?<n>"}[pick(3)] + group.pattern + ")";
            return group;
        }
        switch (pick(6)) {
            case 0:
                return of(".", [](size_t letter) { return letter != kNewline; });
            case 1:
                return of("\\d", [](size_t letter) { return letter == 2; });
            case 2:
                return of("\\W", [](size_t letter) { return letter >= 3 && letter != kEacute; });
            case 3:
                return one_of();
            default:
                const size_t chosen = pick(kLetters.size());
                return of(std::string(kLetters[chosen].pattern),
                          [chosen](size_t letter) { return letter == chosen; });
        }
    }
    Tree one_of() {
        const bool negated = pick(2) == 0;
        std::string pattern = negated ? "[^" : "[";
        std::set<size_t> members;
        for (size_t more = 1 + pick(3); more > 0; --more) {
            const size_t chosen = pick(kLetters.size());
            members.insert(chosen);
            pattern += kLetters[chosen].in_class;
        }
        if (pick(3) == 0) {
            pattern += "0-9";
            members.insert(2);
        }
        return of(pattern + "]", [=](size_t letter) { return members.contains(letter) != negated; });
    }
    static Tree of(std::string pattern, std::function<bool(size_t)> fits) {
        return {std::move(pattern), [fits = std::move(fits)](const Text& t, size_t at) {
                    return at < t.size() && fits(t[at]) ? Ends{2} << at : Ends{0};
                }};
    }

    std::mt19937 random_;
};

bool matches_whole(const Tree& tree, const Text& text) {
    return (tree.ends(text, 0) >> text.size() & 1) != 0;
}

bool is_found(const Tree& tree, const Text& text) {
    for (size_t at = 0; at <= text.size(); ++at)
        if (tree.ends(text, at) != 0) return true;
    return false;
}

std::string written(const Text& text, Writing writing) {
    std::string all;
    for (const size_t letter : text)
        all += writing == Writing::raw ? kLetters[letter].utf8 : kLetters[letter].json;
    return all;
}

TEST(RegexOracle, AgreesOnRandomPatternsAndTexts) {
    Generator generator(20);
    int yes = 0, no = 0;
    for (int round = 0; round < 4'000; ++round) {
        const Tree tree = generator.alternatives(2);
        const RegexText text{.whole = round % 2 == 0,
                             .writing = round % 4 < 2 ? Writing::raw : Writing::json_string};
        Builder builder;
        const auto node = add_regex(builder, tree.pattern, text);
        ASSERT_TRUE(node) << tree.pattern << ": " << node.error().message;
        const auto grammar = builder.finish(*node);
        ASSERT_TRUE(grammar) << tree.pattern << ": " << grammar.error().message;
        for (int i = 0; i < 25; ++i) {
            const Text t = generator.text();
            const bool expected = text.whole ? matches_whole(tree, t) : is_found(tree, t);
            ++(expected ? yes : no);
            ASSERT_EQ(matches(*grammar, written(t, text.writing)), expected)
                << "round " << round << ": " << tree.pattern << " on " << written(t, Writing::json_string);
        }
    }
    EXPECT_GT(yes, 10'000);
    EXPECT_GT(no, 10'000);
}

}  // namespace
}  // namespace sluice::grammar
