// Tiles of quantised weights for AVX2 and AVX-512: integer sums are exact, so both give the bits of the plain
// loops in isa_scalar.cpp. Static functions: each instruction set has its own copies.
// A type W of 256 weights has: W(block) which unpacks them, dots<C>(activations) -> for each of C columns 8
// int32 lanes whose sum is the block's integer dot product, and with kHasMin min_dot(activation) -> 4 lanes.
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

// The 6-bit scales (first) and mins (second half) of Q4_K and Q5_K as 16 int16: unpack_scales_k4 of quant.h
// on all at once. The block begins with its two f16 scales, 4 bytes; the packed ones follow.
static inline __m256i scales_and_mins(const std::byte* block) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(block));
    // Of each four result bytes: scales 0-3, scales 4-7, mins 0-3, mins 4-7.
    const __m128i own =
        _mm_shuffle_epi8(bytes, _mm_setr_epi8(4, 5, 6, 7, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15));
    const __m128i top =
        _mm_shuffle_epi8(bytes, _mm_setr_epi8(-1, -1, -1, -1, 4, 5, 6, 7, -1, -1, -1, -1, 8, 9, 10, 11));
    const __m128i low = _mm_and_si128(own, _mm_setr_epi32(0x3f3f3f3f, 0x0f0f0f0f, 0x3f3f3f3f, 0));
    const __m128i nibble = _mm_and_si128(_mm_srli_epi16(own, 4), _mm_setr_epi32(0, 0, 0, 0x0f0f0f0f));
    const __m128i bits = _mm_and_si128(_mm_srli_epi16(top, 2), _mm_set1_epi8(0x30));
    return _mm256_cvtepu8_epi16(_mm_or_si128(_mm_or_si128(low, nibble), bits));
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

// The f16 at offset `at` of the rows' current blocks, as floats.
static inline __m256 halves_at(const std::byte* const* block, size_t at) {
    const auto half = [&](int r) {
        short h;
        std::memcpy(&h, block[r] + at, sizeof h);
        return h;
    };
    return _mm256_cvtph_ps(
        _mm_setr_epi16(half(0), half(1), half(2), half(3), half(4), half(5), half(6), half(7)));
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
        for (int r = 0; r < kTileRows; ++r) w[r] = load_quants(reinterpret_cast<const Block*>(row[r]));
        const __m256 dw = halves_at(row, 0);
        for (int r = 0; r < kTileRows; ++r) row[r] += sizeof(Block);
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

// Q4_K, Q5_K and Q6_K, by the unpacked form W of a block, for C columns: a number that the compiler knows, so
// that their sums stay in registers. A row's block is unpacked once for all of them.
template <class W, int C>
static void tile_256_columns(const Tile& t) {
    const std::byte* row[kTileRows];
    row_starts(t, row);
    __m256 acc[C];
    for (int c = 0; c < C; ++c) acc[c] = _mm256_setzero_ps();
    __m256i lanes[C][kTileRows];
    __m128i min_lanes[C][kTileRows];
    const size_t ahead = kTileRows * t.row_bytes;
    for (int64_t b = 0; b < t.k / 256; ++b) {
        const Act256* a[C];
        for (int c = 0; c < C; ++c) a[c] = reinterpret_cast<const Act256*>(t.columns[c]) + b;
        for (int r = 0; r < kTileRows; ++r) {
            for (size_t line = 0; line < W::kBytes; line += 64)
                _mm_prefetch(reinterpret_cast<const char*>(row[r] + ahead + line), _MM_HINT_T0);
            const W w(row[r]);
            __m256i sum[C];
            w.template dots<C>(a, sum);
            for (int c = 0; c < C; ++c) {
                lanes[c][r] = sum[c];
                if constexpr (W::kHasMin) min_lanes[c][r] = w.min_dot(*a[c]);
            }
        }
        const __m256 dw = halves_at(row, W::kScaleAt);
        __m256 dm = _mm256_setzero_ps();
        if constexpr (W::kHasMin) dm = halves_at(row, W::kScaleAt + 2);
        for (int r = 0; r < kTileRows; ++r) row[r] += W::kBytes;
        for (int c = 0; c < C; ++c) {
            const __m256 da = _mm256_set1_ps(a[c]->d);
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

template <class W>
static void tile_256(const Tile& t) {
    static_assert(kTileCols == 8);
    using Columns = void (*)(const Tile&);
    static constexpr Columns by_columns[kTileCols] = {
        tile_256_columns<W, 1>, tile_256_columns<W, 2>, tile_256_columns<W, 3>, tile_256_columns<W, 4>,
        tile_256_columns<W, 5>, tile_256_columns<W, 6>, tile_256_columns<W, 7>, tile_256_columns<W, 8>};
    by_columns[t.cols - 1](t);
}

}  // namespace sluice::kernels::cpu
