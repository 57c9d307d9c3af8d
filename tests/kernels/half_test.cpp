#include "kernels/half.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace sluice::kernels {
namespace {

// The value of a finite half by its definition.
double value_of(uint16_t h) {
    const int exponent = h >> 10 & 31, fraction = h & 1023;
    const double magnitude =
        exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
    return h & 0x8000 ? -magnitude : magnitude;
}

TEST(Half, every_f16_widens_to_its_value_and_comes_back) {
    for (int i = 0; i < 65536; ++i) {
        const auto h = static_cast<uint16_t>(i);
        const float f = f32_from_f16(h);
        if ((h & 0x7c00) == 0x7c00) {
            if (h & 1023) {
                EXPECT_TRUE(std::isnan(f));
            } else {
                EXPECT_EQ(f, h & 0x8000 ? -INFINITY : INFINITY);
            }
            continue;
        }
        ASSERT_EQ(static_cast<double>(f), value_of(h)) << i;
        ASSERT_EQ(f16_from_f32(f), h) << i;
    }
}

TEST(Half, rounds_to_the_nearest_even_f16) {
    for (int i = 0; i < 0x7bff; ++i) {
        const double low = value_of(static_cast<uint16_t>(i)), high = value_of(static_cast<uint16_t>(i + 1));
        const auto middle = static_cast<float>((low + high) / 2);  // exact in f32
        ASSERT_EQ(f16_from_f32(middle), i + (i & 1)) << i;
        ASSERT_EQ(f16_from_f32(std::nextafter(middle, 0.0f)), i) << i;
        ASSERT_EQ(f16_from_f32(std::nextafter(middle, INFINITY)), i + 1) << i;
    }
    EXPECT_EQ(f16_from_f32(65519.0f), 0x7bff);
    EXPECT_EQ(f16_from_f32(65520.0f), 0x7c00);
    EXPECT_EQ(f16_from_f32(-INFINITY), 0xfc00);
    EXPECT_EQ(f16_from_f32(std::numeric_limits<float>::quiet_NaN()) & 0x7e00, 0x7e00);
    EXPECT_EQ(f16_from_f32(-0.0f), 0x8000);
}

TEST(Half, bf16_is_the_upper_half_of_an_f32_rounded_to_even) {
    for (uint32_t high = 0; high < 0x7f80; high += 7) {
        const auto exact = static_cast<uint16_t>(high);
        ASSERT_EQ(bf16_from_f32(f32_from_bf16(exact)), exact);
        ASSERT_EQ(bf16_from_f32(f32_from_bits(high << 16 | 0x7fff)), exact);
        ASSERT_EQ(bf16_from_f32(f32_from_bits(high << 16 | 0x8000)), exact + (exact & 1));
        ASSERT_EQ(bf16_from_f32(f32_from_bits(high << 16 | 0x8001)), exact + 1);
    }
    EXPECT_TRUE(std::isnan(f32_from_bf16(bf16_from_f32(std::numeric_limits<float>::quiet_NaN()))));
}

}  // namespace
}  // namespace sluice::kernels
