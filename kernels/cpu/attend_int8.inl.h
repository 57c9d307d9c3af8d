// Attention over one split of an int8 cache, written once over the F32, I32 and Pairs of an instruction set.
// Queries and weights become int16, so that products and sums are exact integers: at most 512 terms (tokens
// of a split, dimensions of a head) of 32767 * 127 each.
#pragma once
#include <cstdint>
#include <cstring>

#include "kernels/cpu/attend.inl.h"

namespace sluice::kernels::cpu {

// out = x / unit, rounded; returns unit, which is NaN when x has one.
template <class V>
float to_int16(const float* x, int64_t n, int16_t* out) {
    const auto load = [&](int64_t i) { return i + 16 <= n ? V::load(x + i) : V::load_n(x + i, n - i); };
    V greatest = V::zero(), nothing = V::zero();
    for (int64_t i = 0; i < n; i += 16) {
        greatest = max(greatest, abs(load(i)));
        nothing = fma(load(i), V::zero(), nothing);
    }
    const float most = reduce_max(greatest);
    const V inverse = V::set(most > 1e-30f ? 32767.0f / most : 0.0f);
    for (int64_t i = 0; i < n; i += 16) (load(i) * inverse).store_i16(out + i);
    return most / 32767.0f + reduce_add(nothing);
}

// p[r][j] = q[r] . keys[:, j] for the 16 * N tokens of the block from token `from` on.
template <class V, class I, class Pair, int R, int N>
void int8_scores(const int16_t* q, int64_t wide, const float* units, const std::byte* keys,
                 const std::byte* next, int64_t from, int64_t dim, float* p) {
    const auto* elements = reinterpret_cast<const int8_t*>(keys);
    I sum[R][N];
    SLUICE_UNROLL
    for (int r = 0; r < R; ++r) {
        SLUICE_UNROLL
        for (int n = 0; n < N; ++n) sum[r][n] = I::zero();
    }
    for (int64_t d = 0; d < dim; d += 2) {
        if (next) __builtin_prefetch(next + d * kBlockTokens);
        Pair k[N];
        SLUICE_UNROLL
        for (int n = 0; n < N; ++n) k[n] = Pair::load(elements + d * kBlockTokens + (from + 16 * n) * 2);
        SLUICE_UNROLL
        for (int r = 0; r < R; ++r) {
            const Pair factors = Pair::set(q + r * wide + d);
            SLUICE_UNROLL
            for (int n = 0; n < N; ++n) {
                sum[r][n] = dot(factors, k[n], sum[r][n]);
                pin(sum[r][n]);
            }
        }
    }
    const auto* scales = reinterpret_cast<const float*>(keys + dim * kBlockTokens) + from;
    SLUICE_UNROLL
    for (int r = 0; r < R; ++r) {
        SLUICE_UNROLL
        for (int n = 0; n < N; ++n)
            (sum[r][n].to_f32() * V::load(scales + 16 * n) * V::set(units[r]))
                .store(p + r * kSplitTokens + from + 16 * n);
    }
}

// sums[r] += sum over the block's first `pairs` pairs of tokens of weights[r][j] * values[j, :]. `lanes` < 16
// of the only vector exist, or all of N.
template <class I, class Pair, int R, int N>
void add_int8_values(const std::byte* values, const std::byte* next, int64_t dim, int64_t pairs,
                     const int16_t* weights, int32_t* sums, int64_t wide, int64_t lanes) {
    I sum[R][N];
    SLUICE_UNROLL
    for (int r = 0; r < R; ++r) {
        SLUICE_UNROLL
        for (int n = 0; n < N; ++n) sum[r][n] = I::load(sums + r * wide + 16 * n);
    }
    for (int64_t j = 0; j < pairs; ++j) {
        const auto* row = reinterpret_cast<const int8_t*>(values) + j * dim * 2;
        if (next) __builtin_prefetch(next + j * dim * 2);
        Pair v[N];
        SLUICE_UNROLL
        for (int n = 0; n < N; ++n) v[n] = lanes < 16 ? Pair::load_n(row, lanes) : Pair::load(row + 32 * n);
        SLUICE_UNROLL
        for (int r = 0; r < R; ++r) {
            const Pair two = Pair::set(weights + r * kSplitTokens + 2 * j);
            SLUICE_UNROLL
            for (int n = 0; n < N; ++n) {
                sum[r][n] = dot(two, v[n], sum[r][n]);
                pin(sum[r][n]);
            }
        }
    }
    SLUICE_UNROLL
    for (int r = 0; r < R; ++r) {
        SLUICE_UNROLL
        for (int n = 0; n < N; ++n) sum[r][n].store(sums + r * wide + 16 * n);
    }
}

template <class V, class I, class Pair>
struct Int8Split : SplitRows<V> {
    using SplitRows<V>::a, SplitRows<V>::dim, SplitRows<V>::wide, SplitRows<V>::tile, SplitRows<V>::seen,
        SplitRows<V>::acc;
    float* p = reinterpret_cast<float*>(a.scratch);                 // [rows, kSplitTokens]
    float* units = p + a.rows * kSplitTokens;                       // [rows]
    int32_t* sums = reinterpret_cast<int32_t*>(units + a.rows);     // [rows, wide]
    int16_t* q = reinterpret_cast<int16_t*>(sums + a.rows * wide);  // [rows, wide]
    int16_t* weights = q + a.rows * wide;                           // [rows, kSplitTokens]

    const std::byte* scales(const std::byte* of) const { return of + dim * kBlockTokens; }
    void fetch_scales(const std::byte* of) const {
        for (int64_t line = 0; line < kBlockTokens * int64_t{sizeof(float)}; line += kCacheLine)
            __builtin_prefetch(scales(of) + line);
    }

    void score() {
        for (int r = 0; r < a.rows; ++r) units[r] = to_int16<V>(a.q[r], dim, q + r * wide);
        for (int32_t b = a.first; b < a.end; ++b) {
            const std::byte* keys = tile(a.cache.keys, b);
            fetch_scales(tile(a.cache.keys, b + 1));
            fetch_scales(tile(a.cache.values, b));  // needed before the values
            float* to = p + (b - a.first) * kBlockTokens;
            each_tile<V::kFmaRows>(0, a.rows, [&]<int R>(int r) {
                constexpr int N = V::kFmaVectors;
                if (this->most_seen(r, R, b) == 0) return;
                for (int64_t from = 0; from < kBlockTokens; from += 16 * N)
                    int8_scores<V, I, Pair, R, N>(q + r * wide, wide, units + r, keys,
                                                  r + from == 0 ? this->after_keys(b) : nullptr, from, dim,
                                                  to + r * kSplitTokens);
            });
        }
    }
    // The scales of the values go into the weights; tokens that the row does not see get weight 0.
    void weigh_row(int r) {
        float* row = p + r * kSplitTokens;
        const int32_t tokens = seen(r, a.first, a.end), all = (a.end - a.first) * kBlockTokens;
        weigh<V>(row, tokens, a.scale, this->result(r)[0], this->result(r)[1]);
        for (int32_t j = 0; j < tokens; j += 16) {
            const std::byte* values = tile(a.cache.values, a.first + j / kBlockTokens);
            const auto* from = reinterpret_cast<const float*>(scales(values)) + j % kBlockTokens;
            const int32_t n = tokens - j;
            const V scale = n < 16 ? V::load_n(from, n) : V::load(from);
            (V::load(row + j) * scale).store(row + j);
        }
        const int64_t end = padded(tokens);
        std::memset(row + end, 0, sizeof(float) * static_cast<size_t>(all - end));
        units[r] = to_int16<V>(row, all, weights + r * kSplitTokens);
    }
    void add() {
        constexpr int N = V::kFmaVectors;
        std::memset(sums, 0, sizeof(int32_t) * static_cast<size_t>(a.rows * wide));
        for (int32_t b = a.first; b < a.end; ++b) {
            const std::byte *values = tile(a.cache.values, b), *next = tile(a.cache.values, b + 1);
            each_tile<V::kFmaRows>(0, a.rows, [&]<int R>(int r) {
                const int64_t pairs = (this->most_seen(r, R, b) + 1) / 2;
                const int16_t* w = weights + r * kSplitTokens + (b - a.first) * kBlockTokens;
                int64_t d = 0;
                for (; d + 16 * N <= dim; d += 16 * N)
                    add_int8_values<I, Pair, R, N>(values + 2 * d, r == 0 ? next + 2 * d : nullptr, dim,
                                                   pairs, w, sums + r * wide + d, wide, 16);
                for (; d < dim; d += 16)
                    add_int8_values<I, Pair, R, 1>(values + 2 * d, nullptr, dim, pairs, w,
                                                   sums + r * wide + d, wide, dim - d < 16 ? dim - d : 16);
            });
        }
        for (int r = 0; r < a.rows; ++r)
            for (int64_t d = 0; d < wide; d += 16)
                (I::load(sums + r * wide + d).to_f32() * V::set(units[r])).store(acc(r) + d);
    }
};

// Attention over a cache of any type.
template <class V, class I, class Pair>
void attend(const Attend& a) {
    if (a.cache.type == DType::f32) attend_floats<V, DType::f32>(a);
    if (a.cache.type == DType::f16) attend_floats<V, DType::f16>(a);
    if (a.cache.type == DType::bf16) attend_floats<V, DType::bf16>(a);
    if (a.cache.type != DType::q8_0) return;
    Int8Split<V, I, Pair> split{{a}};
    split.score();
    for (int r = 0; r < a.rows; ++r) split.weigh_row(r);
    split.add();
}

}  // namespace sluice::kernels::cpu
