// Holds answers to a grammar: which tokens may come next. One Constraint a grammar and model, shared by all
// requests with that grammar, so that what one of them found out need not be found again. Any thread.
#pragma once
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <span>
#include <unordered_map>
#include <vector>

#include "engine/grammar/positions.h"
#include "engine/grammar/token_tree.h"

namespace sluice::grammar {

// Tokens that may come next. Those that end an answer are not among them: see Matcher::can_end.
struct TokenMask {
    static constexpr size_t kFew = 512;
    std::vector<int32_t> few;    // ascending; all of them while they are at most kFew
    std::vector<uint64_t> many;  // else: bit t % 64 of word t / 64

    bool empty() const { return few.empty() && many.empty(); }
    bool contains(int32_t token) const;
    void add(std::span<const int32_t> tokens, int32_t vocab);
    size_t bytes() const {
        return sizeof *this + few.size() * sizeof(int32_t) + many.size() * sizeof(uint64_t);
    }
};

// The masks last used, by number. Not synchronised.
class MaskCache {
  public:
    std::shared_ptr<const TokenMask> find(int32_t key);  // null: not there
    void put(int32_t key, std::shared_ptr<const TokenMask> mask);
    void clear();
    size_t bytes() const { return bytes_; }

  private:
    static constexpr size_t kBytes = size_t{2} << 20;
    struct Entry {
        int32_t key;
        std::shared_ptr<const TokenMask> mask;
    };
    std::list<Entry> masks_;  // the last used first
    std::unordered_map<int32_t, std::list<Entry>::iterator> at_;
    size_t bytes_ = 0;
};

class Constraint {
  public:
    Constraint(std::shared_ptr<const Automaton> automaton, std::shared_ptr<const TokenTree> tokens);
    Constraint(const Constraint&) = delete;

    size_t bytes() const;  // of memory, about; a few MiB at most while no answer needs more

  private:
    friend class Matcher;
    static constexpr size_t kPlaceBytes = size_t{4} << 20;  // more: what no answer stands in is forgotten

    std::shared_ptr<const TokenMask> mask(int32_t place);
    std::shared_ptr<const TokenMask> find_mask(int32_t place, size_t first_node, size_t last_node,
                                               const TokenMask& known);
    void tidy();

    const std::shared_ptr<const TokenTree> tokens_;
    mutable std::mutex mutex_;  // of all below
    Positions positions_;
    size_t place_bytes_ = kPlaceBytes;  // when to forget next
    std::vector<int32_t*> standing_;    // the places of all Matchers
    MaskCache masks_;                   // of places
    MaskCache brief_masks_;             // of shapes: their tokens of few bytes alone
    std::vector<int32_t> path_;         // of a walk
};

// One answer's way through a grammar. Its own calls are one thread's at a time, but for allowed().
class Matcher {
  public:
    explicit Matcher(std::shared_ptr<Constraint> constraint);

    // May take a millisecond when nobody has stood here before. Any thread, also while accept() runs.
    std::shared_ptr<const TokenMask> allowed() const;
    // Goes on with a token's bytes. false: they do not fit, and nothing changed.
    bool accept(int32_t token);
    bool can_end() const;  // the text so far is whole
    bool can_go_on() const;

  private:
    struct Standing {
        explicit Standing(std::shared_ptr<Constraint> of);
        ~Standing();
        Standing(const Standing&) = delete;
        const std::shared_ptr<Constraint> constraint;
        int32_t place;
    };
    std::shared_ptr<Standing> at_;
};

}  // namespace sluice::grammar
