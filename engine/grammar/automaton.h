// A compiled grammar: automata ("parts") over bytes that call each other. A state goes on by a byte, by a
// jump that reads nothing, or by a call of a part, after which it goes on in Call::to. No part can call
// itself before it has read a byte, and from every state an end can be reached. Immutable; any thread.
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/grammar/expression.h"
#include "engine/result.h"

namespace sluice::grammar {

// What an automaton is made from: any order, every state named by its number.
struct Draft {
    struct Edge {
        int32_t from, to;
        uint8_t low, high;
    };
    struct Jump {
        int32_t from, to;
    };
    struct Call {
        int32_t from, part, to;
    };
    struct Part {
        int32_t start, end;
        std::string name;  // of a rule; else empty
    };
    int32_t states = 0;
    std::vector<Edge> edges{};
    std::vector<Jump> jumps{};
    std::vector<Call> calls{};
    std::vector<Part> parts{};       // 0 is the whole grammar
    std::vector<int32_t> part_of{};  // a state's
    std::vector<int32_t> alike{};    // see Automaton::alike
    int32_t add_state(int32_t part);
};

class Automaton {
  public:
    struct Edge {
        uint8_t low, high;
        int32_t to;
    };
    struct Call {
        int32_t start, to;
    };
    // Errors: invalid_request; a part that can begin with itself, or no text at all.
    static Result<Automaton> make(const Draft& draft);

    int32_t start() const { return start_; }
    bool is_end(int32_t state) const { return is_end_[static_cast<size_t>(state)] != 0; }
    std::span<const Edge> edges(int32_t state) const { return of(edges_, first_edge_, state); }
    std::span<const int32_t> jumps(int32_t state) const { return of(jumps_, first_jump_, state); }
    std::span<const Call> calls(int32_t state) const { return of(calls_, first_call_, state); }
    // The one state that stands for all from which the same texts of up to kAlikeBytes bytes lead on, as far
    // as we know: copies of what is repeated, while neither the least nor the greatest number is near.
    static constexpr int32_t kAlikeBytes = 16;
    int32_t alike(int32_t state) const { return alike_[static_cast<size_t>(state)]; }
    int32_t states() const { return static_cast<int32_t>(is_end_.size()); }

    // Bytes that no edge tells apart are one class.
    int32_t classes() const { return classes_; }
    uint8_t class_of(uint8_t byte) const { return class_of_[byte]; }

  private:
    template <class T>
    static std::span<const T> of(const std::vector<T>& all, const std::vector<int32_t>& first,
                                 int32_t state) {
        const auto at = static_cast<size_t>(state);
        return {all.data() + first[at], static_cast<size_t>(first[at + 1] - first[at])};
    }
    void find_classes();

    int32_t start_ = 0, classes_ = 0;
    std::vector<uint8_t> is_end_;
    std::vector<int32_t> alike_;
    std::vector<int32_t> first_edge_, first_jump_, first_call_;  // [states + 1]
    std::vector<Edge> edges_;
    std::vector<int32_t> jumps_;
    std::vector<Call> calls_;
    std::array<uint8_t, 256> class_of_{};
};

// An expression as a draft. `all` holds what it is made of. Errors: invalid_request.
Result<Draft> draft_of(const std::vector<Expression>& all, Node start, const Budget& budget);

}  // namespace sluice::grammar
