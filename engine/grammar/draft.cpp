// Expressions to automata. What is large and used more than once becomes a part of its own; all else is
// written out where it is used.
#include <fmt/format.h>

#include <algorithm>

#include "engine/grammar/automaton.h"
#include "kernels/check.h"

namespace sluice::grammar {
namespace {

using Kind = Expression::Kind;

constexpr int64_t kPartStates = 12;          // smaller ones are not worth a call
constexpr int64_t kHuge = int64_t{1} << 40;  // sizes stop growing here

constexpr int kLookDepth = 6;  // to see whether something can be empty

// The copies of one repeated expression, of which each reads a byte at least. From those that are more than
// kAlikeBytes copies away from the last one, the same short texts lead on as from the first.
class Copies {
  public:
    explicit Copies(Draft& draft) : draft_(draft) {}
    void begin() { begins_.push_back(draft_.states); }
    void mark(int32_t count) {
        for (int32_t i = 1; i + 1 + Automaton::kAlikeBytes < count; ++i) {
            const int32_t own = begins_[at(i)], first = begins_[0];
            for (int32_t s = own; s < begins_[at(i + 1)]; ++s)
                draft_.alike[at(s)] = draft_.alike[at(first + s - own)];
        }
    }

  private:
    static size_t at(int32_t i) { return static_cast<size_t>(i); }
    Draft& draft_;
    std::vector<int32_t> begins_;
};

class Drafter {
  public:
    Drafter(const std::vector<Expression>& all, const Budget& budget) : all_(all), budget_(budget) {}

    Result<Draft> draft(Node start) {
        if (auto ok = reach(start); !ok) return ok.error();
        measure();
        int64_t states = 2 + sizes_[at(start)];
        for (const Node n : reached_)
            if (part_[at(n)] == kWanted) states = std::min(kHuge, states + 2 + body_size(n));
        if (states > budget_.states) {
            return Error{ErrorKind::invalid_request,
                         fmt::format("the grammar needs more than {} states", budget_.states)};
        }
        write_part(start, {});
        for (size_t i = 0; i < waiting_.size(); ++i) write_part(waiting_[i], all_[at(waiting_[i])].text);
        return std::move(out_);
    }

  private:
    static constexpr int32_t kInline = -1, kWanted = -2;  // else the part's number
    static size_t at(Node n) { return static_cast<size_t>(n); }

    // Which expressions the grammar uses, and how often each.
    Result<void> reach(Node start) {
        uses_.assign(all_.size(), 0);
        std::vector<Node> todo{start};
        uses_[at(start)] = 1;
        while (!todo.empty()) {
            const Node n = todo.back();
            todo.pop_back();
            reached_.push_back(n);
            const Expression& e = all_[at(n)];
            if (e.kind == Kind::rule && e.children.empty()) {
                return Error{ErrorKind::invalid_request, fmt::format("the rule `{}` is not defined", e.text)};
            }
            const int32_t copies = e.kind == Kind::repeat ? std::clamp(std::max(e.min, e.max), 1, 2) : 1;
            for (const Node child : e.children) {
                if (uses_[at(child)] == 0) todo.push_back(child);
                uses_[at(child)] = std::min(uses_[at(child)] + copies, 2);  // once or more often
            }
        }
        std::sort(reached_.begin(), reached_.end());
        return {};
    }

    // Children have lower numbers than what they are in, but for the bodies of rules, which are never inline.
    void measure() {
        sizes_.assign(all_.size(), 0);
        part_.assign(all_.size(), kInline);
        for (const Node n : reached_) {
            const bool is_rule = all_[at(n)].kind == Kind::rule;
            const int64_t size = is_rule ? 1 : body_size(n);
            if (is_rule || (uses_[at(n)] > 1 && size >= kPartStates)) part_[at(n)] = kWanted;
            sizes_[at(n)] = part_[at(n)] == kWanted ? 1 : size;
        }
    }

    int64_t body_size(Node n) const {
        const Expression& e = all_[at(n)];
        int64_t children = 0;
        for (const Node child : e.children) children = std::min(kHuge, children + sizes_[at(child)]);
        switch (e.kind) {
            case Kind::literal:
                return static_cast<int64_t>(e.text.size());
            case Kind::byte:
                return 1;
            case Kind::code_point:
                return 2 + 6 * static_cast<int64_t>(e.set.size());  // at most
            case Kind::repeat:
                return std::min(kHuge, (children + 2) * (int64_t{std::max(e.min, e.max)} + 1));
            case Kind::graph:
                return std::min(kHuge, children + e.min);
            default:
                return std::min(kHuge, children + static_cast<int64_t>(e.children.size()));
        }
    }

    void write_part(Node n, const std::string& name) {
        const auto part = static_cast<int32_t>(out_.parts.size());
        out_.parts.push_back({0, 0, name});
        now_ = part;
        const int32_t start = add_state(), end = add_state();
        out_.parts[static_cast<size_t>(part)] = {start, end, name};
        if (all_[at(n)].kind == Kind::rule) {
            write(all_[at(n)].children.front(), start, end);
        } else {
            write_body(n, start, end);
        }
    }
    int32_t add_state() { return out_.add_state(now_); }

    // All ways of an expression between two states. Nothing is led back into `from` or on from `to`.
    void write(Node n, int32_t from, int32_t to) {
        int32_t& part = part_[at(n)];
        if (part == kInline) return write_body(n, from, to);
        if (part == kWanted) {
            waiting_.push_back(n);
            part = static_cast<int32_t>(waiting_.size());  // part 0 is the whole
        }
        out_.calls.push_back({from, part, to});
    }

    void write_body(Node n, int32_t from, int32_t to) {
        const Expression& e = all_[at(n)];
        switch (e.kind) {
            case Kind::literal:
                return write_literal(e.text, from, to);
            case Kind::byte:
                out_.edges.push_back({from, to, static_cast<uint8_t>(e.min), static_cast<uint8_t>(e.max)});
                return;
            case Kind::code_point:
                return write_code_point(e.set, from, to);
            case Kind::sequence:
                for (size_t i = 0; i < e.children.size(); ++i) {
                    const int32_t next = i + 1 < e.children.size() ? add_state() : to;
                    write(e.children[i], from, next);
                    from = next;
                }
                return;
            case Kind::either:
                for (const Node child : e.children) write(child, from, to);
                return;
            case Kind::repeat:
                return write_repeat(e, from, to);
            case Kind::graph:
                return write_graph(e, from, to);
            case Kind::rule:
                write(n, from, to);
        }
    }

    void write_literal(const std::string& text, int32_t from, int32_t to) {
        if (text.empty()) out_.jumps.push_back({from, to});
        for (size_t i = 0; i < text.size(); ++i) {
            const int32_t next = i + 1 < text.size() ? add_state() : to;
            const auto byte = static_cast<uint8_t>(text[i]);
            out_.edges.push_back({from, next, byte, byte});
            from = next;
        }
    }

    void write_code_point(const CodePoints& set, int32_t from, int32_t to) {
        const Utf8Class made = utf8_class(set);
        std::vector<int32_t> states(static_cast<size_t>(made.states));
        states[0] = from;
        states[1] = to;
        for (size_t i = 2; i < states.size(); ++i) states[i] = add_state();
        for (const auto& edge : made.edges)
            out_.edges.push_back({states[at(edge.from)], states[at(edge.to)], edge.lo, edge.hi});
    }

    void write_repeat(const Expression& e, int32_t from, int32_t to) {
        const Node what = e.children.front();
        Copies forced(out_), optional(out_);
        for (int32_t i = 0; i < e.min; ++i) {
            forced.begin();
            const int32_t next = i + 1 == e.max ? to : add_state();
            write(what, from, next);
            from = next;
        }
        if (reads_something(what, 0)) forced.mark(e.min);
        if (e.max == kUnbounded) {
            const int32_t loop = add_state();
            out_.jumps.push_back({from, loop});
            const int32_t back = add_state();  // the loop's own end: what is inside may read nothing
            write(what, loop, back);
            out_.jumps.push_back({back, loop});
            out_.jumps.push_back({loop, to});
            return;
        }
        for (int32_t i = e.min; i < e.max; ++i) {
            optional.begin();
            out_.jumps.push_back({from, to});
            const int32_t next = i + 1 < e.max ? add_state() : to;
            write(what, from, next);
            from = next;
        }
        if (reads_something(what, 0)) optional.mark(e.max - e.min);
    }

    // Whether no text of an expression is empty; false where that is not plain to see.
    bool reads_something(Node n, int depth) const {
        const Expression& e = all_[at(n)];
        const auto child = [&](Node c) { return reads_something(c, depth + 1); };
        if (depth > kLookDepth) return false;
        switch (e.kind) {
            case Kind::literal:
                return !e.text.empty();
            case Kind::byte:
            case Kind::code_point:
                return true;
            case Kind::sequence:
                return std::ranges::any_of(e.children, child);
            case Kind::either:
                return std::ranges::all_of(e.children, child);
            case Kind::repeat:
                return e.min > 0 && child(e.children.front());
            default:
                return false;
        }
    }

    void write_graph(const Expression& e, int32_t from, int32_t to) {
        std::vector<int32_t> states(static_cast<size_t>(e.min));
        for (int32_t& state : states) state = add_state();
        out_.jumps.push_back({from, states.at(0)});
        for (size_t i = 0; i < e.steps.size(); ++i)
            write(e.children[i], states[at(e.steps[i].first)], states[at(e.steps[i].second)]);
        for (const int32_t end : e.ends) out_.jumps.push_back({states[at(end)], to});
    }

    const std::vector<Expression>& all_;
    const Budget& budget_;
    std::vector<int32_t> uses_, part_;
    std::vector<int64_t> sizes_;
    std::vector<Node> reached_, waiting_;
    int32_t now_ = 0;
    Draft out_;
};

}  // namespace

int32_t Draft::add_state(int32_t part) {
    part_of.push_back(part);
    alike.push_back(states);
    return states++;
}

Result<Draft> draft_of(const std::vector<Expression>& all, Node start, const Budget& budget) {
    return Drafter(all, budget).draft(start);
}

}  // namespace sluice::grammar
