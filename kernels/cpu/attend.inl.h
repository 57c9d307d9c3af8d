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

// p[j] = q . keys[:, j] for the block's 32 tokens, R rows at a time.
template <class V, int R>
void scores(const float* const* q, const float* keys, int64_t dim, float* p) {
    V sum[R][2];
    for (int r = 0; r < R; ++r) sum[r][0] = sum[r][1] = V::zero();
    for (int64_t d = 0; d < dim; ++d) {
        const V k0 = V::load(keys + d * kBlockTokens), k1 = V::load(keys + d * kBlockTokens + 16);
        for (int r = 0; r < R; ++r) {
            const V x = V::set(q[r][d]);
            sum[r][0] = fma(x, k0, sum[r][0]);
            sum[r][1] = fma(x, k1, sum[r][1]);
        }
    }
    for (int r = 0; r < R; ++r) {
        sum[r][0].store(p + r * kBlockTokens);
        sum[r][1].store(p + r * kBlockTokens + 16);
    }
}

// acc = acc * decay + sum over the first `tokens` of p[j] * values[j, :], ascending; dim is padded.
template <class V>
void add_values(float* acc, float decay, const float* p, int32_t tokens, const float* values, int64_t dim) {
    int64_t d = 0;
    for (; d + 64 <= dim; d += 64) {
        V a[4];
        for (int i = 0; i < 4; ++i) a[i] = V::load(acc + d + 16 * i) * V::set(decay);
        for (int32_t j = 0; j < tokens; ++j) {
            const V w = V::set(p[j]);
            for (int i = 0; i < 4; ++i) a[i] = fma(w, V::load(values + j * dim + d + 16 * i), a[i]);
        }
        for (int i = 0; i < 4; ++i) a[i].store(acc + d + 16 * i);
    }
    for (; d < dim; d += 16) {
        V a = V::load(acc + d) * V::set(decay);
        for (int32_t j = 0; j < tokens; ++j) a = fma(V::set(p[j]), V::load(values + j * dim + d), a);
        a.store(acc + d);
    }
}

// Turns the scores of a row into weights and moves its state to the new maximum. Returns the decay of acc.
template <class V>
float online_softmax(float* p, int32_t tokens, float scale, float& maximum, float& sum) {
    float greatest = maximum;
    for (int32_t j = 0; j < tokens; ++j) {
        p[j] *= scale;
        greatest = p[j] > greatest ? p[j] : greatest;
    }
    for (int32_t j = tokens; j < kBlockTokens; ++j) p[j] = -std::numeric_limits<float>::infinity();
    const V e0 = exp(V::load(p) - V::set(greatest)), e1 = exp(V::load(p + 16) - V::set(greatest));
    e0.store(p);
    e1.store(p + 16);
    float decay[16];
    exp(V::set(maximum - greatest)).store(decay);
    sum = sum * decay[0] + reduce_add(e0 + e1);
    maximum = greatest;
    return decay[0];
}

template <class V>
void attend(const Attend& a) {
    constexpr int kRows = 4;
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
        int r = 0;
        for (; r + kRows <= a.rows; r += kRows) scores<V, kRows>(a.q + r, keys, dim, p + r * kBlockTokens);
        for (; r < a.rows; ++r) scores<V, 1>(a.q + r, keys, dim, p + r * kBlockTokens);
        for (r = 0; r < a.rows; ++r) {
            const int32_t left = a.last[r] + 1 - b * kBlockTokens;  // tokens that the row may see
            const int32_t tokens = left < kBlockTokens ? left : kBlockTokens;
            if (tokens <= 0) continue;
            float* row = p + r * kBlockTokens;
            const float decay = online_softmax<V>(row, tokens, a.scale, a.maximum[r], a.sum[r]);
            add_values<V>(a.acc + r * wide, decay, row, tokens, values, wide);
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
