#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <stdexcept>

#include "kernels/cpu/isa.h"
#include "kernels/half.h"
#include "tests/kernels/data.h"

namespace sluice::kernels {
namespace {

TEST(Vector, silu_and_softmax_are_accurate) {
    for (const std::string& name : available_cpu_isas()) {
        const cpu::Isa& isa = *cpu::find_isa(name);
        std::vector<float> x, ones, y;
        for (float v = -86.0f; v < 86.0f; v += 0.0137f) x.push_back(v);
        ones.assign(x.size(), 1.0f);
        y.resize(x.size());
        isa.silu_mul(x.data(), ones.data(), y.data(), static_cast<int64_t>(x.size()));
        for (size_t i = 0; i < x.size(); ++i) {
            const double want = x[i] / (1.0 + std::exp(-double{x[i]}));
            ASSERT_NEAR(y[i], want, 3e-6 * std::fabs(want) + 1e-37) << name << " silu(" << x[i] << ")";
        }
        std::vector<float> p(3);
        const float logits[] = {1000.0f, 999.0f, -1000.0f};
        isa.softmax(logits, p.data(), 3);
        EXPECT_NEAR(p[0], 1.0 / (1.0 + std::exp(-1.0)), 1e-6);
        EXPECT_EQ(p[2], 0.0f);
    }
}

TEST(Vector, logit_ops_keep_their_definitions) {
    constexpr float inf = std::numeric_limits<float>::infinity();
    std::mt19937 rng(53);
    for (const std::string& name : available_cpu_isas()) {
        const LogitOps& ops = cpu::find_isa(name)->logits;
        auto x = test::gaussian(rng, 1000, 60.0f);
        x[3] = -inf;
        float maxima[8];
        EXPECT_TRUE(ops.maxima(x.data(), 1000, maxima));
        for (size_t c = 0; c < 8; ++c)
            EXPECT_EQ(maxima[c],
                      *std::max_element(x.begin() + c * 128, x.begin() + std::min(1000ul, c * 128 + 128)));
        const double greatest = double{*std::max_element(maxima, maxima + 8)};
        std::vector<double> w(1000);
        double masses[8], sums[8] = {};
        ops.weights(x.data(), 1000, greatest, 1.7, w.data());
        ops.masses(x.data(), 1000, greatest, 1.7, masses);
        for (size_t i = 0; i < x.size(); ++i) {
            const double want = std::exp((double{x[i]} - greatest) * 1.7);
            EXPECT_NEAR(w[i], want, 1e-15 * want + 1e-307) << name << " logit " << x[i];
            sums[i / 128] += want;
        }
        for (size_t c = 0; c < 8; ++c) EXPECT_NEAR(masses[c], sums[c], 1e-14 * sums[c]) << name;
        EXPECT_EQ(w[3], 0);
        const float greatest_alone[] = {static_cast<float>(greatest)};
        ops.weights(greatest_alone, 1, greatest, 1.7, w.data());
        EXPECT_EQ(w[0], 1);
        for (const float wrong : {inf, std::numeric_limits<float>::quiet_NaN()}) {
            for (const size_t at : {0ul, 130ul, 999ul}) {
                auto y = x;
                y[at] = wrong;
                EXPECT_FALSE(ops.maxima(y.data(), 1000, maxima)) << name << " " << wrong << " at " << at;
            }
        }
    }
}

TEST(Vector, rms_norm_matches_the_oracle_in_place_too) {
    std::mt19937 rng(51);
    const auto oracle = make_reference_backend();
    for (const int64_t cols : {4, 20, 64, 128, 2048}) {
        const auto x = test::gaussian(rng, 9 * cols, 3.0f), w = test::gaussian(rng, cols);
        std::vector<float> want(x.size());
        oracle->rms_norm({x.data(), w.data(), want.data(), 9, cols, 1e-6f});
        for (const auto& backend : test::cpu_backends(2)) {
            std::vector<float> y = x;
            backend->rms_norm({y.data(), w.data(), y.data(), 9, cols, 1e-6f});
            for (size_t i = 0; i < y.size(); ++i)
                ASSERT_NEAR(y[i], want[i], 2e-6 * std::fabs(want[i]) + 1e-12);
        }
    }
}

TEST(Vector, rope_rotates_pairs_of_both_kinds_and_leaves_the_rest) {
    const int64_t half = 2;
    const float cos[] = {std::cos(0.3f), std::cos(1.1f)}, sin[] = {std::sin(0.3f), std::sin(1.1f)};
    for (const auto& backend : test::cpu_backends(1)) {
        std::vector<float> x{1, 2, 3, 4, 5, 6}, y = x, k = x;  // one head of 6, of which 4 rotate
        std::vector<std::byte> keys(6 * kBlockTokens * 4), values(keys.size());
        const KvLayer cache{DType::f32, 1, 1, 6, keys.data(), values.data()};
        const std::vector<int32_t> zero{0};
        const auto rotate = [&](std::vector<float>& q, bool interleaved) {
            backend->rope_kv({q.data(),
                              k.data(),
                              k.data(),
                              nullptr,
                              nullptr,
                              0,
                              cos,
                              sin,
                              1,
                              2 * half,
                              interleaved,
                              {zero, zero, zero},
                              cache});
        };
        rotate(x, false);
        EXPECT_EQ(k, x);  // a key is a head like any other
        EXPECT_NEAR(x[0], 1 * cos[0] - 3 * sin[0], 1e-6);
        EXPECT_NEAR(x[2], 1 * sin[0] + 3 * cos[0], 1e-6);
        EXPECT_NEAR(x[1], 2 * cos[1] - 4 * sin[1], 1e-6);
        EXPECT_EQ(x[4], 5);
        rotate(y, true);
        EXPECT_NEAR(y[0], 1 * cos[0] - 2 * sin[0], 1e-6);
        EXPECT_NEAR(y[3], 3 * sin[1] + 4 * cos[1], 1e-6);
        EXPECT_EQ(y[5], 6);
    }
}

// Heads of each token normalised by w and then rotated, as the formulas say.
std::vector<float> heads_in_double(const std::vector<float>& x, size_t heads, const std::vector<float>& w,
                                   const std::vector<float>& cos, const std::vector<float>& sin) {
    const size_t dim = w.size(), half = dim / 2;
    std::vector<float> y(x.size());
    for (size_t begin = 0; begin < x.size(); begin += dim) {
        double squares = 0;
        for (size_t d = 0; d < dim; ++d) squares += double{x[begin + d]} * double{x[begin + d]};
        const double scale = 1 / std::sqrt(squares / static_cast<double>(dim) + 1e-6);
        const size_t angles = begin / dim / heads * half;
        for (size_t i = 0; i < half; ++i) {
            const double a = x[begin + i] * scale * w[i], b = x[begin + half + i] * scale * w[half + i];
            y[begin + i] = static_cast<float>(a * cos[angles + i] - b * sin[angles + i]);
            y[begin + half + i] = static_cast<float>(a * sin[angles + i] + b * cos[angles + i]);
        }
    }
    return y;
}

// Whether element `at` of a tile is the value, rounded to its type.
bool holds(DType type, const std::byte* tile, int64_t at, float value) {
    if (type == DType::f32) return std::memcmp(tile + at * 4, &value, sizeof value) == 0;
    const uint16_t half = type == DType::f16 ? f16_from_f32(value) : bf16_from_f32(value);
    return std::memcmp(tile + at * 2, &half, sizeof half) == 0;
}

TEST(Vector, heads_are_normalised_then_rotated_and_keys_and_values_stored) {
    std::mt19937 rng(53);
    constexpr int64_t kHeads = 4, kTokens = 5;
    for (const int32_t dim : {6, 64, 80, 128}) {
        const int64_t half = dim / 2;
        const auto q = test::gaussian(rng, kTokens * kHeads * dim, 3.0f),
                   k = test::gaussian(rng, kTokens * 2 * dim), v = test::gaussian(rng, kTokens * 2 * dim),
                   w = test::gaussian(rng, dim);
        std::vector<float> cos, sin;
        for (const float angle : test::gaussian(rng, kTokens * half)) {
            cos.push_back(std::cos(angle));
            sin.push_back(std::sin(angle));
        }
        const std::vector<int32_t> positions{30, 31, 32, 33, 34}, begin(kTokens, 0), table{1, 0};
        for (const DType type : {DType::f16, DType::bf16, DType::f32}) {
            const auto run = [&](Backend& backend) {
                KvLayer cache{type, 2, 2, dim, nullptr, nullptr};
                std::vector<std::byte> keys(cache.tile(2, 0)), values(keys.size());
                cache.keys = keys.data();
                cache.values = values.data();
                std::vector<float> out = q, own = k;
                backend.rope_kv({out.data(),
                                 own.data(),
                                 v.data(),
                                 w.data(),
                                 w.data(),
                                 1e-6f,
                                 cos.data(),
                                 sin.data(),
                                 kHeads,
                                 2 * half,
                                 false,
                                 {positions, begin, table},
                                 cache});
                out.insert(out.end(), own.begin(), own.end());
                return std::tuple(out, keys, values);
            };
            const std::vector<float> want_q = heads_in_double(q, kHeads, w, cos, sin),
                                     want_k = heads_in_double(k, 2, w, cos, sin);
            const auto [first, keys, values] = run(*make_cpu_backend({1, "scalar"}));
            for (size_t i = 0; i < q.size(); ++i) ASSERT_NEAR(first[i], want_q[i], 1e-5);
            for (size_t i = 0; i < k.size(); ++i) ASSERT_NEAR(first[q.size() + i], want_k[i], 1e-5);
            const KvLayer cache{type, 2, 2, dim, nullptr, nullptr};
            for (int64_t i = 0; i < std::ssize(v); ++i) {
                const int64_t token = i / (2 * dim), head = i / dim % 2, d = i % dim;
                const int32_t position = positions[static_cast<size_t>(token)];
                const size_t tile = cache.tile(table[static_cast<size_t>(position / kBlockTokens)],
                                               static_cast<int32_t>(head));
                const int64_t slot = position % kBlockTokens;
                const auto at = static_cast<size_t>(i);
                ASSERT_TRUE(holds(type, keys.data() + tile, cache.key_at(slot, d), first[q.size() + at]));
                ASSERT_TRUE(holds(type, values.data() + tile, cache.value_at(slot, d), v[at]));
            }
            for (const auto& backend : test::cpu_backends(2))
                EXPECT_EQ(run(*backend), std::tuple(first, keys, values)) << backend->name() << " " << dim;
        }
    }
}

TEST(Vector, embed_gives_the_rows_of_the_table) {
    std::mt19937 rng(52);
    const test::Matrix table = test::random_matrix(rng, DType::q4_k, 10, 512);
    const std::vector<int32_t> tokens{3, 9, 0, 3};
    std::vector<float> want(4 * 512), got(4 * 512);
    make_reference_backend()->embed({table.view(), tokens, want.data()});
    for (const auto& backend : test::cpu_backends(3)) {
        backend->embed({table.view(), tokens, got.data()});
        EXPECT_EQ(got, want);
    }
    EXPECT_TRUE(std::equal(got.begin(), got.begin() + 512, got.begin() + 3 * 512));
}

TEST(Vector, parallel_does_each_task_once_and_throws_again) {
    std::vector<std::unique_ptr<Backend>> backends = test::cpu_backends(3);
    backends.push_back(make_reference_backend());
    for (const auto& backend : backends) {
        std::vector<int> done(100);
        backend->parallel(100, [&](int64_t i) { ++done[static_cast<size_t>(i)]; });
        EXPECT_EQ(done, std::vector<int>(100, 1));
        const auto fail = [](int64_t i) {
            if (i == 50) throw std::runtime_error("task 50");
        };
        EXPECT_THROW(backend->parallel(100, fail), std::runtime_error);
        backend->parallel(100, [&](int64_t i) { ++done[static_cast<size_t>(i)]; });
        EXPECT_EQ(done, std::vector<int>(100, 2));
    }
}

}  // namespace
}  // namespace sluice::kernels
