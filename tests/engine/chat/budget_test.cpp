// Templates that would run for ever, or fill the memory, end soon and say which budget they passed.
#include <gtest/gtest.h>

#include <chrono>

#include "tests/engine/chat/render.h"

namespace sluice::chat {
namespace {

std::string repeated(std::string_view piece, int times) {
    std::string out;
    for (int i = 0; i < times; ++i) out += piece;
    return out;
}

// The sanitizers slow everything down; an unbounded template would take minutes or all the memory.
void expect_soon(const std::string& source, const std::string& says, const TemplateInput& input = {},
                 const Budget& budget = {}) {
    const auto start = std::chrono::steady_clock::now();
    const std::string message = error(source, input, budget);
    EXPECT_NE(message.find(says), std::string::npos) << source.substr(0, 200) << "\n" << message;
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20)) << source.substr(0, 200);
}

TEST(Budget, StepsEndLoops) {
    const std::string steps = "budget of 1000000 steps";
    expect_soon("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", steps);
    expect_soon(
        "{% for a in range(99999) %}{{ a }}{{ a * a }}{{ a ~ a ~ a }}{{ a is odd }}{{ a }}{% endfor %}",
        steps);
    expect_soon("{% for a in range(99999) %}{% for b in range(99999) if false %}{% endfor %}{% endfor %}",
                steps);
    expect_soon("{% for a in range(9999) %}{% set b = range(9999) | list | sort | join %}{% endfor %}",
                steps);
    expect_soon("{% for a in range(9999) %}{% set b = range(9999) | map('string') | list %}{% endfor %}",
                steps);
}

TEST(Budget, StepsEndSearches) {
    const std::string steps = "steps";
    const std::string grown = "{% set ns = namespace(t='ab' * 100000) %}{% for a in range(99999) %}";
    for (const std::string_view search : {"'c' in ns.t",
                                          "ns.t.find('c')",
                                          "ns.t | length",
                                          "ns.t == ns.t ~ ''",
                                          "ns.t[99999]",
                                          "ns.t.upper()",
                                          "ns.t.split('c')",
                                          "ns.t.count('ab')",
                                          "ns.t | trim('c')",
                                          "ns.t.startswith('c')",
                                          "ns.t.isalpha()",
                                          "ns.t < ns.t ~ 'c'",
                                          "ns.t | wordcount",
                                          "ns.t.partition('c')",
                                          "ns.t | replace('c', 'd')",
                                          "ns.t.strip()",
                                          "ns.t.rstrip('b').lstrip('a')",
                                          "ns.t.splitlines()",
                                          "ns.t.zfill(7)",
                                          "ns.t is lower",
                                          "ns.t | int",
                                          "ns.t | float",
                                          "ns.t.removesuffix('b')",
                                          "ns.t.istitle()",
                                          "ns.t | reverse",
                                          "ns.t[1:]",
                                          "ns.t[::2]",
                                          "ns.t | tojson",
                                          "ns.t | escape",
                                          "ns.t | urlencode",
                                          "ns.t | indent",
                                          "ns.t % ()",
                                          "ns.t.format()",
                                          "ns.t | truncate(9)",
                                          "ns.t | first",
                                          "ns.t | list"})
        expect_soon(grown + "{% set x = " + std::string(search) + " %}{% endfor %}", steps);
}

TEST(Budget, ComparingAndSortingCosts) {
    const std::string list = "{% set l = range(3000) | list %}{% for a in range(99999) %}";
    for (const std::string_view use :
         {"l == range(3000) | list", "-1 in l", "l | unique | list", "l | sort", "l | max", "l | sum",
          "l + l", "l[::-1]", "l * 2", "l | batch(2) | list", "l | join", "l | tojson", "l | reverse | list",
          "l ~ ''", "dict(l | batch(2))", "l.count(-1)", "l | list", "l | select('odd') | list"})
        expect_soon(list + "{% set x = " + std::string(use) + " %}{% endfor %}", "steps");
}

TEST(Budget, RangesAreShort) {
    expect_soon("{% for a in range(10 ** 9) %}{% endfor %}", "100000 items");
    expect_soon("{{ range(0, 0 - 10 ** 18, -1) }}", "100000 items");
    expect_soon("{{ range(-9223372036854775807, 9223372036854775807) }}", "100000 items");
}

TEST(Budget, StringsAreShort) {
    const std::string bytes = "more than 8388608 bytes";
    expect_soon("{{ 'ab' * 10 ** 12 }}", "");
    expect_soon("{% set a = 'x' * 64 * 16000 %}{{ a * 9 }}", bytes);
    expect_soon(
        "{% set ns = namespace(s='abcdefgh' * 8) %}{% for i in range(99) %}{% set ns.s = ns.s ~ ns.s %}"
        "{% endfor %}",
        bytes);
    expect_soon("{% set s = 'x' * 100000 %}{{ range(99999) | join(s) }}", bytes);
    expect_soon("{% set s = 'x' * 1000 %}{{ ('y' * 99999) | replace('', s) }}", bytes);
    expect_soon("{% set s = 'x' * 100000 %}{% for i in range(99) %}{{ s }}{% endfor %}", bytes);
    expect_soon(
        "{{ '%999999s%999999s%999999s%999999s%999999s%999999s%999999s%999999s%999999s' % "
        "(1, 2, 3, 4, 5, 6, 7, 8, 9) }}",
        bytes);
    expect_soon("{{ 'x' | center(10 ** 15) }}", "");
    expect_soon("{{ 'x'.ljust(10 ** 15) }}{{ 'x'.zfill(10 ** 15) }}", "");
    expect_soon("{{ [[1]] | tojson(indent=10 ** 15) }}", "");
    expect_soon("{{ 'a\n' | indent(10 ** 15) }}", "");
    expect_soon("{{ [1] | batch(10 ** 15, 'x') | list }}", "");
    expect_soon("{{ [1] | slice(10 ** 15) | list }}", "");
    expect_soon("{{ [1] * 10 ** 15 }}", "");
    expect_soon("{{ '%9999999999999999999s' % 1 }}", "too large");
    expect_soon("{{ '%.999999f' % 1 }}", "too large");
    expect_soon("{{ 2 ** 64 }}", "overflow");
}

TEST(Budget, OutputIsCountedInBytes) {
    EXPECT_TRUE(render("{{ 'x' * 100 }}", {}, {.output_bytes = 100}));
    expect_soon("{{ 'x' * 100 }}x", "more than 100 bytes", {}, {.output_bytes = 100});
    expect_soon(std::string(101, 'x'), "more than 100 bytes", {}, {.output_bytes = 100});
    expect_soon("{{ messages[0] }}", "more than 100 bytes",
                with_messages("[\"" + std::string(101, 'u') + "\"]"), {.output_bytes = 100});
}

TEST(Budget, DepthEndsRecursion) {
    const std::string depth = "budget of 128 nested calls";
    expect_soon("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", depth);
    expect_soon(
        "{% macro f(x) %}{% for i in x %}{{ f(x) }}{{ f(x) }}{% endfor %}{% endmacro %}{{ f([1, 2]) }}",
        depth);
    expect_soon("{% macro f() %}{% call f() %}{{ caller() }}{% endcall %}{% endmacro %}{{ f() }}", depth);
    expect_soon(
        "{% set ns = namespace() %}{% macro f() %}{{ ns.g() }}{% endmacro %}{% set ns.g = f %}{{ f() }}",
        depth);
    EXPECT_EQ(text("{% macro f(n) %}{{ n }}{% if n %}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(5) }}"),
              "543210");
}

TEST(Budget, DepthEndsNestedValues) {
    expect_soon(
        "{% set ns = namespace(l=[]) %}{% for i in range(999) %}{% set ns.l = [ns.l] %}{% endfor %}{{ ns.l "
        "}}",
        "nest deeper");
    expect_soon(
        "{% set ns = namespace(d={}) %}{% for i in range(999) %}{% set ns.d = {'a': ns.d} %}{% endfor %}",
        "nest deeper");
    expect_soon(
        "{% set ns = namespace(f='') %}{% for i in range(999) %}{% set ns.f = cycler(ns.f) %}{% endfor %}",
        "nest deeper");
    expect_soon("{{ messages }}", "nest deeper", with_kwargs("{}"), {.depth = 0});
    TemplateInput deep;
    boost::json::value inner = 1;
    for (int i = 0; i < 200; ++i) inner = boost::json::array{inner};
    deep.messages = {inner};
    expect_soon("{{ messages | tojson }}", "nest deeper", deep);
}

TEST(Budget, ValuesThatHoldThemselvesAreFreed) {  // the address sanitizer would show what is left
    EXPECT_EQ(text("{% set ns = namespace() %}{% set ns.me = ns %}{% set ns.list = [ns] %}{{ ns.me.me is "
                   "defined }}"),
              "True");
    EXPECT_EQ(text("{% macro f() %}{% set g = f %}x{% endmacro %}{% set ns = namespace(f=f) %}{{ ns.f() }}"),
              "x");
    EXPECT_NE(error("{% set ns = namespace() %}{% set ns.a = ns %}{{ ns.b.c }}").find("no attribute 'b'"),
              std::string::npos);
}

TEST(Budget, DeepSourcesAreRefused) {
    for (const auto& [open, close] : std::vector<std::pair<std::string, std::string>>{{"(", ")"},
                                                                                      {"[", "]"},
                                                                                      {"{1:", "}"},
                                                                                      {"-", ""},
                                                                                      {"not ", ""},
                                                                                      {"f(", ")"},
                                                                                      {"a[", "]"},
                                                                                      {"1 if ", ""},
                                                                                      {"'' ~ (", ")"},
                                                                                      {"a is in ", ""},
                                                                                      {"a.b", ""},
                                                                                      {"1|abs", ""},
                                                                                      {"1 + ", ""},
                                                                                      {"2 ** ", ""},
                                                                                      {"x and ", ""}}) {
        const std::string inside = repeated(open, 50'000) + "1" + repeated(close, 50'000);
        const auto made = ChatTemplate::parse("{{ " + inside + " }}", "", "");
        if (made)  // long but flat
            EXPECT_FALSE(error("{{ " + inside + " }}").empty()) << open;
        else
            EXPECT_NE(made.error().message.find("line 1"), std::string::npos) << made.error().message;
    }
    for (const std::string open : {"{% if 1 %}", "{% for a in b %}", "{% macro f() %}", "{% set a %}",
                                   "{% with %}", "{% filter upper %}", "{% call f() %}", "{% generation %}",
                                   "{% if 1 %}{% else %}", "{% if 1 %}{% elif 1 %}"})
        expect_soon(repeated(open, 50'000), "levels deep");
    expect_soon(repeated("{% for a in b %}", 50'000), "levels deep");
}

TEST(Budget, LongFlatSourcesAreFine) {
    EXPECT_EQ(text(repeated("{% if 1 %}a{% endif %}", 10'000)), repeated("a", 10'000));
    EXPECT_EQ(text("{{ " + repeated("1 + ", 10'000) + "1 }}"), "10001");
    EXPECT_EQ(text("{{ '" + repeated("a", 100'000) + "' | length }}"), "100000");
}

TEST(Budget, EveryBudgetHoldsAtEverySize) {  // wherever the budget ends, rendering ends with an error
    const std::string source =
        "{% macro f(n) %}{% if n %}[{{ f(n - 1) }}]{% endif %}{% endmacro %}{% for m in messages %}{{ f(3) }}"
        "{{ m.content | upper | tojson }}{% set x %}{{ m | dictsort | join('-') }}{% endset %}{{ x[::-1] "
        "}}{% endfor %}";
    const TemplateInput input =
        with_messages(R"([{"content": "abc", "role": "user"}, {"content": "d", "z": [1]}])");
    const auto whole = render(source, input);
    ASSERT_TRUE(whole) << whole.error().message;
    int64_t failed = 0;
    for (int64_t steps = 0; !render(source, input, {.steps = steps}); ++steps) ++failed;
    EXPECT_GT(failed, 100);
    for (int32_t depth = 0; depth < 30; ++depth) {
        const auto rendered = render(source, input, {.depth = depth});
        if (rendered)
            EXPECT_EQ(rendered->text, whole->text);
        else
            EXPECT_NE(rendered.error().message.find("budget"), std::string::npos) << rendered.error().message;
    }
    for (int64_t bytes = 0; bytes < static_cast<int64_t>(whole->text.size()); ++bytes)
        EXPECT_FALSE(render(source, input, {.output_bytes = bytes}));
}

}  // namespace
}  // namespace sluice::chat
