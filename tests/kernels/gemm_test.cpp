// Linear layers and feed-forwards against the oracle. Two bounds: with the activations rounded as the kernel
// rounds them only f32 rounding is left; with float activations also the rounding to 8 bits.
#include <gtest/gtest.h>

#include <cstring>

#include "kernels/cpu/activation.h"
#include "kernels/cpu/isa.h"
#include "tests/kernels/data.h"

namespace sluice::kernels {
namespace {

using test::Matrix, test::rounded;

std::vector<float> linear(Backend& backend, const std::vector<float>& x, const Matrix& w,
                          const float* bias = nullptr) {
    const int64_t tokens = static_cast<int64_t>(x.size()) / w.cols;
    std::vector<float> y(static_cast<size_t>(tokens * w.rows));
    const LinearPart part{w.view(), bias, y.data()};
    backend.linear({x.data(), tokens, {&part, 1}});
    return y;
}

TEST(Gemm, linear_is_exact_but_for_rounding) {
    std::mt19937 rng(1);
    const auto oracle = make_reference_backend();
    for (const DType type : test::kAllTypes) {
        for (const auto& [rows, cols, tokens] :
             {std::tuple{7, 256, 1}, {64, 512, 3}, {33, 768, 8}, {130, 2048, 17}}) {
            const Matrix w = test::random_matrix(rng, type, rows, cols);
            auto x = test::gaussian(rng, tokens * cols);
            for (size_t i = 0; i < x.size(); i += 97) x[i] *= 8.0f;  // heavy tails, as activations have
            const bool is_float = cpu::act_format(type) == cpu::ActFormat::f32;
            const auto exact = linear(*oracle, rounded(x, cols, type), w), whole = linear(*oracle, x, w);
            for (const auto& backend : test::cpu_backends(2)) {
                const auto y = linear(*backend, x, w);
                EXPECT_LE(test::nmse(y, exact), is_float ? 1e-10 : 1e-12)
                    << backend->name() << " " << test::name_of(type);
                EXPECT_LE(test::nmse(y, whole), 5e-4) << backend->name() << " " << test::name_of(type);
            }
        }
    }
}

TEST(Gemm, rounding_activations_to_8_bits_costs_little) {
    std::mt19937 rng(2);
    const auto oracle = make_reference_backend();
    for (const DType type : {DType::q4_k, DType::q6_k, DType::q8_0}) {
        const Matrix w = test::random_matrix(rng, type, 256, 2048);
        const auto x = test::gaussian(rng, 16 * 2048);
        const auto y = linear(*test::cpu_backends(1).back(), x, w);
        EXPECT_LE(test::nmse(y, linear(*oracle, x, w)), type == DType::q8_0 ? 5e-5 : 1e-4)
            << test::name_of(type);
    }
}

TEST(Gemm, a_norm_before_a_layer_is_rms_norm) {
    std::mt19937 rng(9);
    const auto oracle = make_reference_backend();
    for (const DType type : {DType::q4_k, DType::q8_0, DType::f32}) {
        const Matrix w = test::random_matrix(rng, type, 40, 512);
        const auto x = test::gaussian(rng, 7 * 512, 3.0f), norm = test::gaussian(rng, 512);
        const auto run = [&](Backend& backend) {
            std::vector<float> y(7 * 40);
            const LinearPart part[] = {{w.view(), nullptr, y.data()}};
            backend.linear({x.data(), 7, part, norm.data(), 1e-6f});
            return y;
        };
        for (const auto& backend : test::cpu_backends(2)) {
            std::vector<float> h(x.size());
            backend->rms_norm({x.data(), norm.data(), h.data(), 7, 512, 1e-6f});
            EXPECT_EQ(run(*backend), linear(*backend, h, w)) << backend->name();
            EXPECT_LE(test::nmse(run(*backend), run(*oracle)), 5e-4) << backend->name();
        }
    }
}

TEST(Gemm, float_rows_of_any_length) {
    std::mt19937 rng(3);
    const auto oracle = make_reference_backend();
    for (const DType type : {DType::f32, DType::f16, DType::bf16}) {
        for (const int64_t cols : {1, 2, 15, 17, 48, 100}) {
            const Matrix w = test::random_matrix(rng, type, 5, cols);
            const auto x = test::gaussian(rng, 3 * cols);
            for (const auto& backend : test::cpu_backends(1))
                EXPECT_LE(test::nmse(linear(*backend, x, w), linear(*oracle, x, w)), 1e-10)
                    << backend->name() << cols;
        }
    }
}

TEST(Gemm, bias_accumulation_and_several_parts) {
    std::mt19937 rng(4);
    const Matrix a = test::random_matrix(rng, DType::q4_k, 40, 256),
                 b = test::random_matrix(rng, DType::q8_0, 24, 256),
                 c = test::random_matrix(rng, DType::f32, 9, 256);
    const auto x = test::gaussian(rng, 5 * 256), bias = test::gaussian(rng, 40);
    for (const auto& backend : test::cpu_backends(2)) {
        std::vector<float> ya(5 * 40), yb(5 * 24, 1.0f), yc(5 * 9);
        const LinearPart parts[] = {{a.view(), bias.data(), ya.data()},
                                    {b.view(), nullptr, yb.data(), true},
                                    {c.view(), nullptr, yc.data()}};
        backend->linear({x.data(), 5, parts});
        EXPECT_EQ(ya, linear(*backend, x, a, bias.data()));
        auto plain = linear(*backend, x, b);
        for (float& v : plain) v = 1.0f + v;
        EXPECT_EQ(yb, plain);
        EXPECT_EQ(yc, linear(*backend, x, c));
    }
}

// One token's result must not depend on who else is in the batch, or on threads.
TEST(Gemm, results_do_not_depend_on_the_batch_or_the_threads) {
    std::mt19937 rng(5);
    for (const DType type : test::kAllTypes) {
        const Matrix w = test::random_matrix(rng, type, 72, 512);
        const auto x = test::gaussian(rng, 19 * 512);
        std::vector<float> first;
        for (const int threads : {1, 2, 3, 5}) {
            for (const auto& backend : test::cpu_backends(threads)) {
                const auto all = linear(*backend, x, w);
                if (first.empty()) first = all;
                ASSERT_EQ(0, std::memcmp(all.data(), first.data(), all.size() * 4))
                    << backend->name() << threads;
                for (size_t t = 0; t < 19; t += 6) {
                    const std::vector<float> one(x.begin() + static_cast<long>(t) * 512,
                                                 x.begin() + static_cast<long>(t + 1) * 512);
                    const auto y = linear(*backend, one, w);
                    ASSERT_EQ(0, std::memcmp(y.data(), first.data() + t * 72, 72 * 4)) << test::name_of(type);
                }
            }
        }
    }
}

// A mixture layer's inputs with room for the router's answers.
struct Moe {
    Moe(std::mt19937& rng, DType type, int64_t tokens_in, int64_t experts_in, int64_t top_k_in)
        : tokens(tokens_in),
          experts(experts_in),
          top_k(top_k_in),
          gate(test::random_matrix(rng, type, experts * kFfn, kHidden)),
          up(test::random_matrix(rng, type, experts * kFfn, kHidden)),
          down(test::random_matrix(rng, type, experts * kHidden, kFfn)),
          x(test::gaussian(rng, tokens * kHidden)),
          y0(test::gaussian(rng, tokens * kHidden)),
          logits(test::gaussian(rng, tokens * experts)) {}

    std::vector<float> run(Backend& backend) const {
        std::vector<int32_t> expert(static_cast<size_t>(tokens * top_k)), row(expert.size()),
            begin(static_cast<size_t>(experts + 1));
        std::vector<float> weight(expert.size()), y = y0;
        const Route route{logits.data(), tokens,        experts,       top_k,        true,
                          1.0f,          expert.data(), weight.data(), begin.data(), row.data()};
        backend.moe_ffn(
            {x.data(), y.data(), route, gate.stack(experts), up.stack(experts), down.stack(experts)});
        return y;
    }

    static constexpr int64_t kHidden = 256, kFfn = 256;
    int64_t tokens, experts, top_k;
    Matrix gate, up, down;
    std::vector<float> x, y0, logits;
};

TEST(Gemm, moe_matches_the_oracle) {
    std::mt19937 rng(6);
    const auto oracle = make_reference_backend();
    for (const DType type : test::kAllTypes) {
        for (const auto& [tokens, experts, top_k] : {std::tuple{1, 4, 1}, {6, 8, 3}, {20, 16, 8}}) {
            const Moe moe(rng, type, tokens, experts, top_k);
            const auto want = moe.run(*oracle);
            for (const auto& backend : test::cpu_backends(2)) {
                const bool is_float = cpu::act_format(type) == cpu::ActFormat::f32;
                EXPECT_LE(test::nmse(moe.run(*backend), want), is_float ? 1e-10 : 2e-4)
                    << backend->name() << " " << test::name_of(type);
                EXPECT_EQ(backend->counters().moe_ffn, 1);
                EXPECT_EQ(backend->counters().dense_ffn, 0);
            }
        }
    }
}

TEST(Gemm, moe_does_not_depend_on_the_batch_the_threads_or_the_instruction_set) {
    std::mt19937 rng(7);
    const Moe all(rng, DType::q4_k, 16, 8, 3);
    const auto want = all.run(*test::cpu_backends(1).front());
    for (const int threads : {1, 2, 4}) {
        for (const auto& backend : test::cpu_backends(threads)) {
            const auto y = all.run(*backend);
            ASSERT_EQ(0, std::memcmp(y.data(), want.data(), y.size() * 4)) << backend->name() << threads;
            for (int64_t t = 0; t < all.tokens; t += 5) {
                Moe one = all;
                one.tokens = 1;
                const auto cut = [&](const std::vector<float>& v, int64_t n) {
                    return std::vector<float>(v.begin() + t * n, v.begin() + (t + 1) * n);
                };
                one.x = cut(all.x, Moe::kHidden);
                one.y0 = cut(all.y0, Moe::kHidden);
                one.logits = cut(all.logits, all.experts);
                const auto alone = one.run(*backend);
                ASSERT_EQ(0, std::memcmp(alone.data(), want.data() + t * Moe::kHidden, Moe::kHidden * 4));
            }
        }
    }
}

TEST(Gemm, dense_ffn_matches_the_oracle) {
    std::mt19937 rng(8);
    const auto oracle = make_reference_backend();
    for (const DType type : {DType::f32, DType::q8_0, DType::q4_k, DType::q6_k}) {
        const Matrix gate = test::random_matrix(rng, type, 512, 256),
                     up = test::random_matrix(rng, type, 512, 256),
                     down = test::random_matrix(rng, type, 256, 512);
        const auto x = test::gaussian(rng, 9 * 256), y0 = test::gaussian(rng, 9 * 256);
        const auto run = [&](Backend& b) {
            std::vector<float> y = y0;
            b.dense_ffn({x.data(), y.data(), 9, gate.view(), up.view(), down.view()});
            return y;
        };
        const auto want = run(*oracle);
        for (const auto& backend : test::cpu_backends(2)) {
            EXPECT_LE(test::nmse(run(*backend), want), type == DType::f32 ? 1e-10 : 2e-4)
                << test::name_of(type);
            EXPECT_EQ(backend->counters().dense_ffn, 1);
        }
    }
}

TEST(Gemm, writes_nothing_beside_its_output) {
    std::mt19937 rng(9);
    for (const auto& backend : test::cpu_backends(2)) {
        for (const int64_t rows : {1, 7, 9, 31, 33}) {
            const Matrix w = test::random_matrix(rng, DType::q4_k, rows, 256);
            const auto x = test::gaussian(rng, 3 * 256);
            std::vector<float> y(static_cast<size_t>(3 * rows + 32), -77.0f);
            const LinearPart part{w.view(), nullptr, y.data() + 16};
            backend->linear({x.data(), 3, {&part, 1}});
            for (size_t i = 0; i < 16; ++i) {
                EXPECT_EQ(y[i], -77.0f);
                EXPECT_EQ(y[y.size() - 1 - i], -77.0f);
            }
        }
    }
}

TEST(Gemm, no_tokens_is_no_work) {
    std::mt19937 rng(10);
    const Matrix w = test::random_matrix(rng, DType::q4_k, 8, 256);
    const auto backend = make_cpu_backend({2, ""});
    const LinearPart part{w.view(), nullptr, nullptr};
    backend->linear({nullptr, 0, {&part, 1}});
    backend->dense_ffn({nullptr, nullptr, 0, w.view(), w.view(), w.view()});
}

}  // namespace
}  // namespace sluice::kernels
