#include "engine/grammar/all_of.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/grammar/positions.h"
#include "engine/grammar/regex.h"

namespace sluice::grammar {
namespace {

using Places = std::vector<int32_t>;  // where a text is, one of each grammar

size_t at(int32_t i) {
    return static_cast<size_t>(i);
}

struct Hash {
    size_t operator()(const Places& places) const {
        uint64_t hash = 0;
        for (const int32_t place : places) hash = (hash ^ static_cast<uint32_t>(place)) * 0x9E3779B97F4A7C15u;
        return static_cast<size_t>(hash ^ hash >> 32);
    }
};

// Several grammars followed side by side.
class Product {
  public:
    void add(std::shared_ptr<const Automaton> grammar) {
        grammars_.push_back(grammar);
        positions_.emplace_back(std::move(grammar));
    }
    bool explore();                          // false: there are too many states
    std::optional<int64_t> longest() const;  // text, in bytes; nothing when there is no longest
    Node write(Builder& builder) const;

  private:
    struct Bytes {
        uint8_t low, high;
    };
    struct Way {
        int32_t from, to;
        Bytes by;
    };
    void find_runs();
    int32_t find(const Places& places);
    void follow(int32_t state);
    bool go(const Places& from, uint8_t byte, Places& to);

    std::vector<std::shared_ptr<const Automaton>> grammars_;
    std::vector<Positions> positions_;
    std::vector<Bytes> runs_;  // of bytes that no grammar tells apart
    std::unordered_map<Places, int32_t, Hash> known_;
    std::vector<const Places*> states_;  // keys of known_, which stay where they are
    std::vector<Way> ways_;              // ordered by `from`
    std::vector<int32_t> ends_;
};

void Product::find_runs() {
    const auto differ = [this](int byte) {
        return std::any_of(grammars_.begin(), grammars_.end(), [byte](const auto& grammar) {
            return grammar->class_of(static_cast<uint8_t>(byte)) !=
                   grammar->class_of(static_cast<uint8_t>(byte - 1));
        });
    };
    for (int byte = 0; byte < 256; ++byte) {
        if (byte == 0 || differ(byte)) runs_.push_back({static_cast<uint8_t>(byte), 0});
        runs_.back().high = static_cast<uint8_t>(byte);
    }
}

bool Product::explore() {
    find_runs();
    Places start;
    for (const Positions& positions : positions_) start.push_back(positions.start());
    find(start);
    for (int32_t state = 0; state < static_cast<int32_t>(states_.size()); ++state) {
        if (states_.size() > kMaxAllOfStates) return false;
        follow(state);
    }
    return true;
}

int32_t Product::find(const Places& places) {
    const auto [known, is_new] = known_.try_emplace(places, static_cast<int32_t>(states_.size()));
    if (!is_new) return known->second;
    states_.push_back(&known->first);
    bool can_end = true;
    for (size_t i = 0; i < places.size(); ++i) can_end = can_end && positions_[i].can_end(places[i]);
    if (can_end) ends_.push_back(known->second);
    return known->second;
}

void Product::follow(int32_t state) {
    const Places& from = *states_[at(state)];
    const size_t first_way = ways_.size();
    Places to(from.size());
    for (const Bytes run : runs_) {
        if (!go(from, run.low, to)) continue;
        const int32_t next = find(to);
        const bool joins =
            ways_.size() > first_way && ways_.back().to == next && ways_.back().by.high + 1 == run.low;
        if (joins) {
            ways_.back().by.high = run.high;
        } else {
            ways_.push_back({state, next, run});
        }
    }
}

// false when one of the grammars does not go on; those behind it are not asked.
bool Product::go(const Places& from, uint8_t byte, Places& to) {
    for (size_t i = 0; i < from.size(); ++i) {
        to[i] = positions_[i].next(from[i], byte);
        if (to[i] == Positions::kNowhere) return false;
    }
    return true;
}

std::optional<int64_t> Product::longest() const {
    std::vector<std::vector<int32_t>> before(states_.size());
    for (const Way& way : ways_) before[at(way.to)].push_back(way.from);
    // From the ends backwards: what leads to one, and over how many ways that do.
    std::vector<uint8_t> leads(states_.size(), 0);
    std::vector<int32_t> todo;
    const auto reach = [&](int32_t state) {
        if (std::exchange(leads[at(state)], uint8_t{1}) == 0) todo.push_back(state);
    };
    for (const int32_t end : ends_) reach(end);
    for (size_t i = 0; i < todo.size(); ++i)
        for (const int32_t state : before[at(todo[i])]) reach(state);
    std::vector<int32_t> onward(states_.size(), 0);
    for (const Way& way : ways_) onward[at(way.from)] += leads[at(way.to)];
    // A state's longest rest is known once those of all its ways are; in a circle none is.
    std::vector<int64_t> rest(states_.size(), 0);
    std::vector<int32_t> done;
    for (const int32_t state : todo)
        if (onward[at(state)] == 0) done.push_back(state);
    for (size_t i = 0; i < done.size(); ++i) {
        for (const int32_t state : before[at(done[i])]) {
            rest[at(state)] = std::max(rest[at(state)], rest[at(done[i])] + 1);
            if (--onward[at(state)] == 0) done.push_back(state);
        }
    }
    if (done.size() < todo.size()) return std::nullopt;
    return rest[0];
}

Node Product::write(Builder& builder) const {
    std::vector<Step> steps;
    for (const Way& way : ways_) steps.push_back({way.from, way.to, builder.byte(way.by.low, way.by.high)});
    return builder.graph(static_cast<int32_t>(states_.size()), steps, ends_);
}

using Grammars = std::vector<std::shared_ptr<const Automaton>>;

Result<void> compile(Builder& builder, const Result<Node>& node, Grammars& out) {
    if (!node) return node.error();
    auto grammar = builder.finish(*node);
    if (!grammar) return grammar.error();
    out.push_back(std::move(*grammar));
    return {};
}

Result<void> compile_length(Writing writing, int32_t min, int32_t max, Grammars& out) {
    Builder builder;
    const Node any = Characters(builder, writing).any();
    return compile(builder, builder.repeat(any, min, max), out);
}

}  // namespace

Result<Node> add_all_of(Builder& builder, std::span<const Regex> all, Writing writing, int32_t min_length,
                        int32_t max_length) {
    if (max_length != kUnbounded && max_length < min_length) return builder.either({});
    Grammars grammars;
    for (const Regex& regex : all) {
        Builder of_one;
        const auto node = add_regex(of_one, regex.pattern, {regex.whole, writing});
        if (auto ok = compile(of_one, node, grammars); !ok) return ok.error();
    }
    if (auto ok = compile_length(writing, min_length, kUnbounded, grammars); !ok) return ok.error();
    // Many patterns are shorter than the most that is allowed; to count their characters would be costly.
    for (const bool is_bounded : {false, true}) {
        if (is_bounded) {
            grammars.pop_back();
            if (auto ok = compile_length(writing, min_length, max_length, grammars); !ok) return ok.error();
        }
        Product product;
        for (const auto& grammar : grammars) product.add(grammar);
        if (!product.explore()) continue;
        if (is_bounded || max_length == kUnbounded || product.longest().value_or(INT64_MAX) <= max_length)
            return product.write(builder);
    }
    return Error{
        ErrorKind::invalid_request,
        fmt::format("pattern, format and lengths together need more than {} states", kMaxAllOfStates)};
}

}  // namespace sluice::grammar
