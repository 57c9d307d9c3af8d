#include "engine/grammar/builder.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <vector>

#include "engine/grammar/automaton.h"
#include "engine/grammar/expression.h"
#include "engine/grammar/positions.h"
#include "kernels/check.h"

namespace sluice::grammar {
namespace {

template <class T>
void append(std::string& out, T value) {
    out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

// Equal expressions have equal keys.
std::string key_of(const Expression& e) {
    std::string key;
    append(key, e.kind);
    append(key, e.min);
    append(key, e.max);
    for (const Node child : e.children) append(key, child);
    for (const auto& [from, to] : e.steps) {
        append(key, from);
        append(key, to);
    }
    append(key, static_cast<int32_t>(e.ends.size()));
    for (const int32_t end : e.ends) append(key, end);
    for (const auto& [low, high] : e.set) {
        append(key, low);
        append(key, high);
    }
    return key += e.text;
}

}  // namespace

struct Builder::State {
    explicit State(const Budget& budget_in) : budget(budget_in) {}

    Node add(Expression e) {
        auto key = key_of(e);
        const auto known = nodes.find(key);
        if (known != nodes.end()) return known->second;
        const Node node = append_node(std::move(e));
        if (!failed()) nodes.emplace(std::move(key), node);
        return node;
    }
    // After a failure no more is kept: node 0 stands for everything.
    Node append_node(Expression e) {
        if (failed()) return 0;
        for (const Node child : e.children) {
            SLUICE_CHECK(child >= 0 && child < static_cast<Node>(all.size()));
            e.depth = std::max(e.depth, all[static_cast<size_t>(child)].depth + 1);
        }
        size += static_cast<int64_t>(1 + e.children.size() + e.set.size() / 4 + e.text.size() / 8);
        if (size > budget.nodes) fail("the grammar is too large");
        if (e.depth > budget.depth) fail("the grammar is nested too deeply");
        if (failed()) return 0;
        all.push_back(std::move(e));
        return static_cast<Node>(all.size()) - 1;
    }
    bool failed() const { return !error.empty(); }
    void fail(std::string why) {
        if (error.empty()) error = std::move(why);
    }

    const Budget budget;
    int64_t size = 0;
    std::string error;
    std::vector<Expression> all{Expression{}};  // node 0: the empty text
    std::unordered_map<std::string, Node> nodes{{key_of(Expression{}), 0}};
};

Builder::Builder(const Budget& budget) : state_(std::make_unique<State>(budget)) {}
Builder::~Builder() = default;

Node Builder::literal(std::string_view bytes) {
    Expression e;
    e.text = bytes;
    return state_->add(std::move(e));
}

Node Builder::byte(uint8_t low, uint8_t high) {
    Expression e;
    e.kind = Expression::Kind::byte;
    e.min = low;
    e.max = high;
    return state_->add(std::move(e));
}

Node Builder::code_point(std::span<const CodePointRange> ranges, bool negated) {
    Expression e;
    e.kind = Expression::Kind::code_point;
    e.set = code_points(ranges, negated);
    return state_->add(std::move(e));
}

Node Builder::sequence(std::span<const Node> parts) {
    if (parts.size() == 1) return parts.front();
    Expression e;
    e.kind = Expression::Kind::sequence;
    for (const Node part : parts)
        if (part != 0) e.children.push_back(part);
    if (e.children.empty()) return 0;
    if (e.children.size() == 1) return e.children.front();
    return state_->add(std::move(e));
}

Node Builder::either(std::span<const Node> options) {
    Expression e;
    e.kind = Expression::Kind::either;
    e.children.assign(options.begin(), options.end());
    std::sort(e.children.begin(), e.children.end());
    e.children.erase(std::unique(e.children.begin(), e.children.end()), e.children.end());
    if (e.children.size() == 1) return e.children.front();
    return state_->add(std::move(e));
}

Node Builder::repeat(Node what, int32_t min, int32_t max) {
    SLUICE_CHECK(min >= 0 && (max == kUnbounded || max >= min));
    if (max == 0) return 0;
    if (min == 1 && max == 1) return what;
    Expression e;
    e.kind = Expression::Kind::repeat;
    e.min = min;
    e.max = max;
    e.children = {what};
    return state_->add(std::move(e));
}

Node Builder::graph(int32_t states, std::span<const Step> steps, std::span<const int32_t> ends) {
    const auto is_state = [states](int32_t s) { return s >= 0 && s < states; };
    Expression e;
    e.kind = Expression::Kind::graph;
    e.min = states;
    for (const Step& step : steps) {
        SLUICE_CHECK(is_state(step.from) && is_state(step.to));
        e.steps.emplace_back(step.from, step.to);
        e.children.push_back(step.by);
    }
    SLUICE_CHECK(std::all_of(ends.begin(), ends.end(), is_state));
    e.ends.assign(ends.begin(), ends.end());
    return state_->add(std::move(e));
}

Node Builder::rule(std::string name) {
    Expression e;
    e.kind = Expression::Kind::rule;
    e.text = std::move(name);
    return state_->append_node(std::move(e));  // two rules of one name are two
}

void Builder::define(Node rule, Node body) {
    if (failed()) return;
    Expression& e = state_->all[static_cast<size_t>(rule)];
    SLUICE_CHECK(e.kind == Expression::Kind::rule && e.children.empty());
    e.children = {body};
}

bool Builder::failed() const {
    return state_->failed();
}

Result<std::shared_ptr<const Automaton>> Builder::finish(Node start) {
    const auto state = std::move(state_);
    if (state->failed()) return Error{ErrorKind::invalid_request, state->error};
    auto draft = draft_of(state->all, start, state->budget);
    if (!draft) return draft.error();
    auto made = Automaton::make(*draft);
    if (!made) return made.error();
    auto automaton = std::make_shared<const Automaton>(std::move(*made));
    Positions positions(automaton);
    if (!positions.can_go_on(positions.start()) && !positions.can_end(positions.start()))
        return Error{ErrorKind::invalid_request, "the grammar is nested too deeply"};
    return automaton;
}

}  // namespace sluice::grammar
