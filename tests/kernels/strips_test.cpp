// Strips are the same weights in another order: each reads back as it was, and products keep their bits.
#include "kernels/strips.h"

#include <gtest/gtest.h>

#include <cstring>

#include "kernels/cpu/isa.h"
#include "tests/kernels/data.h"

namespace sluice::kernels {
namespace {

using test::Matrix;

// Any bytes are a valid matrix, but for f16 scales that are not finite.
Matrix random_bytes(std::mt19937& rng, DType type, int64_t rows, int64_t cols) {
    Matrix m = test::random_matrix(rng, type, rows, cols);
    const DTypeInfo info = dtype_info(type);
    const size_t half_at = type == DType::q6_k ? 208 : 0;
    const size_t halves = type == DType::q4_k || type == DType::q5_k ? 4 : 2;
    for (size_t i = 0; i < m.bytes.size(); ++i) {
        const size_t at = i % info.block_bytes;
        if (at < half_at || at >= half_at + halves) m.bytes[i] = static_cast<std::byte>(rng());
    }
    return m;
}

// The product; then, added to it, the product once more.
std::vector<float> multiply(Backend& backend, const std::vector<float>& x, const Matrix& w) {
    const int64_t tokens = static_cast<int64_t>(x.size()) / w.cols;
    std::vector<float> y(static_cast<size_t>(tokens * w.rows));
    LinearPart part{w.view(), nullptr, y.data()};
    backend.linear({x.data(), tokens, {&part, 1}});
    y.insert(y.end(), y.begin(), y.end());
    part.y = y.data();
    part.accumulate = true;
    backend.linear({x.data(), tokens, {&part, 1}});
    return y;
}

TEST(Strips, fit_quantised_matrices_of_whole_strips) {
    EXPECT_TRUE(fits_strips(DType::q4_k, 32));
    EXPECT_FALSE(fits_strips(DType::q4_k, 40));
    EXPECT_FALSE(fits_strips(DType::f16, 32));
    for (const DType type : test::kStripTypes) {
        const StripBlock block = strip_block(type);
        EXPECT_EQ(block.head + block.body, 16 * dtype_info(type).block_bytes) << test::name_of(type);
        EXPECT_EQ(block.body % 64, 0u) << test::name_of(type);
    }
}

TEST(Strips, read_back_as_they_were) {
    std::mt19937 rng(1);
    for (const DType type : test::kStripTypes) {
        const Matrix rows = random_bytes(rng, type, 48, 768), strips = rows.strips();
        const DTypeInfo info = dtype_info(type);
        std::vector<std::byte> block(info.block_bytes);
        for (int64_t r = 0; r < rows.rows; ++r) {
            for (int64_t b = 0; b < rows.cols / info.block_elems; ++b) {
                read_strip_block(strips.view(), r, b, block.data());
                const std::byte* want = rows.view().row(r) + static_cast<size_t>(b) * info.block_bytes;
                ASSERT_EQ(0, std::memcmp(block.data(), want, block.size())) << test::name_of(type) << r;
            }
            std::vector<float> a(768), b(768);
            dequantize(rows.view(), r, a.data());
            dequantize(strips.view(), r, b.data());
            ASSERT_EQ(0, std::memcmp(a.data(), b.data(), a.size() * 4)) << test::name_of(type) << r;
        }
    }
}

// All widths of column tiles, one strip and several, on every instruction set, against rows on plain loops.
TEST(Strips, give_the_bits_of_rows) {
    std::mt19937 rng(2);
    const auto plain = make_cpu_backend({1, "scalar"});
    for (const DType type : test::kStripTypes) {
        for (const auto& [rows, cols] : {std::pair{16, 256}, {48, 768}, {80, 512}, {128, 2048}}) {
            const Matrix w = random_bytes(rng, type, rows, cols), strips = w.strips();
            for (const int64_t tokens : {1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 13, 16, 29, 64}) {
                const auto x = test::gaussian(rng, tokens * cols);
                const auto want = multiply(*plain, x, w);
                for (const auto& backend : test::cpu_backends(2)) {
                    const auto y = multiply(*backend, x, strips);
                    ASSERT_EQ(0, std::memcmp(y.data(), want.data(), y.size() * 4))
                        << backend->name() << " " << test::name_of(type) << " " << rows << "x" << cols
                        << " tokens " << tokens;
                }
            }
        }
    }
}

// The largest quants, scales and activations of both signs: no intermediate sum may overflow.
TEST(Strips, extremes_do_not_overflow) {
    const auto plain = make_cpu_backend({1, "scalar"});
    std::mt19937 rng(3);
    for (const DType type : test::kStripTypes) {
        for (const int fill : {0x00, 0x7f, 0x80, 0xff}) {
            Matrix w = test::random_matrix(rng, type, 32, 512);
            const size_t bytes = dtype_info(type).block_bytes;
            const size_t half_at = type == DType::q6_k ? 208 : 0;
            const size_t halves = type == DType::q4_k || type == DType::q5_k ? 4 : 2;
            for (size_t i = 0; i < w.bytes.size(); ++i) {
                const size_t at = i % bytes;
                if (at < half_at || at >= half_at + halves) w.bytes[i] = static_cast<std::byte>(fill);
            }
            const Matrix strips = w.strips();
            for (const float value : {1.0f, -1.0f}) {
                const std::vector<float> x(5 * 512, value);
                const auto want = multiply(*plain, x, w);
                for (const auto& backend : test::cpu_backends(1)) {
                    const auto y = multiply(*backend, x, strips);
                    ASSERT_EQ(0, std::memcmp(y.data(), want.data(), y.size() * 4))
                        << backend->name() << " " << test::name_of(type) << " " << fill << " " << value;
                }
            }
        }
    }
}

TEST(Strips, experts_in_strips_give_the_bits_of_rows) {
    std::mt19937 rng(4);
    constexpr int64_t kExperts = 8, kHidden = 256, kFfn = 512, kTopK = 3;
    for (const DType type : test::kStripTypes) {
        const Matrix gate = random_bytes(rng, type, kExperts * kFfn, kHidden),
                     up = random_bytes(rng, type, kExperts * kFfn, kHidden),
                     down = test::random_matrix(rng, DType::q6_k, kExperts * kHidden, kFfn);
        for (const int64_t tokens : {1, 5, 40}) {
            const auto x = test::gaussian(rng, tokens * kHidden, 1e-3f),
                       logits = test::gaussian(rng, tokens * kExperts);
            const auto run = [&](Backend& backend, bool in_strips) {
                std::vector<int32_t> expert(static_cast<size_t>(tokens * kTopK)), row(expert.size()),
                    begin(kExperts + 1);
                std::vector<float> weight(expert.size()), y(x);
                const Matrix g = in_strips ? gate.strips(kExperts) : gate,
                             u = in_strips ? up.strips(kExperts) : up,
                             d = in_strips ? down.strips(kExperts) : down;
                const Route route{logits.data(), tokens,        kExperts,      kTopK,        true,
                                  1.0f,          expert.data(), weight.data(), begin.data(), row.data()};
                backend.moe_ffn(
                    {x.data(), y.data(), route, g.stack(kExperts), u.stack(kExperts), d.stack(kExperts)});
                return y;
            };
            const auto want = run(*make_cpu_backend({1, "scalar"}), false);
            for (const int threads : {1, 2, 3}) {
                for (const auto& backend : test::cpu_backends(threads)) {
                    const auto y = run(*backend, true);
                    ASSERT_EQ(0, std::memcmp(y.data(), want.data(), y.size() * 4))
                        << backend->name() << " " << test::name_of(type) << " threads " << threads;
                }
            }
        }
    }
}

}  // namespace
}  // namespace sluice::kernels
