// Tiles of float weights: 16 partial sums, k mod 16, over the F32 of an instruction set.
#pragma once
#include <cstdint>

#include "kernels/cpu/isa.h"

namespace sluice::kernels::cpu {

template <class V, DType type>
V load_weights(const std::byte* row, int64_t i) {
    if constexpr (type == DType::f32) return V::load(reinterpret_cast<const float*>(row) + i);
    if constexpr (type == DType::f16) return V::load_f16(reinterpret_cast<const uint16_t*>(row) + i);
    if constexpr (type == DType::bf16) return V::load_bf16(reinterpret_cast<const uint16_t*>(row) + i);
}
template <class V, DType type>
V load_weights_n(const std::byte* row, int64_t i, int64_t n) {
    if constexpr (type == DType::f32) return V::load_n(reinterpret_cast<const float*>(row) + i, n);
    if constexpr (type == DType::f16) return V::load_f16_n(reinterpret_cast<const uint16_t*>(row) + i, n);
    if constexpr (type == DType::bf16) return V::load_bf16_n(reinterpret_cast<const uint16_t*>(row) + i, n);
}

// R weight rows times C activations.
template <class V, DType type, int R, int C>
void float_tile(const Tile& t, int row, int col) {
    const std::byte* w[R];
    const float* x[C];
    for (int r = 0; r < R; ++r) w[r] = t.weight + static_cast<size_t>(row + r) * t.row_bytes;
    for (int c = 0; c < C; ++c) x[c] = reinterpret_cast<const float*>(t.columns[col + c]);
    V sum[R][C];
    SLUICE_UNROLL
    for (int r = 0; r < R; ++r) {
        SLUICE_UNROLL
        for (int c = 0; c < C; ++c) sum[r][c] = V::zero();
    }
    int64_t i = 0;
    for (; i + 16 <= t.k; i += 16) {
        V a[R];
        SLUICE_UNROLL
        for (int r = 0; r < R; ++r) a[r] = load_weights<V, type>(w[r], i);
        SLUICE_UNROLL
        for (int c = 0; c < C; ++c) {
            const V b = V::load(x[c] + i);
            SLUICE_UNROLL
            for (int r = 0; r < R; ++r) sum[r][c] = fma(a[r], b, sum[r][c]);
        }
    }
    SLUICE_UNROLL
    for (int r = 0; r < R; ++r) {
        SLUICE_UNROLL
        for (int c = 0; c < C; ++c) {
            V s = sum[r][c];
            if (i < t.k) s = fma(load_weights_n<V, type>(w[r], i, t.k - i), V::load_n(x[c] + i, t.k - i), s);
            t.out[col + c][row + r] = reduce_add(s);
        }
    }
}

// All columns for R rows, in tiles as wide as they fit.
template <class V, DType type, int R, int C = V::kTile>
void float_rows(const Tile& t, int row, int col = 0) {
    for (; col + C <= t.cols; col += C) float_tile<V, type, R, C>(t, row, col);
    if constexpr (C > 1) float_rows<V, type, R, C / 2>(t, row, col);
}

template <class V, DType type, int R = V::kTile>
void tile_float(const Tile& t, int row) {
    for (; row + R <= t.rows; row += R) float_rows<V, type, R>(t, row);
    if constexpr (R > 1) tile_float<V, type, R / 2>(t, row);
}
template <class V, DType type>
void tile_float(const Tile& t) {
    tile_float<V, type>(t, 0);
}

}  // namespace sluice::kernels::cpu
