// Every instruction set gives the bits of the plain loops, for every entry of its table.
#include "kernels/cpu/isa.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "kernels/cpu/activation.h"
#include "kernels/half.h"
#include "tests/kernels/data.h"

namespace sluice::kernels::cpu {
namespace {

class IsaTest : public testing::TestWithParam<const char*> {
  protected:
    void SetUp() override {
        isa_ = find_isa(GetParam());
        if (!isa_) GTEST_SKIP() << "this machine has no " << GetParam();
    }
    const Isa& plain_ = isa_scalar();
    const Isa* isa_ = nullptr;
    std::mt19937 rng_{11};
};

::testing::AssertionResult same_bits(const void* a, const void* b, size_t bytes) {
    if (std::memcmp(a, b, bytes) == 0) return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure() << "the bits differ";
}

std::vector<float> with_extremes(std::mt19937& rng, int64_t n) {
    std::vector<float> x = test::gaussian(rng, n, 4.0f);
    for (size_t i = 0; i < x.size(); i += 37) x[i] = 0.0f;
    for (size_t i = 5; i < x.size(); i += 61) x[i] *= 30.0f;
    for (size_t i = 9; i < x.size(); i += 83) x[i] *= 1e-30f;
    return x;
}

TEST_P(IsaTest, rows_of_floats) {
    for (const int64_t n : {1, 2, 15, 16, 17, 31, 64, 100, 128, 2048}) {
        const auto x = with_extremes(rng_, n), w = with_extremes(rng_, n);
        const auto size = static_cast<size_t>(n);
        std::vector<float> a(size), b(size);
        plain_.rms_norm(x.data(), w.data(), a.data(), n, 1e-6f);
        isa_->rms_norm(x.data(), w.data(), b.data(), n, 1e-6f);
        EXPECT_TRUE(same_bits(a.data(), b.data(), size * 4)) << "rms_norm " << n;
        plain_.softmax(x.data(), a.data(), n);
        isa_->softmax(x.data(), b.data(), n);
        EXPECT_TRUE(same_bits(a.data(), b.data(), size * 4)) << "softmax " << n;
        plain_.silu_mul(x.data(), w.data(), a.data(), n);
        isa_->silu_mul(x.data(), w.data(), b.data(), n);
        EXPECT_TRUE(same_bits(a.data(), b.data(), size * 4)) << "silu_mul " << n;
        std::vector<float> want = x;
        for (size_t i = 0; i < size; ++i) want[i] = x[i] + w[i] * 0.37f;
        b = x;
        isa_->add_scaled(b.data(), w.data(), 0.37f, n);
        EXPECT_TRUE(same_bits(want.data(), b.data(), size * 4)) << "add_scaled " << n;
        for (size_t i = 0; i < size; ++i) want[i] = x[i] * 0.37f;
        isa_->scale(x.data(), b.data(), 0.37f, n);
        EXPECT_TRUE(same_bits(want.data(), b.data(), size * 4)) << "scale " << n;
        std::vector<uint16_t> half(size), bf16(size);
        isa_->to_f16(x.data(), half.data(), n);
        isa_->to_bf16(x.data(), bf16.data(), n);
        for (size_t i = 0; i < size; ++i) {
            EXPECT_EQ(half[i], f16_from_f32(x[i]));
            EXPECT_EQ(bf16[i], bf16_from_f32(x[i]));
        }
    }
}

TEST_P(IsaTest, rotations) {
    for (const int64_t half : {1, 3, 16, 17, 40, 64}) {
        const auto x = with_extremes(rng_, 2 * half), angles = test::gaussian(rng_, half);
        std::vector<float> cos, sin;
        for (const float angle : angles) {
            cos.push_back(std::cos(angle));
            sin.push_back(std::sin(angle));
        }
        std::vector<float> a = x, b = x;
        plain_.rotate(a.data(), cos.data(), sin.data(), half);
        isa_->rotate(b.data(), cos.data(), sin.data(), half);
        EXPECT_TRUE(same_bits(a.data(), b.data(), x.size() * 4)) << half;
    }
}

TEST_P(IsaTest, logits) {
    for (const int64_t n : {1, 7, 127, 128, 129, 300, 1000, 4096}) {
        auto x = with_extremes(rng_, n);
        if (n > 200) x[150] = -std::numeric_limits<float>::infinity();
        const auto size = static_cast<size_t>(n), chunks = static_cast<size_t>(logit_chunks(n));
        std::vector<float> maxima(chunks), maxima2(chunks);
        EXPECT_TRUE(plain_.logits.maxima(x.data(), n, maxima.data()));
        EXPECT_TRUE(isa_->logits.maxima(x.data(), n, maxima2.data()));
        EXPECT_TRUE(same_bits(maxima.data(), maxima2.data(), chunks * 4)) << n;
        std::vector<uint64_t> bits(size / 64 + 1);
        for (uint64_t& word : bits) word = rng_() * 0x9E3779B97F4A7C15u;
        std::vector<float> kept(size), kept2(size);
        plain_.logits.keep(x.data(), n, bits.data(), kept.data());
        isa_->logits.keep(x.data(), n, bits.data(), kept2.data());
        EXPECT_TRUE(same_bits(kept.data(), kept2.data(), size * 4)) << n;
        for (size_t i = 0; i < size; ++i) {
            const bool set = bits[i / 64] >> (i % 64) & 1;
            EXPECT_EQ(kept[i], set ? x[i] : -std::numeric_limits<float>::infinity()) << i;
        }
        const double greatest = double{*std::max_element(x.begin(), x.end())};
        for (const double inverse : {1.0, 1.25, 1e-4, 20.0}) {
            std::vector<double> a(size), b(size);
            plain_.logits.weights(x.data(), n, greatest, inverse, a.data());
            isa_->logits.weights(x.data(), n, greatest, inverse, b.data());
            EXPECT_TRUE(same_bits(a.data(), b.data(), size * 8)) << "weights " << n;
            plain_.logits.masses(x.data(), n, greatest, inverse, a.data());
            isa_->logits.masses(x.data(), n, greatest, inverse, b.data());
            EXPECT_TRUE(same_bits(a.data(), b.data(), chunks * 8)) << "masses " << n;
        }
    }
}

TEST_P(IsaTest, quantised_activations) {
    for (int round = 0; round < 20; ++round) {
        auto x = with_extremes(rng_, 1024);
        if (round == 1) std::fill(x.begin(), x.begin() + 256, 0.0f);
        if (round == 2) std::fill(x.begin(), x.begin() + 256, 1e-38f);
        if (round == 3) x[3] = NAN;
        std::vector<std::byte> a(act_bytes(ActFormat::blocks_256, 1024) + 64), b(a.size());
        const auto at = [](std::vector<std::byte>& v) {
            return v.data() + (64 - reinterpret_cast<uintptr_t>(v.data()) % 64) % 64;
        };
        plain_.quantise_256(x.data(), 1024, at(a));
        isa_->quantise_256(x.data(), 1024, at(b));
        EXPECT_TRUE(same_bits(at(a), at(b), act_bytes(ActFormat::blocks_256, 1024)));
        plain_.quantise_32(x.data(), 1024, at(a));
        isa_->quantise_32(x.data(), 1024, at(b));
        EXPECT_TRUE(same_bits(at(a), at(b), act_bytes(ActFormat::blocks_32, 1024)));
    }
}

// Weights of random bits, extremes included: scales and mins at their limits, quants of every value.
TEST_P(IsaTest, tiles) {
    for (const DType type : test::kAllTypes) {
        const bool is_float = act_format(type) == ActFormat::f32;
        for (const int64_t k : {is_float ? 19 : 256, 512, 768}) {
            for (const int rows : {1, 3, 8}) {
                test::Matrix w = test::random_matrix(rng_, type, rows, k);
                if (!is_float && dtype_info(type).block_elems == 256) {
                    const size_t size = dtype_info(type).block_bytes;
                    for (size_t i = 0; i < w.bytes.size(); ++i) {
                        const size_t in_block =
                            i % size;  // keeps the f16 scales, which random bits would make NaN
                        const bool scale = type == DType::q6_k ? in_block >= 208 : in_block < 4;
                        if (!scale) w.bytes[i] = static_cast<std::byte>(rng_());
                    }
                }
                const auto x = test::gaussian(rng_, 8 * k);
                const size_t stride = act_bytes(act_format(type), k);
                std::vector<std::byte> store(8 * stride + 64);
                std::byte* acts = store.data() + (64 - reinterpret_cast<uintptr_t>(store.data()) % 64) % 64;
                const std::byte* columns[8];
                for (int c = 0; c < 8; ++c) {
                    columns[c] = acts + static_cast<size_t>(c) * stride;
                    if (is_float)
                        std::memcpy(acts + static_cast<size_t>(c) * stride, x.data() + c * k, stride);
                    if (act_format(type) == ActFormat::blocks_32)
                        plain_.quantise_32(x.data() + c * k, k, acts + static_cast<size_t>(c) * stride);
                    if (act_format(type) == ActFormat::blocks_256)
                        plain_.quantise_256(x.data() + c * k, k, acts + static_cast<size_t>(c) * stride);
                }
                for (const int cols : {1, 2, 5, 8}) {
                    float a[8][kTileRows] = {}, b[8][kTileRows] = {};
                    const auto index = static_cast<size_t>(type);
                    plain_.tile[index]({w.bytes.data(), row_bytes(type, k), rows, columns, cols, k, a});
                    isa_->tile[index]({w.bytes.data(), row_bytes(type, k), rows, columns, cols, k, b});
                    for (int c = 0; c < cols; ++c)
                        EXPECT_TRUE(same_bits(a[c], b[c], static_cast<size_t>(rows) * 4))
                            << test::name_of(type) << " k " << k << " rows " << rows << " column " << c;
                }
            }
        }
    }
}

INSTANTIATE_TEST_SUITE_P(All, IsaTest, testing::Values("avx2", "avx512"));

TEST(Isa, unknown_names_are_not_found) {
    EXPECT_EQ(find_isa("avx1024"), nullptr);
    EXPECT_EQ(make_cpu_backend({1, "neon"}), nullptr);
    EXPECT_EQ(available_cpu_isas().front(), "scalar");
}

}  // namespace
}  // namespace sluice::kernels::cpu
