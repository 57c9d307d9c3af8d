// F32: 16 logical f32 lanes in two AVX2 registers; see simd_scalar.inl.h, which gives the same bits.
// Include it only from translation units built with -mavx2 -mfma -mf16c.
#pragma once
#include <immintrin.h>

#include <cstdint>
#include <cstring>

#include "kernels/half.h"

namespace sluice::kernels::avx2 {

inline constexpr int kLanes = 16;

struct F32 {
    __m256 lo, hi;

    // Sums of this many rows x vectors fill the registers and hide the latency of fma.
    static constexpr int kFmaRows = 4, kFmaVectors = 1;

    static constexpr int kTile = 2;  // float_tile of so many rows and columns fits the registers

    // Of 16 signed bytes: as unsigned ones, each 128 larger.
    static int sum_16(const int8_t* q) {
        const __m128i bytes =
            _mm_xor_si128(_mm_loadu_si128(reinterpret_cast<const __m128i*>(q)), _mm_set1_epi8(-128));
        const __m128i sums = _mm_sad_epu8(bytes, _mm_setzero_si128());
        return _mm_extract_epi16(sums, 0) + _mm_extract_epi16(sums, 4) - 16 * 128;
    }

    static F32 zero() { return {_mm256_setzero_ps(), _mm256_setzero_ps()}; }
    static F32 set(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
    static F32 load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
    static F32 load_f16(const uint16_t* p) {
        return {_mm256_cvtph_ps(load_halves(p)), _mm256_cvtph_ps(load_halves(p + 8))};
    }
    static F32 load_bf16(const uint16_t* p) {
        const auto widen = [](__m128i halves) {
            return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16));
        };
        return {widen(load_halves(p)), widen(load_halves(p + 8))};
    }
    // The first n < 16 elements; the other lanes are zero.
    static F32 load_n(const float* p, int64_t n) {
        float lanes[kLanes] = {};
        std::memcpy(lanes, p, static_cast<size_t>(n) * sizeof *p);
        return load(lanes);
    }
    static F32 load_f16_n(const uint16_t* p, int64_t n) {
        uint16_t lanes[kLanes] = {};
        std::memcpy(lanes, p, static_cast<size_t>(n) * sizeof *p);
        return load_f16(lanes);
    }
    static F32 load_bf16_n(const uint16_t* p, int64_t n) {
        uint16_t lanes[kLanes] = {};
        std::memcpy(lanes, p, static_cast<size_t>(n) * sizeof *p);
        return load_bf16(lanes);
    }
    void store(float* p) const {
        _mm256_storeu_ps(p, lo);
        _mm256_storeu_ps(p + 8, hi);
    }
    void store_f16(uint16_t* p) const {
        store_halves(p, _mm256_cvtps_ph(lo, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
        store_halves(p + 8, _mm256_cvtps_ph(hi, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
    }
    void store_bf16(uint16_t* p) const { store_bf16_n(p, kLanes); }
    void store_n(float* p, int64_t n) const {
        float lanes[kLanes];
        store(lanes);
        std::memcpy(p, lanes, static_cast<size_t>(n) * sizeof *p);
    }
    void store_f16_n(uint16_t* p, int64_t n) const {
        uint16_t lanes[kLanes];
        store_f16(lanes);
        std::memcpy(p, lanes, static_cast<size_t>(n) * sizeof *p);
    }
    void store_bf16_n(uint16_t* p, int64_t n) const {
        float lanes[kLanes];
        store(lanes);
        for (int64_t i = 0; i < n; ++i) p[i] = bf16_from_f32(lanes[i]);
    }
    // Rounded to nearest even; lanes must lie in -127..127.
    void store_i8(int8_t* p) const {
        const __m256i words = _mm256_packs_epi32(_mm256_cvtps_epi32(lo), _mm256_cvtps_epi32(hi));
        const __m256i ordered = _mm256_permute4x64_epi64(words, 0xd8);
        _mm_storeu_si128(
            reinterpret_cast<__m128i*>(p),
            _mm_packs_epi16(_mm256_castsi256_si128(ordered), _mm256_extracti128_si256(ordered, 1)));
    }
    // Rounded to nearest even; lanes must lie in -32767..32767. NaN gives some number.
    void store_i16(int16_t* p) const {
        const __m256i words = _mm256_packs_epi32(_mm256_cvtps_epi32(lo), _mm256_cvtps_epi32(hi));
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm256_permute4x64_epi64(words, 0xd8));
    }

  private:
    static __m128i load_halves(const uint16_t* p) {
        return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    }
    static void store_halves(uint16_t* p, __m128i halves) {
        _mm_storeu_si128(reinterpret_cast<__m128i*>(p), halves);
    }
};

inline F32 operator+(F32 a, F32 b) {
    return {_mm256_add_ps(a.lo, b.lo), _mm256_add_ps(a.hi, b.hi)};
}
inline F32 operator-(F32 a, F32 b) {
    return {_mm256_sub_ps(a.lo, b.lo), _mm256_sub_ps(a.hi, b.hi)};
}
inline F32 operator*(F32 a, F32 b) {
    return {_mm256_mul_ps(a.lo, b.lo), _mm256_mul_ps(a.hi, b.hi)};
}
inline F32 operator/(F32 a, F32 b) {
    return {_mm256_div_ps(a.lo, b.lo), _mm256_div_ps(a.hi, b.hi)};
}
// a * b + c, rounded once
inline F32 fma(F32 a, F32 b, F32 c) {
    return {_mm256_fmadd_ps(a.lo, b.lo, c.lo), _mm256_fmadd_ps(a.hi, b.hi, c.hi)};
}
inline F32 max(F32 a, F32 b) {
    return {_mm256_max_ps(a.lo, b.lo), _mm256_max_ps(a.hi, b.hi)};
}
inline F32 min(F32 a, F32 b) {
    return {_mm256_min_ps(a.lo, b.lo), _mm256_min_ps(a.hi, b.hi)};
}
inline F32 abs(F32 a) {
    const __m256 sign = _mm256_set1_ps(-0.0f);
    return {_mm256_andnot_ps(sign, a.lo), _mm256_andnot_ps(sign, a.hi)};
}
inline F32 sqrt(F32 a) {
    return {_mm256_sqrt_ps(a.lo), _mm256_sqrt_ps(a.hi)};
}
// To the nearest integer, ties to even.
inline F32 round(F32 a) {
    constexpr int kNearest = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
    return {_mm256_round_ps(a.lo, kNearest), _mm256_round_ps(a.hi, kNearest)};
}
// 2^n for integral n in -126..127
inline F32 exp2_int(F32 n) {
    const auto half = [](__m256 x) {
        const __m256i biased = _mm256_add_epi32(_mm256_cvtps_epi32(x), _mm256_set1_epi32(127));
        const __m256 power = _mm256_castsi256_ps(_mm256_slli_epi32(biased, 23));
        return _mm256_blendv_ps(power, x, _mm256_cmp_ps(x, x, _CMP_UNORD_Q));
    };
    return {half(n.lo), half(n.hi)};
}
// p * 2^n for integral n in -126..128, by two factors: 2^128 is not a number.
inline F32 times_power(F32 p, F32 n) {
    const F32 half = round(n * F32::set(0.5f));
    return p * exp2_int(half) * exp2_int(n - half);
}
// a < b ? yes : no
inline F32 select_less(F32 a, F32 b, F32 yes, F32 no) {
    return {_mm256_blendv_ps(no.lo, yes.lo, _mm256_cmp_ps(a.lo, b.lo, _CMP_LT_OQ)),
            _mm256_blendv_ps(no.hi, yes.hi, _mm256_cmp_ps(a.hi, b.hi, _CMP_LT_OQ))};
}

inline float reduce_add(F32 a) {
    const __m256 s8 = _mm256_add_ps(a.lo, a.hi);
    const __m128 s4 = _mm_add_ps(_mm256_castps256_ps128(s8), _mm256_extractf128_ps(s8, 1));
    const __m128 s2 = _mm_add_ps(s4, _mm_movehl_ps(s4, s4));
    return _mm_cvtss_f32(_mm_add_ss(s2, _mm_movehdup_ps(s2)));
}
inline float reduce_max(F32 a) {
    const __m256 s8 = _mm256_max_ps(a.lo, a.hi);
    const __m128 s4 = _mm_max_ps(_mm256_castps256_ps128(s8), _mm256_extractf128_ps(s8, 1));
    const __m128 s2 = _mm_max_ps(s4, _mm_movehl_ps(s4, s4));
    return _mm_cvtss_f32(_mm_max_ss(s2, _mm_movehdup_ps(s2)));
}

// 16 lanes of int32, and 16 of two int16 each.
struct Pairs {
    __m256i lo, hi;

    static Pairs set(const int16_t* p) {  // the same two in all lanes
        int32_t two;
        std::memcpy(&two, p, sizeof two);
        return {_mm256_set1_epi32(two), _mm256_set1_epi32(two)};
    }
    static Pairs load(const int8_t* p) {
        const auto widen = [](const int8_t* bytes) {
            return _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes)));
        };
        return {widen(p), widen(p + 16)};
    }
    // The first n < 16 lanes; the others are zero.
    static Pairs load_n(const int8_t* p, int64_t n) {
        int8_t lanes[2 * kLanes] = {};
        std::memcpy(lanes, p, static_cast<size_t>(2 * n));
        return load(lanes);
    }
};
struct I32 {
    __m256i lo, hi;

    static I32 zero() { return {_mm256_setzero_si256(), _mm256_setzero_si256()}; }
    static I32 load(const int32_t* p) {
        return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)),
                _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p + 8))};
    }
    void store(int32_t* p) const {
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), lo);
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(p + 8), hi);
    }
    F32 to_f32() const { return {_mm256_cvtepi32_ps(lo), _mm256_cvtepi32_ps(hi)}; }
};
// Keeps a sum in its registers: left alone, gcc 12 turns each turn of a loop into copies and spills.
inline void pin(I32& a) {
    asm("" : "+x"(a.lo), "+x"(a.hi));
}
// c + a.first * b.first + a.second * b.second
inline I32 dot(Pairs a, Pairs b, I32 c) {
    return {_mm256_add_epi32(c.lo, _mm256_madd_epi16(a.lo, b.lo)),
            _mm256_add_epi32(c.hi, _mm256_madd_epi16(a.hi, b.hi))};
}

}  // namespace sluice::kernels::avx2
