#include "engine/grammar/all_of.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/grammar/lookahead.h"
#include "engine/grammar/product.h"
#include "engine/grammar/regex.h"

namespace sluice::grammar {
namespace {

constexpr int64_t kCompiled = 8;  // so many states of a regex take no more time than one that is followed

size_t at(int32_t i) {
    return static_cast<size_t>(i);
}

Error too_many_states() {
    return {ErrorKind::invalid_request,
            fmt::format("patterns, formats and lengths together need more than {} states", AllOf::kStates)};
}

// The longest text, in bytes; nothing when there is none.
std::optional<int64_t> longest(const Product& product) {
    const size_t states = at(product.states());
    std::vector<std::vector<int32_t>> before(states);
    for (const auto& way : product.ways()) before[at(way.to)].push_back(way.from);
    // From the ends backwards: what leads to one, and over how many ways that do.
    std::vector<uint8_t> leads(states, 0);
    std::vector<int32_t> leading;
    const auto reach = [&](int32_t state) {
        if (std::exchange(leads[at(state)], uint8_t{1}) == 0) leading.push_back(state);
    };
    for (int32_t state = 0; state < product.states(); ++state)
        if (product.is_end(state)) reach(state);
    for (size_t i = 0; i < leading.size(); ++i)
        for (const int32_t state : before[at(leading[i])]) reach(state);
    std::vector<int32_t> onward(states, 0);
    for (const auto& way : product.ways()) onward[at(way.from)] += leads[at(way.to)];
    // A state's longest rest is known once those of all its ways are; in a circle none is.
    std::vector<int64_t> rest(states, 0);
    std::vector<int32_t> done;
    for (const int32_t state : leading)
        if (onward[at(state)] == 0) done.push_back(state);
    for (size_t i = 0; i < done.size(); ++i) {
        for (const int32_t state : before[at(done[i])]) {
            rest[at(state)] = std::max(rest[at(state)], rest[at(done[i])] + 1);
            if (--onward[at(state)] == 0) done.push_back(state);
        }
    }
    if (done.size() < leading.size()) return std::nullopt;
    return rest[0];
}

Node write_bytes(Builder& builder, const Product& product) {
    std::vector<Step> steps;
    for (const auto& way : product.ways())
        steps.push_back({way.from, way.to, builder.byte(way.low, way.high)});
    std::vector<int32_t> ends;
    for (int32_t state = 0; state < product.states(); ++state)
        if (product.is_end(state)) ends.push_back(state);
    return builder.graph(product.states(), steps, ends);
}

// A product whose characters are counted: a state is one of the product's between characters, and a count.
class Counted {
  public:
    Counted(Builder& builder, const Product& product, int32_t min, int32_t max, int64_t& left)
        : builder_(builder),
          product_(product),
          min_(min),
          max_(max),
          left_(left),
          characters_(at(product.states())) {}

    Result<Node> write() {
        find(0, 0);
        for (size_t i = 0; i < states_.size(); ++i) {
            if (--left_ < 0) return too_many_states();
            if (builder_.failed()) return Node{0};
            follow(static_cast<int32_t>(i));
        }
        return builder_.graph(static_cast<int32_t>(states_.size()), steps_, ends_);
    }

  private:
    struct State {
        int32_t state, count;
    };
    struct Character {  // all characters that lead to a state
        int32_t to;
        Node node;
    };

    int32_t find(int32_t state, int32_t count) {
        const int64_t key = int64_t{state} << 32 | count;
        const auto [known, is_new] = known_.try_emplace(key, static_cast<int32_t>(states_.size()));
        if (!is_new) return known->second;
        states_.push_back({state, count});
        if (product_.is_end(state) && count >= min_) ends_.push_back(known->second);
        return known->second;
    }

    void follow(int32_t i) {
        const auto [state, count] = states_[at(i)];
        if (count == max_) return;
        // Beyond the least length of texts without a greatest one, counts do not matter.
        const int32_t next = max_ == kUnbounded ? std::min(count + 1, min_) : count + 1;
        for (const Character& one : characters(state)) steps_.push_back({i, find(one.to, next), one.node});
    }

    const std::vector<Character>& characters(int32_t from) {
        auto& known = characters_[at(from)];
        if (!known) known = find_characters(from);
        return *known;
    }

    // A graph of the bytes of one character, with another end for each state it leads to.
    std::vector<Character> find_characters(int32_t from) {
        std::vector<int32_t> inside{from}, ends;
        std::unordered_map<int32_t, int32_t>
            number;  // in the graph; all but `from`, which may also be an end
        std::vector<Step> steps;
        for (size_t i = 0; i < inside.size(); ++i) {
            if (i > 0 && product_.is_between_characters(inside[i])) {
                ends.push_back(static_cast<int32_t>(i));
                continue;
            }
            for (const auto& way : product_.ways(inside[i])) {
                const auto [to, is_new] = number.try_emplace(way.to, static_cast<int32_t>(inside.size()));
                if (is_new) inside.push_back(way.to);
                steps.push_back({static_cast<int32_t>(i), to->second, builder_.byte(way.low, way.high)});
            }
        }
        std::vector<Character> all;
        for (const int32_t end : ends)
            all.push_back(
                {inside[at(end)], builder_.graph(static_cast<int32_t>(inside.size()), steps, {&end, 1})});
        return all;
    }

    Builder& builder_;
    const Product& product_;
    const int32_t min_, max_;
    int64_t& left_;  // states
    std::vector<std::optional<std::vector<Character>>> characters_;
    std::unordered_map<int64_t, int32_t> known_;
    std::vector<State> states_;
    std::vector<Step> steps_;
    std::vector<int32_t> ends_;
};

Result<Product::Grammar> compile(std::string_view pattern, const RegexText& text) {
    Builder builder;
    const auto node = add_regex(builder, pattern, text);
    if (!node) return node.error();
    auto automaton = builder.finish(*node);
    if (!automaton) return automaton.error();
    return Product::Grammar{std::move(*automaton), text.is_unwanted};
}

// A regex and its lookaheads.
Result<void> compile(const Regex& regex, Writing writing, std::vector<Product::Grammar>& out) {
    const Leading leading = find_leading_lookaheads(regex.pattern, regex.whole);
    RegexText text{.whole = false, .writing = writing, .at_start = true};
    for (const Lookahead& ahead : leading.all) {
        text.begin = ahead.begin;
        text.is_unwanted = ahead.is_negated;
        auto grammar = compile(regex.pattern.substr(0, ahead.end), text);
        if (!grammar) return grammar.error();
        out.push_back(std::move(*grammar));
    }
    text = {.whole = regex.whole, .writing = writing, .begin = leading.rest, .at_start = leading.rest > 0};
    auto grammar = compile(regex.pattern, text);
    if (!grammar) return grammar.error();
    out.push_back(std::move(*grammar));
    return {};
}

}  // namespace

Result<Node> AllOf::add(std::span<const Regex> all, Writing writing, int32_t min_length, int32_t max_length) {
    const bool is_measured = min_length > 0 || max_length != kUnbounded;
    if (all.size() == 1 && !is_measured && find_leading_lookaheads(all[0].pattern, all[0].whole).all.empty())
        return add_regex(builder_, all[0].pattern, {.whole = all[0].whole, .writing = writing});
    if (max_length != kUnbounded && max_length < min_length) return builder_.either({});
    std::vector<Product::Grammar> grammars;
    for (const Regex& regex : all)
        if (auto ok = compile(regex, writing, grammars); !ok) return ok.error();
    for (const auto& grammar : grammars) left_ -= grammar.automaton->states() / kCompiled;
    Builder of_characters;
    auto characters = of_characters.finish(Characters(of_characters, writing).any_text());
    if (!characters) return characters.error();
    Product product(std::move(grammars), std::move(*characters));
    if (!product.explore(left_)) return too_many_states();
    const bool fits = max_length == kUnbounded || longest(product).value_or(INT64_MAX) <= max_length;
    if (min_length == 0 && fits) return write_bytes(builder_, product);
    return Counted(builder_, product, min_length, fits ? kUnbounded : max_length, left_).write();
}

}  // namespace sluice::grammar
