#include "engine/grammar/constraint.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <thread>

#include "../tokenizer/small_vocab.h"
#include "engine/grammar/builder.h"
#include "engine/grammar/constraints.h"

namespace sluice::grammar {
namespace {

using tokenizer::TokenType;

struct Words {
    Words() {
        auto data = tokenizer::small_vocab();
        end = tokenizer::add(data, "<|im_end|>", TokenType::control);
        think = tokenizer::add(data, "<think>", TokenType::user_defined);
        data.eos = end;
        tokenizer = tokenizer::make(std::move(data));
        tree = std::make_shared<const TokenTree>(*tokenizer);
    }
    int32_t end, think;
    std::shared_ptr<const tokenizer::Tokenizer> tokenizer;
    std::shared_ptr<const TokenTree> tree;
};

// Lists of numbers within lists: (digits | "[" list ("," list)* "]").
std::shared_ptr<const Automaton> lists() {
    Builder b;
    const Node list = b.rule("list");
    const Node more[] = {b.literal(","), list};
    const Node whole[] = {b.literal("["), list, b.repeat(b.sequence(more), 0), b.literal("]")};
    const Node options[] = {b.repeat(b.byte('0', '9'), 1, 4), b.sequence(whole)};
    b.define(list, b.either(options));
    return *b.finish(list);
}

std::shared_ptr<const Automaton> any_text() {
    Builder b;
    return *b.finish(b.repeat(b.code_point({}, true), 0));
}

// Texts of which the length is bounded, and lists of such lists: what is repeated is short, can be empty, or
// is made of repetitions itself.
std::shared_ptr<const Automaton> bounded(int kind) {
    Builder b;
    const Node any = b.code_point({}, true), ab = b.byte('a', 'b');
    const Node pairs[] = {ab, b.repeat(b.byte('c', 'z'), 0, 30)};
    const Node word[] = {b.repeat(b.byte('a', 'z'), 1, 40), b.literal(" ")};
    const Node made[] = {b.repeat(any, 0, 45), b.repeat(any, 30, 60), b.repeat(b.repeat(ab, 0, 3), 20, 50),
                         b.repeat(b.sequence(pairs), 19, 60), b.repeat(b.sequence(word), 25, 50)};
    return *b.finish(made[kind]);
}

TEST(TokenTree, HoldsEveryTokenOnceUnderItsBytes) {
    const Words w;
    std::vector<int> seen(static_cast<size_t>(w.tokenizer->vocab_size()));
    std::string path;
    for (const TokenTree::Node& node : w.tree->nodes()) {
        path.resize(node.depth - size_t{1});
        path += static_cast<char>(node.byte);
        for (const int32_t t : w.tree->tokens(node)) {
            EXPECT_EQ(w.tokenizer->bytes(t), path);
            ++seen[static_cast<size_t>(t)];
        }
    }
    for (int32_t t = 0; t < w.tokenizer->vocab_size(); ++t)
        EXPECT_EQ(seen[static_cast<size_t>(t)], w.tokenizer->bytes(t).empty() ? 0 : 1) << t;
    EXPECT_TRUE(w.tokenizer->bytes(w.end).empty());
}

// The mask against the plain way: each token by itself, byte by byte.
TEST(Constraint, MasksAreWhatEachTokenWouldDo) {
    const Words w;
    std::mt19937 random(11);
    std::vector<std::shared_ptr<const Automaton>> automata{lists(), any_text()};
    for (int kind = 0; kind < 5; ++kind) automata.insert(automata.end(), 8, bounded(kind));
    const auto shared = std::make_shared<Constraint>(automata.back(), w.tree);
    for (const auto& automaton : automata) {
        // Several answers of one constraint find each other's masks.
        const bool again = automaton == automata.back();
        Matcher matcher(again ? shared : std::make_shared<Constraint>(automaton, w.tree));
        Positions plain(automaton);
        int32_t place = plain.start();
        for (int step = 0; step < 60 && matcher.can_go_on(); ++step) {
            const auto mask = matcher.allowed();
            std::vector<int32_t> allowed;
            for (int32_t t = 0; t < w.tokenizer->vocab_size(); ++t) {
                int32_t to = place;
                for (const char byte : w.tokenizer->bytes(t)) to = plain.next(to, static_cast<uint8_t>(byte));
                const bool fits = !w.tokenizer->bytes(t).empty() && to != Positions::kNowhere;
                ASSERT_EQ(mask->contains(t), fits) << t;
                if (fits) allowed.push_back(t);
            }
            ASSERT_FALSE(allowed.empty());
            std::sort(allowed.begin(), allowed.end(), [&](int32_t a, int32_t b) {
                return w.tokenizer->bytes(a).size() < w.tokenizer->bytes(b).size();
            });
            // Short tokens mostly, so that texts come near to their bounds slowly.
            const size_t few = random() % 4 == 0 ? allowed.size() : std::min<size_t>(allowed.size(), 40);
            const int32_t t = allowed[random() % few];
            for (const char byte : w.tokenizer->bytes(t))
                place = plain.next(place, static_cast<uint8_t>(byte));
            ASSERT_TRUE(matcher.accept(t));
            ASSERT_EQ(matcher.can_end(), plain.can_end(place));
        }
    }
}

TEST(Constraint, WhatDoesNotFitChangesNothing) {
    const Words w;
    Matcher matcher(std::make_shared<Constraint>(lists(), w.tree));
    const auto token = [&](const char* text) { return w.tokenizer->encode(text).at(0); };
    EXPECT_TRUE(matcher.accept(token("[")));
    EXPECT_FALSE(matcher.accept(token("]")));
    EXPECT_FALSE(matcher.accept(w.end));
    EXPECT_FALSE(matcher.accept(w.think));
    EXPECT_TRUE(matcher.accept(token("7")));
    EXPECT_TRUE(matcher.accept(token("]")));
    EXPECT_TRUE(matcher.can_end());
    EXPECT_FALSE(matcher.can_go_on());
    EXPECT_TRUE(matcher.allowed()->empty());
}

// Answers that share a constraint do not see each other, whatever is forgotten meanwhile.
TEST(Constraint, SharedByManyThreadsStaysWithinItsMemory) {
    const Words w;
    const auto constraint = std::make_shared<Constraint>(lists(), w.tree);
    const auto walk = [&](unsigned seed) {
        std::mt19937 random(seed);
        std::string out;
        Matcher matcher(constraint);
        for (int i = 0; i < 400 && matcher.can_go_on(); ++i) {
            const auto mask = matcher.allowed();
            std::vector<int32_t> all = mask->few;
            for (int32_t t = 0; all.empty() && !mask->many.empty() && t < w.tree->vocab_size(); ++t)
                if (mask->contains(t)) all.push_back(t);
            const int32_t t = all.at(random() % all.size());
            EXPECT_TRUE(matcher.accept(t));
            out += w.tree->bytes(t);
        }
        return out;
    };
    std::vector<std::string> alone, together(8);
    for (unsigned seed = 0; seed < 8; ++seed) alone.push_back(walk(seed));
    std::vector<std::thread> threads;
    for (unsigned seed = 0; seed < 8; ++seed)
        threads.emplace_back([&, seed] {
            for (int i = 0; i < 20; ++i) together[seed] = walk(seed);
        });
    for (auto& t : threads) t.join();
    EXPECT_EQ(alone, together);
    EXPECT_LT(constraint->bytes(), size_t{16} << 20);
}

// Requests that bring ever new grammars leave nothing behind but the last few.
TEST(Constraints, KeepsFewAndKnowsThemAgain) {
    const Words w;
    Constraints constraints(w.tokenizer);
    int compiled = 0;
    const auto get = [&](int number) {
        const auto made = constraints.get(std::to_string(number), [&](Builder& b) -> Result<Node> {
            ++compiled;
            return b.literal(std::to_string(number));
        });
        Matcher matcher(*made);
        EXPECT_FALSE(matcher.allowed()->empty());
        return *made;
    };
    const auto first = get(0);
    EXPECT_EQ(get(0), first);
    EXPECT_EQ(compiled, 1);
    for (int number = 1; number < 10'000; ++number) {
        get(number);
        ASSERT_LE(constraints.kept(), Constraints::kKept);
    }
    EXPECT_NE(get(0), first);
    const auto failed = constraints.get("bad", [](Builder& b) -> Result<Node> { return b.either({}); });
    EXPECT_FALSE(failed);
    EXPECT_LE(constraints.kept(), Constraints::kKept);
}

}  // namespace
}  // namespace sluice::grammar
