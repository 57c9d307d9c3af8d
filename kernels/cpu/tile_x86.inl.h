// Tiles of quantised weights for AVX2 and AVX-512: integer sums are exact, so both give the bits of the plain
// loops in isa_scalar.cpp. Static functions: each instruction set has its own copies.
// A type W of 256 weights has: W(block) which unpacks them, dot(activation) -> 8 int32 lanes whose sum is the
// block's integer dot product, and with kHasMin min_dot(activation) -> 4 lanes.
#pragma once
#include <immintrin.h>

#include <cstdint>
#include <cstring>

#include "kernels/cpu/activation.h"
#include "kernels/cpu/isa.h"
#include "kernels/half.h"
#include "kernels/quant.h"

namespace sluice::kernels::cpu {

// The sums of eight vectors of 8 lanes, in order.
static inline __m256i sum_lanes_8x8(const __m256i* v) {
    const __m256i a = _mm256_hadd_epi32(_mm256_hadd_epi32(v[0], v[1]), _mm256_hadd_epi32(v[2], v[3]));
    const __m256i b = _mm256_hadd_epi32(_mm256_hadd_epi32(v[4], v[5]), _mm256_hadd_epi32(v[6], v[7]));
    return _mm256_add_epi32(_mm256_permute2x128_si256(a, b, 0x20), _mm256_permute2x128_si256(a, b, 0x31));
}

// The sums of eight vectors of 4 lanes, in order.
static inline __m256i sum_lanes_8x4(const __m128i* v) {
    const auto two = [v](int low, int high) { return _mm256_set_m128i(v[high], v[low]); };
    return _mm256_hadd_epi32(_mm256_hadd_epi32(two(0, 4), two(1, 5)),
                             _mm256_hadd_epi32(two(2, 6), two(3, 7)));
}

// The 6-bit scales (first) and mins (second half) of Q4_K and Q5_K as 16 int16.
static inline __m256i scales_and_mins(const uint8_t* packed) {
    uint32_t a, b, c;
    std::memcpy(&a, packed, 4);
    std::memcpy(&b, packed + 4, 4);
    std::memcpy(&c, packed + 8, 4);
    const uint32_t low6 = 0x3f3f3f3fu, low4 = 0x0f0f0f0fu, top2 = 0x30303030u;
    const uint32_t scales_high = (c & low4) | ((a >> 2) & top2),
                   mins_high = ((c >> 4) & low4) | ((b >> 2) & top2);
    return _mm256_cvtepu8_epi16(_mm_set_epi32(static_cast<int>(mins_high), static_cast<int>(b & low6),
                                              static_cast<int>(scales_high), static_cast<int>(a & low6)));
}

// Weights and activations of one block of 32 as signed bytes: exact 8 lanes. |w| <= 128, |a| <= 127.
static inline __m256i dot_signed_32(__m256i w, const int8_t* a) {
    const __m256i x = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(a));
    const __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(x, w));
    return _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
}

static inline __m256i load_quants(const BlockQ8_0* block) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(block->qs));
}
static inline __m256i load_quants(const BlockQ4_0* block) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(block->qs));
    const __m256i both = _mm256_set_m128i(_mm_srli_epi16(bytes, 4), bytes);
    return _mm256_sub_epi8(_mm256_and_si256(both, _mm256_set1_epi8(15)), _mm256_set1_epi8(8));
}

static inline float half_at(const std::byte* p) {
    uint16_t h;
    std::memcpy(&h, p, sizeof h);
    return _cvtsh_ss(h);
}

// First byte of each tile row; rows behind the end are copies of the last.
static inline void row_starts(const Tile& t, const std::byte** row) {
    for (int r = 0; r < kTileRows; ++r)
        row[r] = t.weight + static_cast<size_t>(r < t.rows ? r : t.rows - 1) * t.row_bytes;
}

static inline void store_tile(const Tile& t, const __m256* acc) {
    for (int c = 0; c < t.cols; ++c) _mm256_storeu_ps(t.out[c], acc[c]);
}

// Q8_0 and Q4_0.
template <class Block>
static void tile_32(const Tile& t) {
    const std::byte* row[kTileRows];
    row_starts(t, row);
    __m256 acc[kTileCols];
    for (int c = 0; c < kTileCols; ++c) acc[c] = _mm256_setzero_ps();
    for (int64_t b = 0; b < t.k / 32; ++b) {
        __m256i w[kTileRows];
        alignas(32) float d[kTileRows];
        for (int r = 0; r < kTileRows; ++r) {
            const auto* block = reinterpret_cast<const Block*>(row[r]) + b;
            w[r] = load_quants(block);
            d[r] = half_at(reinterpret_cast<const std::byte*>(block));
        }
        const __m256 dw = _mm256_load_ps(d);
        for (int c = 0; c < t.cols; ++c) {
            const Act32& a = reinterpret_cast<const Act32*>(t.columns[c])[b];
            __m256i lanes[kTileRows];
            for (int r = 0; r < kTileRows; ++r) lanes[r] = dot_signed_32(w[r], a.q);
            const __m256 scale = _mm256_mul_ps(dw, _mm256_set1_ps(a.d));
            acc[c] = _mm256_fmadd_ps(scale, _mm256_cvtepi32_ps(sum_lanes_8x8(lanes)), acc[c]);
        }
    }
    store_tile(t, acc);
}

// Q4_K, Q5_K and Q6_K, by the unpacked form W of a block. A row's block is unpacked once for all columns.
template <class W>
static void tile_256(const Tile& t) {
    const std::byte* row[kTileRows];
    row_starts(t, row);
    __m256 acc[kTileCols];
    for (int c = 0; c < kTileCols; ++c) acc[c] = _mm256_setzero_ps();
    __m256i lanes[kTileCols][kTileRows];
    __m128i min_lanes[kTileCols][kTileRows];
    const size_t ahead = kTileRows * t.row_bytes;
    for (int64_t b = 0; b < t.k / 256; ++b) {
        alignas(32) float d[kTileRows], dmin[kTileRows] = {};
        for (int r = 0; r < kTileRows; ++r) {
            const std::byte* block = row[r] + static_cast<size_t>(b) * W::kBytes;
            for (size_t line = 0; line < W::kBytes; line += 64)
                _mm_prefetch(reinterpret_cast<const char*>(block + ahead + line), _MM_HINT_T0);
            const W w(block);
            d[r] = half_at(block + W::kScaleAt);
            if constexpr (W::kHasMin) dmin[r] = half_at(block + W::kScaleAt + 2);
            for (int c = 0; c < t.cols; ++c) {
                const Act256& a = reinterpret_cast<const Act256*>(t.columns[c])[b];
                lanes[c][r] = w.dot(a);
                if constexpr (W::kHasMin) min_lanes[c][r] = w.min_dot(a);
            }
        }
        const __m256 dw = _mm256_load_ps(d), dm = _mm256_load_ps(dmin);
        for (int c = 0; c < t.cols; ++c) {
            const __m256 da = _mm256_set1_ps(reinterpret_cast<const Act256*>(t.columns[c])[b].d);
            const __m256 sum = _mm256_cvtepi32_ps(sum_lanes_8x8(lanes[c]));
            acc[c] = _mm256_fmadd_ps(_mm256_mul_ps(dw, da), sum, acc[c]);
            if constexpr (W::kHasMin) {
                const __m256 mins = _mm256_cvtepi32_ps(sum_lanes_8x4(min_lanes[c]));
                acc[c] = _mm256_fnmadd_ps(_mm256_mul_ps(dm, da), mins, acc[c]);
            }
        }
    }
    store_tile(t, acc);
}

}  // namespace sluice::kernels::cpu
