// Attention over one split of a sequence's blocks, written once over the F32 of an instruction set. A block's
// keys lie with tokens in lanes, so scores need no sums across lanes; values lie with dimensions in lanes.
#pragma once
#include <cstdint>
#include <cstring>
#include <limits>

#include "kernels/cpu/isa.h"
#include "kernels/cpu/vec_math.inl.h"

namespace sluice::kernels::cpu {

// n elements of a cache tile as f32.
template <class V>
void widen(DType type, const std::byte* from, float* to, int64_t n) {
    const auto* halves = reinterpret_cast<const uint16_t*>(from);
    const auto* floats = reinterpret_cast<const float*>(from);
    int64_t i = 0;
    for (; i + 16 <= n; i += 16) {
        const V v = type == DType::f32   ? V::load(floats + i)
                    : type == DType::f16 ? V::load_f16(halves + i)
                                         : V::load_bf16(halves + i);
        v.store(to + i);
    }
    if (i == n) return;
    const V v = type == DType::f32   ? V::load_n(floats + i, n - i)
                : type == DType::f16 ? V::load_f16_n(halves + i, n - i)
                                     : V::load_bf16_n(halves + i, n - i);
    v.store_n(to + i, n - i);
}

// p[r][j] = q[r] . keys[:, j] for the block's 32 tokens. Two rows fill the registers of AVX2.
template <class V, int R>
void scores(const float* const* q, const float* keys, int64_t dim, float* p) {
    V sum[R][2];
    SLUICE_UNROLL
    for (int r = 0; r < R; ++r) sum[r][0] = sum[r][1] = V::zero();
    for (int64_t d = 0; d < dim; ++d) {
        const V k0 = V::load(keys + d * kBlockTokens), k1 = V::load(keys + d * kBlockTokens + 16);
        SLUICE_UNROLL
        for (int r = 0; r < R; ++r) {
            const V x = V::set(q[r][d]);
            sum[r][0] = fma(x, k0, sum[r][0]);
            sum[r][1] = fma(x, k1, sum[r][1]);
        }
    }
    SLUICE_UNROLL
    for (int r = 0; r < R; ++r) {
        sum[r][0].store(p + r * kBlockTokens);
        sum[r][1].store(p + r * kBlockTokens + 16);
    }
}

// acc[r] = acc[r] * decay[r] + sum over the first `tokens` of p[r][j] * values[j, :], ascending; dim is
// padded.
template <class V, int R>
void add_values(float* acc, const float* decay, const float* p, int32_t tokens, const float* values,
                int64_t dim) {
    int64_t d = 0;
    for (; d + 32 <= dim; d += 32) {
        V a[R][2];
        SLUICE_UNROLL
        for (int r = 0; r < R; ++r) {
            a[r][0] = V::load(acc + r * dim + d) * V::set(decay[r]);
            a[r][1] = V::load(acc + r * dim + d + 16) * V::set(decay[r]);
        }
        for (int32_t j = 0; j < tokens; ++j) {
            const V v0 = V::load(values + j * dim + d), v1 = V::load(values + j * dim + d + 16);
            SLUICE_UNROLL
            for (int r = 0; r < R; ++r) {
                const V w = V::set(p[r * kBlockTokens + j]);
                a[r][0] = fma(w, v0, a[r][0]);
                a[r][1] = fma(w, v1, a[r][1]);
            }
        }
        SLUICE_UNROLL
        for (int r = 0; r < R; ++r) {
            a[r][0].store(acc + r * dim + d);
            a[r][1].store(acc + r * dim + d + 16);
        }
    }
    for (; d < dim; d += 16) {
        for (int r = 0; r < R; ++r) {
            V a = V::load(acc + r * dim + d) * V::set(decay[r]);
            for (int32_t j = 0; j < tokens; ++j)
                a = fma(V::set(p[r * kBlockTokens + j]), V::load(values + j * dim + d), a);
            a.store(acc + r * dim + d);
        }
    }
}

// Turns the scores of a row into weights and moves its state to the new maximum. Returns the decay of acc.
template <class V>
float online_softmax(float* p, int32_t tokens, float scale, float& maximum, float& sum) {
    for (int32_t j = tokens; j < kBlockTokens; ++j) p[j] = -std::numeric_limits<float>::infinity();
    const V s0 = V::load(p) * V::set(scale), s1 = V::load(p + 16) * V::set(scale);
    const float most = reduce_max(max(s0, s1));
    const float greatest = most > maximum ? most : maximum;
    const V e0 = exp(s0 - V::set(greatest)), e1 = exp(s1 - V::set(greatest));
    e0.store(p);
    e1.store(p + 16);
    float decay[16] = {1.0f};  // exp(0) is 1 exactly
    if (greatest != maximum) exp(V::set(maximum - greatest)).store(decay);
    sum = sum * decay[0] + reduce_add(e0 + e1);
    maximum = greatest;
    return decay[0];
}

// Rows r .. r + R - 1 take the block's tokens into account: the first `tokens` of it, which is at least one.
template <class V, int R>
void attend_rows(const Attend& a, int r, int32_t tokens, float* p, const float* values, int64_t wide) {
    float decay[R];
    for (int i = 0; i < R; ++i)
        decay[i] = online_softmax<V>(p + i * kBlockTokens, tokens, a.scale, a.maximum[r + i], a.sum[r + i]);
    add_values<V, R>(a.acc + r * wide, decay, p, tokens, values, wide);
}

template <class V>
void attend(const Attend& a) {
    const int64_t dim = a.cache.head_dim, wide = padded(dim);
    float* keys = a.scratch;                     // [dim, 32]
    float* values = keys + kBlockTokens * wide;  // [32, padded dim]
    float* p = values + kBlockTokens * wide;     // [rows, 32]
    const size_t elem = dtype_info(a.cache.type).block_bytes;
    std::memset(values, 0, sizeof(float) * static_cast<size_t>(kBlockTokens * wide));
    std::memset(a.acc, 0, sizeof(float) * static_cast<size_t>(a.rows * wide));
    for (int r = 0; r < a.rows; ++r) {
        a.maximum[r] = std::numeric_limits<float>::lowest();
        a.sum[r] = 0.0f;
    }
    for (int32_t b = a.first; b < a.end; ++b) {
        const size_t at = static_cast<size_t>(a.cache.tile(a.blocks[b], a.kv_head)) * elem;
        widen<V>(a.cache.type, a.cache.keys + at, keys, dim * kBlockTokens);
        for (int64_t j = 0; j < kBlockTokens; ++j)
            widen<V>(a.cache.type, a.cache.values + at + static_cast<size_t>(j * dim) * elem,
                     values + j * wide, dim);
        const auto seen = [&](int row) {  // tokens of the block that the row may see; none: 0 or less
            const int32_t left = a.last[row] + 1 - b * kBlockTokens;
            return left < kBlockTokens ? left : kBlockTokens;
        };
        for (int r = 0; r < a.rows;) {
            float* row = p + r * kBlockTokens;
            const int32_t tokens[2] = {seen(r), r + 1 < a.rows ? seen(r + 1) : 0};
            if (tokens[0] > 0 && tokens[0] == tokens[1]) {
                scores<V, 2>(a.q + r, keys, dim, row);
                attend_rows<V, 2>(a, r, tokens[0], row, values, wide);
                r += 2;
            } else {
                if (tokens[0] > 0) {
                    scores<V, 1>(a.q + r, keys, dim, row);
                    attend_rows<V, 1>(a, r, tokens[0], row, values, wide);
                }
                r += 1;
            }
        }
    }
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
