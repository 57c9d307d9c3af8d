// F32: 16 f32 lanes in one AVX-512 register; see simd_scalar.inl.h, which gives the same bits.
// Include it only from translation units built with -mavx512f -mavx512bw -mavx512dq -mavx512vl (and AVX2,
// F16C).
#pragma once
#include <immintrin.h>

#include <cstdint>
#include <cstring>

#include "kernels/half.h"

namespace sluice::kernels::avx512 {

inline constexpr int kLanes = 16;

struct F32 {
    __m512 v;

    // Sums of this many rows x vectors fill the registers and hide the latency of fma.
    static constexpr int kFmaRows = 8, kFmaVectors = 2;

    static constexpr int kTile = 4;  // float_tile of so many rows and columns fits the registers

    // Of 16 signed bytes: as unsigned ones, each 128 larger.
    static int sum_16(const int8_t* q) {
        const __m128i bytes =
            _mm_xor_si128(_mm_loadu_si128(reinterpret_cast<const __m128i*>(q)), _mm_set1_epi8(-128));
        const __m128i sums = _mm_sad_epu8(bytes, _mm_setzero_si128());
        return _mm_extract_epi16(sums, 0) + _mm_extract_epi16(sums, 4) - 16 * 128;
    }

    static F32 zero() { return {_mm512_setzero_ps()}; }
    static F32 set(float x) { return {_mm512_set1_ps(x)}; }
    static F32 load(const float* p) { return {_mm512_loadu_ps(p)}; }
    static F32 load_f16(const uint16_t* p) { return {_mm512_cvtph_ps(load_halves(p))}; }
    static F32 load_bf16(const uint16_t* p) { return {widen_bf16(load_halves(p))}; }
    // The first n < 16 elements; the other lanes are zero.
    static F32 load_n(const float* p, int64_t n) { return {_mm512_maskz_loadu_ps(first(n), p)}; }
    static F32 load_f16_n(const uint16_t* p, int64_t n) {
        return {_mm512_cvtph_ps(_mm256_maskz_loadu_epi16(first(n), p))};
    }
    static F32 load_bf16_n(const uint16_t* p, int64_t n) {
        return {widen_bf16(_mm256_maskz_loadu_epi16(first(n), p))};
    }
    void store(float* p) const { _mm512_storeu_ps(p, v); }
    void store_f16(uint16_t* p) const { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), to_f16()); }
    void store_bf16(uint16_t* p) const { store_bf16_n(p, kLanes); }
    void store_n(float* p, int64_t n) const { _mm512_mask_storeu_ps(p, first(n), v); }
    void store_f16_n(uint16_t* p, int64_t n) const { _mm256_mask_storeu_epi16(p, first(n), to_f16()); }
    void store_bf16_n(uint16_t* p, int64_t n) const {
        float lanes[kLanes];
        store(lanes);
        for (int64_t i = 0; i < n; ++i) p[i] = bf16_from_f32(lanes[i]);
    }
    // Rounded to nearest even; lanes must lie in -127..127.
    void store_i8(int8_t* p) const {
        _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtsepi32_epi8(_mm512_cvtps_epi32(v)));
    }
    // Rounded to nearest even; lanes must lie in -32767..32767. NaN gives some number.
    void store_i16(int16_t* p) const {
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtsepi32_epi16(_mm512_cvtps_epi32(v)));
    }

  private:
    static __mmask16 first(int64_t n) { return static_cast<__mmask16>((1u << n) - 1u); }
    static __m256i load_halves(const uint16_t* p) {
        return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    }
    static __m512 widen_bf16(__m256i halves) {
        return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
    }
    __m256i to_f16() const { return _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
};

inline F32 operator+(F32 a, F32 b) {
    return {_mm512_add_ps(a.v, b.v)};
}
inline F32 operator-(F32 a, F32 b) {
    return {_mm512_sub_ps(a.v, b.v)};
}
inline F32 operator*(F32 a, F32 b) {
    return {_mm512_mul_ps(a.v, b.v)};
}
inline F32 operator/(F32 a, F32 b) {
    return {_mm512_div_ps(a.v, b.v)};
}
// a * b + c, rounded once
inline F32 fma(F32 a, F32 b, F32 c) {
    return {_mm512_fmadd_ps(a.v, b.v, c.v)};
}
inline F32 max(F32 a, F32 b) {
    return {_mm512_max_ps(a.v, b.v)};
}
inline F32 min(F32 a, F32 b) {
    return {_mm512_min_ps(a.v, b.v)};
}
inline F32 abs(F32 a) {
    return {_mm512_andnot_ps(_mm512_set1_ps(-0.0f), a.v)};
}
inline F32 sqrt(F32 a) {
    return {_mm512_sqrt_ps(a.v)};
}
// To the nearest integer, ties to even.
inline F32 round(F32 a) {
    return {_mm512_roundscale_ps(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
}
// p * 2^n for integral n in -126..128
inline F32 times_power(F32 p, F32 n) {
    return {_mm512_scalef_ps(p.v, n.v)};
}
// a < b ? yes : no
inline F32 select_less(F32 a, F32 b, F32 yes, F32 no) {
    return {_mm512_mask_mov_ps(no.v, _mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ), yes.v)};
}

// The halves are added as in the other headers, so no _mm512_reduce_add_ps: its tree is the compiler's
// choice.
inline float reduce_add(F32 a) {
    const __m256 s8 = _mm256_add_ps(_mm512_castps512_ps256(a.v), _mm512_extractf32x8_ps(a.v, 1));
    const __m128 s4 = _mm_add_ps(_mm256_castps256_ps128(s8), _mm256_extractf128_ps(s8, 1));
    const __m128 s2 = _mm_add_ps(s4, _mm_movehl_ps(s4, s4));
    return _mm_cvtss_f32(_mm_add_ss(s2, _mm_movehdup_ps(s2)));
}
inline float reduce_max(F32 a) {
    const __m256 s8 = _mm256_max_ps(_mm512_castps512_ps256(a.v), _mm512_extractf32x8_ps(a.v, 1));
    const __m128 s4 = _mm_max_ps(_mm256_castps256_ps128(s8), _mm256_extractf128_ps(s8, 1));
    const __m128 s2 = _mm_max_ps(s4, _mm_movehl_ps(s4, s4));
    return _mm_cvtss_f32(_mm_max_ss(s2, _mm_movehdup_ps(s2)));
}

// 16 lanes of int32, and 16 of two int16 each.
struct Pairs {
    __m512i v;

    static Pairs set(const int16_t* p) {  // the same two in all lanes
        int32_t two;
        std::memcpy(&two, p, sizeof two);
        return {_mm512_set1_epi32(two)};
    }
    static Pairs load(const int8_t* p) {
        return {_mm512_cvtepi8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)))};
    }
    // The first n < 16 lanes; the others are zero.
    static Pairs load_n(const int8_t* p, int64_t n) {
        return {_mm512_cvtepi8_epi16(_mm256_maskz_loadu_epi16(static_cast<__mmask16>((1u << n) - 1u), p))};
    }
};
struct I32 {
    __m512i v;

    static I32 zero() { return {_mm512_setzero_si512()}; }
    static I32 load(const int32_t* p) { return {_mm512_loadu_si512(p)}; }
    void store(int32_t* p) const { _mm512_storeu_si512(p, v); }
    F32 to_f32() const { return {_mm512_cvtepi32_ps(v)}; }
};
// Keeps a sum in its registers: left alone, gcc 12 turns each turn of a loop into copies and spills.
inline void pin(I32& a) {
    asm("" : "+v"(a.v));
}
// c + a.first * b.first + a.second * b.second
inline I32 dot(Pairs a, Pairs b, I32 c) {
    return {_mm512_dpwssd_epi32(c.v, a.v, b.v)};
}

}  // namespace sluice::kernels::avx512
