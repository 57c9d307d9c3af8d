// f16 and bf16 to f32 and back, rounding to nearest even; the same bits as the F16C instructions, NaN
// included. Internal linkage on purpose: translation units built for different instruction sets must not
// share inline code.
#pragma once
#include <cstdint>
#include <cstring>

namespace sluice::kernels {

static inline float f32_from_bits(uint32_t bits) {
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint32_t f32_bits(float value) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline float f32_from_f16(uint16_t half) {
    const uint32_t sign = static_cast<uint32_t>(half & 0x8000u) << 16;
    const uint32_t exponent = (half >> 10) & 31u;
    const uint32_t mantissa = half & 0x3ffu;
    if (exponent == 31) {
        const uint32_t quiet = mantissa != 0 ? 0x400000u : 0u;
        return f32_from_bits(sign | 0x7f800000u | quiet | (mantissa << 13));
    }
    if (exponent == 0) {
        const float magnitude = static_cast<float>(mantissa) * 0x1p-24f;  // subnormal: exact
        return f32_from_bits(sign | f32_bits(magnitude));
    }
    return f32_from_bits(sign | ((exponent + 112) << 23) | (mantissa << 13));
}

static inline uint16_t f16_from_f32(float value) {
    const uint32_t bits = f32_bits(value);
    const uint32_t sign = (bits >> 16) & 0x8000u;
    const uint32_t magnitude = bits & 0x7fffffffu;
    if (magnitude > 0x7f800000u) return static_cast<uint16_t>(sign | 0x7e00u | ((magnitude >> 13) & 0x3ffu));
    if (magnitude >= 0x477ff000u)
        return static_cast<uint16_t>(sign | 0x7c00u);  // >= 65520 rounds to infinity
    if (magnitude < 0x38800000u) {
        // Below 2^-14: adding 0.5 leaves the multiple of 2^-24, rounded to nearest even, in the low bits.
        const uint32_t rounded = f32_bits(f32_from_bits(magnitude) + 0.5f) - 0x3f000000u;
        return static_cast<uint16_t>(sign | rounded);
    }
    const uint32_t odd = (magnitude >> 13) & 1u;
    return static_cast<uint16_t>(sign | ((magnitude - 0x38000000u + 0xfffu + odd) >> 13));
}

static inline float f32_from_bf16(uint16_t half) {
    return f32_from_bits(static_cast<uint32_t>(half) << 16);
}

static inline uint16_t bf16_from_f32(float value) {
    const uint32_t bits = f32_bits(value);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>((bits >> 16) | 0x40u);
    return static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

}  // namespace sluice::kernels
