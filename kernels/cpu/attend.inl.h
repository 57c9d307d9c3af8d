// Attention over one split of a sequence's blocks, written once over the F32 of an instruction set. A block's
// keys lie with tokens in lanes, so scores need no sums across lanes; values lie with dimensions in lanes.
// Three passes: the scores of all rows, their weights, the weighted sum of the values.
#pragma once
#include <cstdint>
#include <cstring>
#include <limits>

#include "kernels/cpu/isa.h"
#include "kernels/cpu/vec_math.inl.h"

namespace sluice::kernels::cpu {

inline constexpr int64_t kCacheLine = 64;
inline constexpr int kFewRows = 8;  // to convert a tile for each few rows costs less than through memory

// 16 elements of a cache tile, from element i on.
template <class V, DType type>
V load_cached(const std::byte* tile, int64_t i) {
    if constexpr (type == DType::f32) return V::load(reinterpret_cast<const float*>(tile) + i);
    if constexpr (type == DType::f16) return V::load_f16(reinterpret_cast<const uint16_t*>(tile) + i);
    if constexpr (type == DType::bf16) return V::load_bf16(reinterpret_cast<const uint16_t*>(tile) + i);
}
template <class V, DType type>
V load_cached_n(const std::byte* tile, int64_t i, int64_t n) {
    if constexpr (type == DType::f32) return V::load_n(reinterpret_cast<const float*>(tile) + i, n);
    if constexpr (type == DType::f16) return V::load_f16_n(reinterpret_cast<const uint16_t*>(tile) + i, n);
    if constexpr (type == DType::bf16) return V::load_bf16_n(reinterpret_cast<const uint16_t*>(tile) + i, n);
}

// Elements `from`, `from` + 16, ... as f32; fetches the same part of the next tile.
template <class V, DType type>
void widen(const std::byte* tile, const std::byte* next, int64_t from, int64_t n, float* to) {
    constexpr int64_t kElem = dtype_info(type).block_bytes;
    int64_t i = 0;
    for (; i + 16 <= n; i += 16) {
        __builtin_prefetch(next + (from + i) * kElem);
        load_cached<V, type>(tile, from + i).store(to + i);
    }
    if (i < n) load_cached_n<V, type>(tile, from + i, n - i).store(to + i);
}

// p[r][j] = q[r] . keys[:, j] for the 16 * N tokens of the block from token `from` on.
template <class V, DType type, int R, int N>
void scores(const float* const* q, const std::byte* keys, const std::byte* next, int64_t from, int64_t dim,
            float* p) {
    constexpr int64_t kRow = kBlockTokens * int64_t{dtype_info(type).block_bytes};
    const float* x[R];
    V sum[R][N];
    SLUICE_UNROLL
    for (int r = 0; r < R; ++r) {
        x[r] = q[r];
        SLUICE_UNROLL
        for (int n = 0; n < N; ++n) sum[r][n] = V::zero();
    }
    for (int64_t d = 0; d < dim; ++d) {
        if (next)
            for (int64_t line = 0; line < kRow; line += kCacheLine)
                __builtin_prefetch(next + d * kRow + line);
        V k[N];
        SLUICE_UNROLL
        for (int n = 0; n < N; ++n) k[n] = load_cached<V, type>(keys, d * kBlockTokens + from + 16 * n);
        SLUICE_UNROLL
        for (int r = 0; r < R; ++r) {
            const V factor = V::set(x[r][d]);
            SLUICE_UNROLL
            for (int n = 0; n < N; ++n) sum[r][n] = fma(factor, k[n], sum[r][n]);
        }
    }
    SLUICE_UNROLL
    for (int r = 0; r < R; ++r) {
        SLUICE_UNROLL
        for (int n = 0; n < N; ++n) sum[r][n].store(p + r * kSplitTokens + from + 16 * n);
    }
}

// acc[r] += sum over the block's tokens begin .. end - 1 of p[r][j] * values[j, :], ascending.
template <class V, DType type, int R, int N>
void add_values(const std::byte* values, const std::byte* next, int64_t stride, int32_t begin, int32_t end,
                const float* p, float* acc, int64_t acc_stride) {
    constexpr int64_t kElem = dtype_info(type).block_bytes;
    V a[R][N];
    SLUICE_UNROLL
    for (int r = 0; r < R; ++r) {
        SLUICE_UNROLL
        for (int n = 0; n < N; ++n) a[r][n] = V::load(acc + r * acc_stride + 16 * n);
    }
    for (int64_t j = begin; j < end; ++j) {
        if (next)
            for (int64_t line = 0; line < 16 * N * kElem; line += kCacheLine)
                __builtin_prefetch(next + j * stride * kElem + line);
        V v[N];
        SLUICE_UNROLL
        for (int n = 0; n < N; ++n) v[n] = load_cached<V, type>(values, j * stride + 16 * n);
        SLUICE_UNROLL
        for (int r = 0; r < R; ++r) {
            const V weight = V::set(p[r * kSplitTokens + j]);
            SLUICE_UNROLL
            for (int n = 0; n < N; ++n) a[r][n] = fma(weight, v[n], a[r][n]);
        }
    }
    SLUICE_UNROLL
    for (int r = 0; r < R; ++r) {
        SLUICE_UNROLL
        for (int n = 0; n < N; ++n) a[r][n].store(acc + r * acc_stride + 16 * n);
    }
}

// Turns the scores of a row's `tokens` tokens into weights; 0 for the rest of the last 16.
template <class V>
void weigh(float* p, int32_t tokens, float scale, float& maximum, float& sum) {
    maximum = std::numeric_limits<float>::lowest();
    sum = 0.0f;
    if (tokens == 0) return;
    const auto end = static_cast<int32_t>(padded(tokens));
    for (int32_t j = tokens; j < end; ++j) p[j] = -std::numeric_limits<float>::infinity();
    V most = V::set(maximum), total = V::zero();
    for (int32_t j = 0; j < end; j += 16) {
        const V s = V::load(p + j) * V::set(scale);
        s.store(p + j);
        most = max(most, s);
    }
    maximum = reduce_max(most);
    for (int32_t j = 0; j < end; j += 16) {
        const V e = exp(V::load(p + j) - V::set(maximum));
        e.store(p + j);
        total = total + e;
    }
    sum = reduce_add(total);
}

// Calls f<R>(row) for tiles of R rows that cover them all, the largest that fit first.
template <int R, class F>
void each_tile(int row, int rows, F&& f) {
    for (; row + R <= rows; row += R) f.template operator()<R>(row);
    if constexpr (R > 1) each_tile<R / 2>(row, rows, f);
}

// A split, its rows and where their results go.
template <class V>
struct SplitRows {
    const Attend& a;
    int64_t dim = a.cache.head_dim, wide = padded(dim);

    const std::byte* tile(const std::byte* pool, int32_t block) const {
        return pool + a.cache.tile(a.blocks[block < a.end ? block : a.end - 1], a.kv_head);
    }
    // What is read after a block's keys: the next keys, at the end the first values.
    const std::byte* after_keys(int32_t block) const {
        return block + 1 < a.end ? tile(a.cache.keys, block + 1) : tile(a.cache.values, a.first);
    }
    // Tokens that the row sees of the blocks from this one to `end`.
    int32_t seen(int row, int32_t block, int32_t end) const {
        const int32_t all = (end - block) * kBlockTokens, left = a.last[row] + 1 - block * kBlockTokens;
        return left < 0 ? 0 : left < all ? left : all;
    }
    int32_t most_seen(int row, int rows, int32_t block) const {
        int32_t most = 0;
        for (int i = 0; i < rows; ++i) {
            const int32_t own = seen(row + i, block, block + 1);
            most = own > most ? own : most;
        }
        return most;
    }
    float* result(int row) const { return a.results + row * a.stride; }
    float* acc(int row) const { return result(row) + 2; }
};

// The passes over float types.
template <class V, DType type>
struct FloatSplit : SplitRows<V> {
    using SplitRows<V>::a, SplitRows<V>::dim, SplitRows<V>::wide, SplitRows<V>::tile, SplitRows<V>::seen,
        SplitRows<V>::acc;
    float* wider = reinterpret_cast<float*>(a.scratch);  // one tile as f32
    float* p = wider + kBlockTokens * wide;              // [rows, kSplitTokens]
    // A tile that many rows read is converted once. Values are also when rows do not end with a register.
    bool many = type != DType::f32 && a.rows > kFewRows;

    template <DType as>
    void score_block(const std::byte* keys, const std::byte* next, int32_t block) {
        float* to = p + (block - a.first) * kBlockTokens;
        each_tile<V::kFmaRows>(0, a.rows, [&]<int R>(int r) {
            constexpr int N = V::kFmaVectors;
            if (this->most_seen(r, R, block) == 0) return;
            for (int64_t from = 0; from < kBlockTokens; from += 16 * N)
                scores<V, as, R, N>(a.q + r, keys, r + from == 0 ? next : nullptr, from, dim,
                                    to + r * kSplitTokens);
        });
    }
    void score() {
        for (int32_t b = a.first; b < a.end; ++b) {
            const std::byte* keys = tile(a.cache.keys, b);
            const std::byte* next = this->after_keys(b);
            if (!many) {
                score_block<type>(keys, next, b);
                continue;
            }
            widen<V, type>(keys, next, 0, dim * kBlockTokens, wider);
            score_block<DType::f32>(reinterpret_cast<const std::byte*>(wider), nullptr, b);
        }
    }

    template <DType as, int R>
    void add_rows(const std::byte* values, const std::byte* next, int64_t stride, int r, int32_t begin,
                  int32_t end, const float* weights) {
        constexpr int N = V::kFmaVectors;
        constexpr int64_t kElem = dtype_info(as).block_bytes;
        if (begin >= end) return;
        int64_t d = 0;
        for (; d + 16 * N <= wide; d += 16 * N)
            add_values<V, as, R, N>(values + d * kElem, next ? next + d * kElem : nullptr, stride, begin, end,
                                    weights, acc(r) + d, a.stride);
        for (; d < wide; d += 16)
            add_values<V, as, R, 1>(values + d * kElem, nullptr, stride, begin, end, weights, acc(r) + d,
                                    a.stride);
    }
    template <DType as>
    void add_block(const std::byte* values, const std::byte* next, int64_t stride, int32_t block) {
        each_tile<V::kFmaRows>(0, a.rows, [&]<int R>(int r) {
            // Together as far as all rows see, then each row alone: a weight of 0 would not hide a NaN.
            const float* weights = p + r * kSplitTokens + (block - a.first) * kBlockTokens;
            int32_t shared = kBlockTokens;
            for (int i = 0; i < R; ++i) {
                const int32_t own = seen(r + i, block, block + 1);
                shared = own < shared ? own : shared;
            }
            add_rows<as, R>(values, r == 0 ? next : nullptr, stride, r, 0, shared, weights);
            for (int i = 0; i < R; ++i)
                add_rows<as, 1>(values, nullptr, stride, r + i, shared, seen(r + i, block, block + 1),
                                weights + i * kSplitTokens);
        });
    }
    void add() {
        for (int32_t b = a.first; b < a.end; ++b) {
            const std::byte* values = tile(a.cache.values, b);
            const std::byte* next = tile(a.cache.values, b + 1);
            if (!many && dim == wide) {
                add_block<type>(values, next, dim, b);
                continue;
            }
            for (int64_t j = 0; j < kBlockTokens; ++j)
                widen<V, type>(values, next, j * dim, dim, wider + j * wide);
            add_block<DType::f32>(reinterpret_cast<const std::byte*>(wider), nullptr, wide, b);
        }
    }
};

template <class V, DType type>
void attend_floats(const Attend& a) {
    FloatSplit<V, type> split{{a}};
    split.score();
    for (int r = 0; r < a.rows; ++r) {
        float* result = split.result(r);
        weigh<V>(split.p + r * kSplitTokens, split.seen(r, a.first, a.end), a.scale, result[0], result[1]);
        std::memset(split.acc(r), 0, sizeof(float) * static_cast<size_t>(split.wide));
    }
    split.add();
}

template <class V>
void merge(float& maximum, float& sum, float* acc, float max2, float sum2, const float* acc2, int64_t n) {
    const float greatest = max2 > maximum ? max2 : maximum;
    const V keep = exp(V::set(maximum - greatest)), take = exp(V::set(max2 - greatest));
    float k[16], t[16];
    keep.store(k);
    take.store(t);
    sum = sum * k[0] + sum2 * t[0];
    maximum = greatest;
    for (int64_t d = 0; d < n; d += 16) fma(V::load(acc2 + d), take, V::load(acc + d) * keep).store(acc + d);
}

}  // namespace sluice::kernels::cpu
