#include "engine/sampling/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <set>

#include "engine/sampling/philox.h"
#include "kernels/backend.h"

namespace sluice::sampling {
namespace {

std::vector<float> random_logits(size_t n, uint32_t seed, float spread = 2) {
    std::mt19937 rng(seed);
    std::normal_distribution<float> normal(0, spread);
    std::vector<float> v(n);
    for (float& x : v) x = normal(rng);
    return v;
}

const kernels::LogitOps& ops() {
    static const auto backend = kernels::make_cpu_backend({1, ""});
    return backend->logit_ops();
}

Result<Choice> sample(const Sampler& sampler, const std::vector<float>& logits, int64_t position = 0,
                      uint64_t choice = 0, std::span<const int32_t> banned = {}) {
    std::vector<float> row = logits;
    auto chosen = sampler.sample(ops(), row, choice, position, banned);
    if (chosen) {
        EXPECT_EQ(row, logits) << "the row is not put back";
    }
    return chosen;
}

int32_t token_of(const Params& p, const std::vector<float>& logits, int64_t position = 0, uint64_t choice = 0,
                 std::span<const int32_t> banned = {}) {
    const auto c = sample(Sampler(p, {}), logits, position, choice, banned);
    EXPECT_TRUE(c.has_value());
    return c->token;
}

// Known answers of the paper's reference code (Random123, kat_vectors).
TEST(Philox, KnownAnswers) {
    using A = std::array<uint32_t, 4>;
    EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}), (A{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
    constexpr uint32_t f = 0xffffffff;
    EXPECT_EQ(philox4x32({f, f, f, f}, {f, f}), (A{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
    EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
              (A{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Sampler, GreedyTakesTheLargestAndTheLowerIdOfEquals) {
    Params p;
    p.temperature = 0;
    EXPECT_EQ(token_of(p, std::vector<float>{1, 3, 3, 2}), 1);
}

// Which tokens can come out at all, by brute force over a fully sorted row.
std::set<int32_t> allowed(const Params& p, std::span<const float> logits) {
    std::vector<int32_t> order(logits.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return logits[a] > logits[b]; });
    if (p.top_k > 0) order.resize(std::min(order.size(), static_cast<size_t>(p.top_k)));
    const auto w = [&](int32_t t) {
        return std::exp((logits[t] - logits[order[0]]) / static_cast<double>(p.temperature));
    };
    double total = 0, sum = 0;
    for (const int32_t t : order) total += w(t);
    std::set<int32_t> out;
    for (const int32_t t : order) {
        if (w(t) >= static_cast<double>(p.min_p)) out.insert(t);
        sum += w(t);
        if (sum >= static_cast<double>(p.top_p) * total) break;
    }
    return out;
}

TEST(Sampler, FiltersAgreeWithASortedRow) {
    for (uint32_t round = 0; round < 60; ++round) {
        const auto logits = random_logits(300, round);
        Params p;
        p.seed = round;
        p.temperature = 0.5f + static_cast<float>(round % 4);
        p.top_k = round % 3 == 0 ? 5 : round % 3 == 1 ? 40 : 0;
        p.top_p = round % 2 ? 0.7f : 1.0f;
        p.min_p = round % 5 == 0 ? 0.1f : 0.0f;
        const auto may = allowed(p, logits);
        std::set<int32_t> seen;
        for (int64_t i = 0; i < 2000; ++i) seen.insert(token_of(p, logits, i));
        EXPECT_TRUE(std::includes(may.begin(), may.end(), seen.begin(), seen.end())) << "round " << round;
        if (may.size() <= 5) {
            EXPECT_EQ(seen, may) << "round " << round;
        }
    }
}

// The definition, with the library's exp and one walk over everything.
int32_t defined(const Params& p, const std::vector<float>& logits, int64_t position) {
    struct Token {
        int32_t id;
        double weight;
    };
    const double max = double{*std::max_element(logits.begin(), logits.end())};
    std::vector<Token> tokens;
    for (size_t i = 0; i < logits.size(); ++i)
        tokens.push_back(
            {static_cast<int32_t>(i), std::exp((double{logits[i]} - max) / double{p.temperature})});
    const auto likelier = [](const Token& a, const Token& b) {
        return a.weight != b.weight ? a.weight > b.weight : a.id < b.id;
    };
    const auto total = [&] {
        return std::accumulate(tokens.begin(), tokens.end(), 0.0,
                               [](double s, auto& t) { return s + t.weight; });
    };
    if (p.top_k > 0) {
        std::sort(tokens.begin(), tokens.end(), likelier);
        tokens.resize(std::min(tokens.size(), static_cast<size_t>(p.top_k)));
        std::sort(tokens.begin(), tokens.end(), [](auto& a, auto& b) { return a.id < b.id; });
    }
    if (p.top_p < 1) {
        const double mass = double{p.top_p} * total();
        std::sort(tokens.begin(), tokens.end(), likelier);
        double sum = 0;
        size_t kept = 0;
        while (kept < tokens.size() && sum < mass) sum += tokens[kept++].weight;
        tokens.resize(kept);
    }
    std::erase_if(tokens, [&](auto& t) { return t.weight < double{p.min_p}; });
    double left = uniform(p.seed, 0, static_cast<uint64_t>(position)) * total();
    for (const Token& t : tokens)
        if ((left -= t.weight) < 0) return t.id;
    return tokens.back().id;
}

// Sizes around those of chunks, rows sharp and flat, every filter by itself and together.
TEST(Sampler, DrawsAreThoseOfTheDefinition) {
    std::mt19937 rng(4);
    std::set<int32_t> seen;
    for (uint32_t round = 0; round < 3000; ++round) {
        const size_t sizes[] = {1, 5, 127, 128, 129, 300, 2000, 20000};
        const size_t size = sizes[round % (round % 50 == 0 ? 8 : 7)];
        const auto logits = random_logits(size, round, round % 3 == 0 ? 0.01f : round % 3 == 1 ? 2.0f : 9.0f);
        Params p;
        p.seed = round;
        p.temperature = round % 5 == 0 ? 0.05f : round % 5 == 1 ? 3.0f : 0.8f;
        p.top_k = rng() % 3 ? 0 : static_cast<int32_t>(1 + rng() % (rng() % 2 ? 8 : 400));
        p.top_p = rng() % 3 ? 1.0f : rng() % 2 ? 0.9f : 0.99999f;
        p.min_p = rng() % 3 ? 0.0f : rng() % 2 ? 0.2f : 1e-6f;
        const int32_t token = token_of(p, logits, round);
        ASSERT_EQ(token, defined(p, logits, round))
            << "round " << round << ", " << size << " tokens, top_k " << p.top_k << ", top_p " << p.top_p
            << ", min_p " << p.min_p;
        seen.insert(token);
    }
    EXPECT_GT(seen.size(), 200u);
}

TEST(Sampler, EqualLogitsAreCutAtTheLowerIds) {
    Params p;
    p.top_k = 3;
    std::vector<float> logits(1000, 1.0f);
    logits[900] = 2.0f;
    std::set<int32_t> seen;
    for (int64_t i = 0; i < 300; ++i) seen.insert(token_of(p, logits, i));
    EXPECT_EQ(seen, (std::set<int32_t>{0, 1, 900}));
}

// Pearson's test: 20,000 draws from 8 tokens; 24.3 is the 99.9 % point with 7 degrees of freedom.
TEST(Sampler, DrawsFollowTheDistribution) {
    const std::vector<float> logits{0, 1, 2, 0.5f, -1, 1.5f, 0.2f, -0.3f};
    Params p;
    p.seed = 12345;
    std::vector<double> count(8, 0);
    constexpr int draws = 20000;
    for (int64_t i = 0; i < draws; ++i) ++count[static_cast<size_t>(token_of(p, logits, i))];
    double total = 0, chi = 0;
    for (const float l : logits) total += std::exp(l);
    for (size_t i = 0; i < 8; ++i) {
        const double expected = draws * std::exp(logits[i]) / total;
        chi += (count[i] - expected) * (count[i] - expected) / expected;
    }
    EXPECT_LT(chi, 24.3);
}

TEST(Sampler, SeedChoiceAndPositionFixTheDraw) {
    const auto logits = random_logits(1000, 5, 0.1f);
    Params p;
    p.seed = 9;
    EXPECT_EQ(token_of(p, logits, 3), token_of(p, logits, 3));
    std::set<int32_t> by_position, by_choice;
    for (uint64_t i = 0; i < 20; ++i) {
        by_position.insert(token_of(p, logits, static_cast<int64_t>(i)));
        by_choice.insert(token_of(p, logits, 0, i));
    }
    EXPECT_GT(by_position.size(), 10u);
    EXPECT_GT(by_choice.size(), 10u);
}

TEST(Sampler, PenaltiesByTheirFormulas) {
    Params p;
    p.temperature = 0;
    p.repetition_penalty = 2;
    const std::vector<int32_t> prompt{0};
    EXPECT_EQ(sample(Sampler(p, prompt), {3, 2, -1})->token, 1);  // 3 / 2 < 2
    Params f;
    f.temperature = 0;
    f.frequency_penalty = 0.6f;
    f.presence_penalty = 0.5f;
    Sampler s(f, {});
    const std::vector<float> logits{2, 1, 0};
    EXPECT_EQ(sample(s, logits, 0)->token, 0);
    s.accept(0);  // 2 - 0.6 - 0.5 = 0.9
    EXPECT_EQ(sample(s, logits, 1)->token, 1);
    s.accept(1);  // 1 - 1.1 < 0
    EXPECT_EQ(sample(s, logits, 2)->token, 0);
    s.accept(0);  // 2 - 1.2 - 0.5 = 0.3
    EXPECT_EQ(sample(s, logits, 3)->token, 0);
    s.accept(0);  // below 0
    EXPECT_EQ(sample(s, logits, 4)->token, 2);
}

TEST(Sampler, APenaltyCloseToZeroLeavesNumbers) {
    const std::vector<int32_t> prompt{0, 2, 3};
    for (const float penalty : {0.0f, 1e-45f, 1e-38f}) {
        for (const float temperature : {0.0f, 1e-45f, 1.0f}) {
            Params p;
            p.repetition_penalty = penalty;
            p.temperature = temperature;
            const auto chosen = sample(Sampler(p, prompt), {3, 2, 0, -1});
            ASSERT_TRUE(chosen) << penalty << " " << temperature << ": " << chosen.error().message;
            EXPECT_EQ(chosen->token, 0);
        }
    }
}

TEST(Sampler, BiasAndBans) {
    Params p;
    p.temperature = 0;
    p.logit_bias = {{2, 100.0f}, {0, -100.0f}};
    EXPECT_EQ(token_of(p, std::vector<float>{5, 1, 0}), 2);
    const std::vector<int32_t> banned{2};
    EXPECT_EQ(token_of(p, std::vector<float>{5, 1, 0}, 0, 0, banned), 1);
}

TEST(Sampler, LogprobsAreOfTheRawRow) {
    Params p;
    p.temperature = 0;
    p.top_logprobs = 3;
    p.logit_bias = {{1, 50.0f}};
    const auto logits = random_logits(50, 8);
    const auto c = sample(Sampler(p, {}), logits);
    ASSERT_TRUE(c.has_value());
    double sum = 0;
    for (const float l : logits) sum += std::exp(static_cast<double>(l));
    EXPECT_EQ(c->token, 1);
    EXPECT_NEAR(c->logprob, logits[1] - std::log(sum), 1e-5);
    ASSERT_EQ(c->top.size(), 3u);
    EXPECT_EQ(c->top[0].first, std::max_element(logits.begin(), logits.end()) - logits.begin());
    EXPECT_GE(c->top[0].second, c->top[1].second);
    EXPECT_GE(c->top[1].second, c->top[2].second);
}

TEST(Sampler, RowsThatCannotBeSampledAreErrors) {
    constexpr float nan = std::numeric_limits<float>::quiet_NaN();
    constexpr float inf = std::numeric_limits<float>::infinity();
    for (const auto& row :
         {std::vector<float>{1, nan, 2}, std::vector<float>{-inf, -inf}, std::vector<float>{1, inf}}) {
        const auto c = sample(Sampler({}, {}), row);
        ASSERT_FALSE(c.has_value());
        EXPECT_EQ(c.error().kind, ErrorKind::internal);
    }
}

// The same as a row in which all that is not allowed has no probability.
TEST(Sampler, KeepsToWhatIsAllowed) {
    const auto logits = random_logits(1000, 4);
    std::mt19937 random(9);
    for (const size_t count : {1u, 3u, 60u, 900u}) {
        std::vector<int32_t> few;
        for (int32_t t = 0; t < 1000; ++t)
            if (random() % 1000 < count) few.push_back(t);
        few.push_back(999);
        std::vector<uint64_t> many(16);
        for (const int32_t t : few) many[static_cast<size_t>(t) / 64] |= uint64_t{1} << (t % 64);
        const std::vector<int32_t> ends{5};
        std::vector<float> masked(logits.size(), -std::numeric_limits<float>::infinity());
        for (const int32_t t : few) masked[static_cast<size_t>(t)] = logits[static_cast<size_t>(t)];
        masked[5] = logits[5];
        Params p;
        p.top_k = count == 60 ? 20 : 0;
        p.top_p = count == 900 ? 0.9f : 1;
        p.frequency_penalty = 0.5f;
        p.logit_bias = {{999, 2.0f}, {1, 50.0f}};
        const Sampler sampler(p, {});
        for (int64_t position = 0; position < 200; ++position) {
            std::vector<float> row = logits;
            const auto want = sample(sampler, masked, position);
            const Allowed as_list{few, {}, ends}, as_bits{{}, many, ends};
            ASSERT_EQ(sampler.sample(ops(), row, 0, position, {}, &as_list)->token, want->token);
            ASSERT_EQ(sampler.sample(ops(), row, 0, position, {}, &as_bits)->token, want->token);
            ASSERT_EQ(row, logits);
        }
    }
    std::vector<float> row = logits;
    const Allowed nothing{};
    EXPECT_FALSE(Sampler(Params{}, {}).sample(ops(), row, 0, 0, {}, &nothing));
}

}  // namespace
}  // namespace sluice::sampling
