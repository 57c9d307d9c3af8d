#include "engine/grammar/automaton.h"

#include <fmt/format.h>

#include <bitset>
#include <optional>
#include <utility>

namespace sluice::grammar {
namespace {

size_t at(int32_t i) {
    return static_cast<size_t>(i);
}

// For each number of a list of (number, item): the items, one after another.
class Lists {
  public:
    template <class Each>
    Lists(int32_t numbers, Each each) : first_(at(numbers) + 1) {
        each([this](int32_t number, int32_t) { ++first_[at(number) + 1]; });
        for (size_t i = 1; i < first_.size(); ++i) first_[i] += first_[i - 1];
        items_.resize(at(first_.back()));
        std::vector<int32_t> next(first_.begin(), first_.end() - 1);
        each([&](int32_t number, int32_t item) { items_[at(next[at(number)]++)] = item; });
    }
    std::span<const int32_t> of(int32_t number) const {
        return {items_.data() + first_[at(number)], at(first_[at(number) + 1] - first_[at(number)])};
    }

  private:
    std::vector<int32_t> first_, items_;
};

// States that something holds for, and what follows from each.
class Marked {
  public:
    explicit Marked(int32_t states) : marked_(at(states)) {}
    void mark(int32_t state) {
        if (!std::exchange(marked_[at(state)], uint8_t{1})) todo_.push_back(state);
    }
    bool is(int32_t state) const { return marked_[at(state)] != 0; }
    template <class Follow>
    void spread(Follow follow) {  // follow(state) marks others
        while (!todo_.empty()) {
            const int32_t state = todo_.back();
            todo_.pop_back();
            follow(state);
        }
    }
    const std::vector<uint8_t>& all() const { return marked_; }

  private:
    std::vector<uint8_t> marked_;
    std::vector<int32_t> todo_;
};

// Which states lead to their part's end, by bytes as well or by nothing at all. Backwards from the ends; a
// call leads on once both its part and what follows it do.
std::vector<uint8_t> leading_to_end(const Draft& d, bool by_bytes) {
    const Lists before(d.states, [&](auto put) {
        for (const auto& jump : d.jumps) put(jump.to, jump.from);
        if (by_bytes)
            for (const auto& edge : d.edges) put(edge.to, edge.from);
    });
    const auto start_of = [&d](const Draft::Call& call) { return d.parts[at(call.part)].start; };
    const Lists calls(d.states, [&](auto put) {
        for (size_t i = 0; i < d.calls.size(); ++i) {
            put(d.calls[i].to, static_cast<int32_t>(i));
            put(start_of(d.calls[i]), static_cast<int32_t>(i));
        }
    });
    Marked leading(d.states);
    for (const auto& part : d.parts) leading.mark(part.end);
    leading.spread([&](int32_t state) {
        for (const int32_t from : before.of(state)) leading.mark(from);
        for (const int32_t i : calls.of(state)) {
            const Draft::Call& call = d.calls[at(i)];
            if (leading.is(call.to) && leading.is(start_of(call))) leading.mark(call.from);
        }
    });
    return leading.all();
}

// Which parts each part can call before it has read a byte.
std::vector<std::vector<int32_t>> first_calls(const Draft& d) {
    const std::vector<uint8_t> silent = leading_to_end(d, false);
    const auto is_silent = [&](int32_t part) { return silent[at(d.parts[at(part)].start)] != 0; };
    const Lists after(d.states, [&](auto put) {
        for (const auto& jump : d.jumps) put(jump.from, jump.to);
        for (const auto& call : d.calls)
            if (is_silent(call.part)) put(call.from, call.to);
    });
    Marked reached(d.states);
    for (const auto& part : d.parts) reached.mark(part.start);
    reached.spread([&](int32_t state) {
        for (const int32_t to : after.of(state)) reached.mark(to);
    });
    std::vector<std::vector<int32_t>> out(d.parts.size());
    for (const auto& call : d.calls)
        if (reached.is(call.from)) out[at(d.part_of[at(call.from)])].push_back(call.part);
    return out;
}

// A part that can come back to itself along `calls`.
std::optional<int32_t> find_cycle(const std::vector<std::vector<int32_t>>& calls) {
    enum : uint8_t { unseen, open, done };
    std::vector<uint8_t> state(calls.size(), unseen);
    std::vector<std::pair<int32_t, size_t>> path;  // part, calls looked at
    for (size_t root = 0; root < calls.size(); ++root) {
        if (state[root] != unseen) continue;
        path.emplace_back(static_cast<int32_t>(root), 0);
        state[root] = open;
        while (!path.empty()) {
            auto& [part, next] = path.back();
            if (next == calls[at(part)].size()) {
                state[at(part)] = done;
                path.pop_back();
                continue;
            }
            const int32_t callee = calls[at(part)][next++];
            if (state[at(callee)] == open) return callee;
            if (state[at(callee)] == unseen) {
                state[at(callee)] = open;
                path.emplace_back(callee, 0);
            }
        }
    }
    return std::nullopt;
}

Error refusal(std::string message) {
    return {ErrorKind::invalid_request, std::move(message)};
}

// What a table of one kind of step is flattened to: by state, without those that lead nowhere.
template <class In, class Out, class Make>
void flatten(const Draft& d, const std::vector<In>& in, const std::vector<uint8_t>& leads,
             std::vector<int32_t>& first, std::vector<Out>& out, Make make) {
    const Lists lists(d.states, [&](auto put) {
        for (size_t i = 0; i < in.size(); ++i)
            if (leads[at(in[i].from)] && leads[at(in[i].to)]) put(in[i].from, static_cast<int32_t>(i));
    });
    first.assign(1, 0);
    for (int32_t state = 0; state < d.states; ++state) {
        for (const int32_t i : lists.of(state)) make(in[at(i)], out);
        first.push_back(static_cast<int32_t>(out.size()));
    }
}

}  // namespace

Result<Automaton> Automaton::make(const Draft& d) {
    const std::vector<uint8_t> leads = leading_to_end(d, true);
    if (const auto part = find_cycle(first_calls(d))) {
        const std::string& name = d.parts[at(*part)].name;
        return refusal(name.empty() ? "a rule of the grammar can begin with itself"
                                    : fmt::format("the rule `{}` can begin with itself", name));
    }
    if (!leads[at(d.parts[0].start)]) return refusal("no text matches the grammar");
    Automaton out;
    out.start_ = d.parts[0].start;
    out.is_end_.assign(at(d.states), 0);
    out.alike_ = d.alike;
    for (const auto& part : d.parts) out.is_end_[at(part.end)] = 1;
    flatten(d, d.edges, leads, out.first_edge_, out.edges_, [](const Draft::Edge& e, auto& to) {
        to.push_back({e.low, e.high, e.to});
    });
    flatten(d, d.jumps, leads, out.first_jump_, out.jumps_,
            [](const Draft::Jump& j, auto& to) { to.push_back(j.to); });
    flatten(d, d.calls, leads, out.first_call_, out.calls_, [&](const Draft::Call& c, auto& to) {
        const int32_t start = d.parts[at(c.part)].start;
        if (leads[at(start)]) to.push_back({start, c.to});
    });
    out.find_classes();
    return out;
}

void Automaton::find_classes() {
    std::bitset<257> begins;
    for (const Edge& edge : edges_) {
        begins.set(edge.low);
        begins.set(size_t{edge.high} + 1);
    }
    classes_ = 1;
    for (size_t byte = 0; byte < 256; ++byte) {
        if (byte > 0 && begins[byte]) ++classes_;
        class_of_[byte] = static_cast<uint8_t>(classes_ - 1);
    }
}

}  // namespace sluice::grammar
