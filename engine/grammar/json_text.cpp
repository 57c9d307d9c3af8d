#include "engine/grammar/json_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <map>

#include "engine/grammar/source.h"

namespace sluice::grammar {
namespace {

namespace json = boost::json;

constexpr int32_t kDigits = 15;  // as many as a double tells apart
constexpr int32_t kIndent = 20;

}  // namespace

Node JsonText::space() {
    const Node indent = b_.repeat(either({b_.literal(" "), b_.literal("\t")}), 0, kIndent);
    const Node lines = sequence({b_.repeat(b_.literal("\n"), 1, 2), indent});
    return either({b_.literal(""), b_.literal(" "), lines});
}

// Without escapes: no quote, backslash or control character, nor any of `without`.
Node JsonText::plain_character(std::span<const uint32_t> without) {
    std::vector<CodePointRange> out = {{0, 0x1F}, {'"', '"'}, {'\\', '\\'}};
    for (const uint32_t c : without) out.emplace_back(c, c);
    return b_.code_point(out, true);
}

Node JsonText::character() {
    const auto one_of = [this](std::string_view set) {
        std::vector<Node> options;
        for (const char c : set) options.push_back(b_.literal(std::string_view(&c, 1)));
        return b_.either(options);
    };
    const Node hex = either({b_.byte('0', '9'), b_.byte('a', 'f'), b_.byte('A', 'F')});
    const Node hex2 = b_.repeat(hex, 2, 2);
    const Node d = one_of("dD");
    const Node no_d = either({b_.byte('0', '9'), b_.byte('a', 'c'), b_.byte('A', 'C'), one_of("efEF")});
    const Node unit = either({sequence({no_d, hex, hex2}), sequence({d, b_.byte('0', '7'), hex2})});
    const Node high = sequence({d, one_of("89abAB"), hex2}), low = sequence({d, one_of("cdefCDEF"), hex2});
    const Node code = either({unit, sequence({high, b_.literal("\\u"), low})});
    const Node escape = either({one_of("\"\\/bfnrt"), sequence({b_.literal("u"), code})});
    return either({plain_character({}), sequence({b_.literal("\\"), escape})});
}

Node JsonText::quoted(Node inside) {
    return sequence({b_.literal("\""), inside, b_.literal("\"")});
}

Node JsonText::string() {
    return quoted(b_.repeat(character(), 0));
}

Node JsonText::key(std::string_view name) {
    return b_.literal(json::serialize(json::value(json::string(name))));
}

// Along the names as long as the text is the beginning of one; anything once it is not.
Node JsonText::key_outside(std::span<const std::string> names) {
    std::map<std::u32string, int32_t> prefixes{{U"", 0}};
    std::vector<std::vector<uint32_t>> children(1);
    std::vector<uint8_t> is_name(1);
    std::vector<Step> steps;
    for (const std::string& name : names) {
        std::u32string prefix;
        int32_t state = 0;
        Source source(name);
        if (source.flaw()) continue;  // no text can be it
        while (!source.done()) {
            const uint32_t c = source.take();
            prefix += static_cast<char32_t>(c);
            const auto [it, is_new] = prefixes.try_emplace(prefix, static_cast<int32_t>(children.size()));
            if (is_new) {
                children.emplace_back();
                is_name.push_back(0);
                children[static_cast<size_t>(state)].push_back(c);
                const CodePointRange one[] = {{c, c}};
                steps.push_back({state, it->second, b_.code_point(one)});
            }
            state = it->second;
        }
        is_name[static_cast<size_t>(state)] = 1;
    }
    const auto free = static_cast<int32_t>(children.size());
    std::vector<int32_t> ends{free};
    for (int32_t state = 0; state < free; ++state) {
        steps.push_back({state, free, plain_character(children[static_cast<size_t>(state)])});
        if (!is_name[static_cast<size_t>(state)]) ends.push_back(state);
    }
    steps.push_back({free, free, plain_character({})});
    return quoted(b_.graph(free + 1, steps, ends));
}

Node JsonText::integer() {
    const Node digit = b_.byte('0', '9');
    const Node digits = sequence({b_.byte('1', '9'), b_.repeat(digit, 0, kDigits - 1)});
    return sequence({b_.repeat(b_.literal("-"), 0, 1), either({b_.literal("0"), digits})});
}

Node JsonText::number() {
    const Node digit = b_.byte('0', '9');
    const Node fraction = sequence({b_.literal("."), b_.repeat(digit, 1, kDigits)});
    const Node sign = b_.repeat(either({b_.literal("+"), b_.literal("-")}), 0, 1);
    const Node power = sequence({either({b_.literal("e"), b_.literal("E")}), sign, b_.repeat(digit, 1, 2)});
    return sequence({integer(), b_.repeat(fraction, 0, 1), b_.repeat(power, 0, 1)});
}

Node JsonText::exactly(const json::value& value) {
    if (value.is_object()) {
        std::vector<Member> all;
        for (const auto& entry : value.get_object())
            all.push_back(
                {pair(key(std::string_view(entry.key().data(), entry.key().size())), exactly(entry.value())),
                 true});
        return members(all, std::nullopt);
    }
    if (value.is_array()) {
        std::vector<Node> all;
        for (const json::value& one : value.get_array()) all.push_back(exactly(one));
        const auto count = static_cast<int32_t>(all.size());
        return elements(all, std::nullopt, count, count);
    }
    if (value.is_double()) return b_.literal(fmt::format("{}", value.get_double()));
    return b_.literal(json::serialize(value));
}

Node JsonText::value() {
    if (!value_) {
        value_ = b_.rule("JSON value");
        b_.define(*value_, either({object(), array(), string(), number(), b_.literal("true"),
                                   b_.literal("false"), b_.literal("null")}));
    }
    return *value_;
}

Node JsonText::object() {
    return members({}, pair(string(), value()));
}

Node JsonText::array() {
    return elements({}, value(), 0, kUnbounded);
}

Node JsonText::pair(Node key, Node value) {
    return sequence({key, b_.literal(":"), space(), value});
}

// Two lanes along the members: before any has been written, and after, when a comma comes first.
Node JsonText::members(std::span<const Member> members, std::optional<Node> others) {
    const auto count = static_cast<int32_t>(members.size());
    const Node comma = sequence({b_.literal(","), space()});
    const auto none = [](int32_t i) { return i; };
    const auto some = [count](int32_t i) { return count + 1 + i; };
    std::vector<Step> steps;
    bool may_be_empty = true;
    for (int32_t i = 0; i < count; ++i) {
        const Member& m = members[static_cast<size_t>(i)];
        if (may_be_empty) steps.push_back({none(i), some(i + 1), m.pair});
        if (i > 0) steps.push_back({some(i), some(i + 1), sequence({comma, m.pair})});
        may_be_empty = may_be_empty && !m.required;
        if (m.required) continue;
        if (may_be_empty) steps.push_back({none(i), none(i + 1), b_.literal("")});
        if (i > 0) steps.push_back({some(i), some(i + 1), b_.literal("")});
    }
    if (others) {
        if (may_be_empty) steps.push_back({none(count), some(count), *others});
        steps.push_back({some(count), some(count), sequence({comma, *others})});
    }
    const int32_t ends[] = {some(count)};
    const Node filled = sequence({space(), b_.graph(2 * (count + 1), steps, ends), space()});
    const Node inside = may_be_empty ? either({b_.literal(""), filled}) : filled;
    return sequence({b_.literal("{"), inside, b_.literal("}")});
}

Node JsonText::elements(std::span<const Node> first, std::optional<Node> rest, int32_t min, int32_t max) {
    const Node comma = sequence({b_.literal(","), space()});
    const auto count = static_cast<int32_t>(first.size());
    std::vector<Step> steps;  // a state: how many have been written
    std::vector<int32_t> ends;
    const int32_t last = max == kUnbounded ? count : std::min(count, max);
    for (int32_t i = 0; i < last; ++i) {
        const Node one = first[static_cast<size_t>(i)];
        steps.push_back({i, i + 1, i == 0 ? one : sequence({comma, one})});
        if (i > 0 && i >= min) ends.push_back(i);
    }
    int32_t states = last + 1;
    const int32_t more_min = std::max(0, min - last), more_max = max == kUnbounded ? max : max - last;
    if (rest && more_max != 0) {
        const Node further = sequence({comma, *rest});
        const int32_t end = states++;
        if (last > 0) {
            steps.push_back({last, end, b_.repeat(further, more_min, more_max)});
        } else {
            const int32_t after_max = more_max == kUnbounded ? more_max : more_max - 1;
            steps.push_back(
                {0, end, sequence({*rest, b_.repeat(further, std::max(0, more_min - 1), after_max)})});
        }
        ends.push_back(end);
    } else if (last > 0 && last >= min) {
        ends.push_back(last);
    }
    const Node filled = sequence({space(), b_.graph(states, steps, ends), space()});
    const Node inside = min == 0 ? either({b_.literal(""), filled}) : filled;
    return sequence({b_.literal("["), inside, b_.literal("]")});
}

}  // namespace sluice::grammar
