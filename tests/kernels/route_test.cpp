#include "kernels/route.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "tests/kernels/data.h"

namespace sluice::kernels {
namespace {

struct Routed {
    std::vector<int32_t> expert, begin, row;
    std::vector<float> weight;
};

Routed route(Backend& backend, const std::vector<float>& logits, int64_t experts, int64_t top_k,
             bool renormalise = true) {
    const auto tokens = static_cast<int64_t>(logits.size()) / experts;
    Routed r;
    r.expert.resize(static_cast<size_t>(tokens * top_k));
    r.row = r.expert;
    r.weight.resize(r.expert.size());
    r.begin.resize(static_cast<size_t>(experts + 1));
    backend.route({logits.data(), tokens, experts, top_k, renormalise, 1.0f, r.expert.data(), r.weight.data(),
                   r.begin.data(), r.row.data()});
    return r;
}

TEST(Route, picks_the_likeliest_and_groups_them) {
    std::mt19937 rng(41);
    for (const auto& [tokens, experts, top_k] : {std::tuple{1, 8, 2}, {5, 16, 1}, {33, 128, 8}, {3, 7, 7}}) {
        const auto logits = test::gaussian(rng, tokens * experts);
        for (const auto& backend : test::cpu_backends(2)) {
            const Routed r = route(*backend, logits, experts, top_k);
            for (int64_t t = 0; t < tokens; ++t) {
                const float* x = logits.data() + t * experts;
                std::vector<int32_t> order(static_cast<size_t>(experts));
                for (int32_t e = 0; e < experts; ++e) order[static_cast<size_t>(e)] = e;
                std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return x[a] > x[b]; });
                order.resize(static_cast<size_t>(top_k));
                std::sort(order.begin(), order.end());
                double sum = 0;
                for (const int32_t e : order) sum += std::exp(double{x[e]});
                for (int64_t j = 0; j < top_k; ++j) {
                    const auto at = static_cast<size_t>(t * top_k + j);
                    EXPECT_EQ(r.expert[at], order[static_cast<size_t>(j)]);
                    EXPECT_NEAR(r.weight[at], std::exp(double{x[order[static_cast<size_t>(j)]]}) / sum, 2e-6);
                }
            }
            ASSERT_EQ(r.begin.front(), 0);
            ASSERT_EQ(r.begin.back(), tokens * top_k);
            for (int32_t e = 0; e < experts; ++e) {
                int32_t previous = -1;
                for (int32_t i = r.begin[static_cast<size_t>(e)]; i < r.begin[static_cast<size_t>(e) + 1];
                     ++i) {
                    const int32_t slot = r.row[static_cast<size_t>(i)];
                    EXPECT_EQ(r.expert[static_cast<size_t>(slot)], e);
                    EXPECT_GT(slot, previous);
                    previous = slot;
                }
            }
        }
    }
}

TEST(Route, ties_go_to_the_lower_expert) {
    for (const auto& backend : test::cpu_backends(1)) {
        const Routed r = route(*backend, {0, 1, 1, 0, 1, 1}, 6, 3);
        EXPECT_EQ(r.expert, (std::vector<int32_t>{1, 2, 4}));
    }
}

TEST(Route, weights_are_probabilities_unless_renormalised) {
    for (const auto& backend : test::cpu_backends(1)) {
        const Routed r = route(*backend, {0, 0, 0, 0}, 4, 2, false);
        EXPECT_FLOAT_EQ(r.weight[0], 0.25f);
        EXPECT_FLOAT_EQ(route(*backend, {0, 0, 0, 0}, 4, 2).weight[0], 0.5f);
    }
}

TEST(Route, broken_logits_still_give_distinct_experts) {
    const float nan = NAN;
    for (const auto& backend : test::cpu_backends(1)) {
        const Routed r = route(*backend, {nan, nan, nan, nan, 1, nan, 2, INFINITY}, 4, 3);
        for (size_t t = 0; t < 2; ++t) {
            const std::set<int32_t> distinct(r.expert.begin() + static_cast<long>(t) * 3,
                                             r.expert.begin() + static_cast<long>(t + 1) * 3);
            EXPECT_EQ(distinct.size(), 3u);
            EXPECT_GE(*distinct.begin(), 0);
            EXPECT_LT(*distinct.rbegin(), 4);
        }
    }
}

}  // namespace
}  // namespace sluice::kernels
