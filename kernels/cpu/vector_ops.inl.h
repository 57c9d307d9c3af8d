// Operations on rows of floats, written once over the 16-lane F32 of an instruction set (simd_*.inl.h). Sums
// have 16 partial sums, k mod 16, and the fixed tree of reduce_add.
#pragma once
#include <cmath>
#include <cstdint>
#include <limits>

#include "kernels/cpu/activation.h"
#include "kernels/cpu/vec_math.inl.h"

namespace sluice::kernels::cpu {

template <class V, int L = 16>
void rms_norm(const float* x, const float* weight, float* y, int64_t n, float eps) {
    V squares = V::zero();
    int64_t i = 0;
    for (; i + L <= n; i += L) squares = fma(V::load(x + i), V::load(x + i), squares);
    if (i < n) squares = fma(V::load_n(x + i, n - i), V::load_n(x + i, n - i), squares);
    const float mean = reduce_add(squares) / static_cast<float>(n);
    const V scale = V::set(1.0f / std::sqrt(mean + eps));
    for (i = 0; i + L <= n; i += L) (V::load(x + i) * scale * V::load(weight + i)).store(y + i);
    if (i < n) (V::load_n(x + i, n - i) * scale * V::load_n(weight + i, n - i)).store_n(y + i, n - i);
}

template <class V, int L = 16>
void softmax(const float* x, float* p, int64_t n) {
    float greatest = -std::numeric_limits<float>::infinity();
    for (int64_t i = 0; i < n; ++i) greatest = x[i] > greatest ? x[i] : greatest;
    V sums = V::zero();
    int64_t i = 0;
    for (; i + L <= n; i += L) {
        const V e = exp(V::load(x + i) - V::set(greatest));
        e.store(p + i);
        sums = sums + e;
    }
    if (i < n) {
        exp(V::load_n(x + i, n - i) - V::set(greatest)).store_n(p + i, n - i);
        sums = sums + V::load_n(p + i, n - i);  // not the lanes behind the end
    }
    const V inverse = V::set(1.0f / reduce_add(sums));
    for (i = 0; i + L <= n; i += L) (V::load(p + i) * inverse).store(p + i);
    if (i < n) (V::load_n(p + i, n - i) * inverse).store_n(p + i, n - i);
}

template <class V, int L = 16>
void silu_mul(const float* gate, const float* up, float* y, int64_t n) {
    int64_t i = 0;
    for (; i + L <= n; i += L) (silu(V::load(gate + i)) * V::load(up + i)).store(y + i);
    if (i < n) (silu(V::load_n(gate + i, n - i)) * V::load_n(up + i, n - i)).store_n(y + i, n - i);
}

template <class V, int L = 16>
void add_scaled(float* y, const float* x, float factor, int64_t n) {
    const V by = V::set(factor);
    int64_t i = 0;
    for (; i + L <= n; i += L) (V::load(y + i) + V::load(x + i) * by).store(y + i);
    if (i < n) (V::load_n(y + i, n - i) + V::load_n(x + i, n - i) * by).store_n(y + i, n - i);
}

template <class V, int L = 16>
void scale(const float* x, float* y, float factor, int64_t n) {
    const V by = V::set(factor);
    int64_t i = 0;
    for (; i + L <= n; i += L) (V::load(x + i) * by).store(y + i);
    if (i < n) (V::load_n(x + i, n - i) * by).store_n(y + i, n - i);
}

template <class V, int L = 16>
void rotate(float* x, const float* cos, const float* sin, int64_t half) {
    float* y = x + half;
    int64_t i = 0;
    for (; i + L <= half; i += L) {
        const V a = V::load(x + i), b = V::load(y + i), c = V::load(cos + i), s = V::load(sin + i);
        (a * c - b * s).store(x + i);
        (a * s + b * c).store(y + i);
    }
    if (const int64_t n = half - i; n > 0) {
        const V a = V::load_n(x + i, n), b = V::load_n(y + i, n), c = V::load_n(cos + i, n),
                s = V::load_n(sin + i, n);
        (a * c - b * s).store_n(x + i, n);
        (a * s + b * c).store_n(y + i, n);
    }
}

template <class V, int L = 16>
void to_f16(const float* x, uint16_t* y, int64_t n) {
    int64_t i = 0;
    for (; i + L <= n; i += L) V::load(x + i).store_f16(y + i);
    if (i < n) V::load_n(x + i, n - i).store_f16_n(y + i, n - i);
}
template <class V, int L = 16>
void to_bf16(const float* x, uint16_t* y, int64_t n) {
    int64_t i = 0;
    for (; i + L <= n; i += L) V::load(x + i).store_bf16(y + i);
    if (i < n) V::load_n(x + i, n - i).store_bf16_n(y + i, n - i);
}

// The quants of n elements (a multiple of 16); returns the scale.
template <class V, int L = 16>
float quantise(const float* x, int n, int8_t* q) {
    V greatest = V::zero();
    for (int i = 0; i < n; i += L) greatest = max(greatest, abs(V::load(x + i)));
    const float amax = reduce_max(greatest);
    const bool empty = !(amax >= kSmallestAmax);
    const V inverse = V::set(empty ? 0.0f : 127.0f / amax);
    const V limit = V::set(127.0f), minus_limit = V::set(-127.0f);
    for (int i = 0; i < n; i += L)
        min(max(V::load(x + i) * inverse, minus_limit), limit).store_i8(q + i);  // NaN becomes -127
    return empty ? 0.0f : amax / 127.0f;
}

template <class V>
void quantise_32(const float* x, int64_t k, std::byte* out) {
    auto* blocks = reinterpret_cast<Act32*>(out);
    for (int64_t b = 0; b < k / 32; ++b) {
        Act32& a = blocks[b];
        a.d = quantise<V>(x + b * 32, 32, a.q);
        a.sum = V::sum_16(a.q) + V::sum_16(a.q + 16);
    }
}

template <class V>
void quantise_256(const float* x, int64_t k, std::byte* out) {
    auto* blocks = reinterpret_cast<Act256*>(out);
    for (int64_t b = 0; b < k / 256; ++b) {
        Act256& a = blocks[b];
        a.d = quantise<V>(x + b * 256, 256, a.q);
        for (int g = 0; g < 16; ++g) {
            a.sum16[g] = static_cast<int16_t>(V::sum_16(a.q + g * 16));
        }
        for (int g = 0; g < 8; ++g) a.sum32[g] = static_cast<int16_t>(a.sum16[2 * g] + a.sum16[2 * g + 1]);
    }
}

}  // namespace sluice::kernels::cpu
