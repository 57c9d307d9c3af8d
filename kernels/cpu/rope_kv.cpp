#include "kernels/cpu/rope_kv.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/check.h"

namespace sluice::kernels::cpu {
namespace {

// Rounded to the nearest integer, ties to even; |x| < 2^22.
float nearest(float x) {
    constexpr float kShift = 12582912.0f;  // 1.5 * 2^23: no bits are left behind the point
    return x + kShift - kShift;
}

// The scale of a head's key or value as int8. What is not a number, or not a finite one, makes it NaN.
float int8_scale(const float* x, int64_t n) {
    float greatest = 0.0f;
    bool finite = true;
    for (int64_t i = 0; i < n; ++i) {
        const float size = std::fabs(x[i]);
        finite &= size <= std::numeric_limits<float>::max();
        greatest = size > greatest ? size : greatest;
    }
    return finite ? greatest / 127.0f : std::numeric_limits<float>::quiet_NaN();
}

// `at(d)` is the place of element d in the tile.
template <class At>
void store_int8(const KvLayer& cache, std::byte* tile, int64_t slot, float scale, const float* x, At at) {
    const float inverse = scale > 1e-30f ? 1.0f / scale : 0.0f;
    for (int64_t d = 0; d < cache.head_dim; ++d) {
        const float rounded = inverse > 0.0f ? nearest(x[d] * inverse) : 0.0f;
        tile[at(d)] = static_cast<std::byte>(static_cast<int8_t>(std::clamp(rounded, -127.0f, 127.0f)));
    }
    std::memcpy(tile + cache.tile_elems() + slot * int64_t{sizeof scale}, &scale, sizeof scale);
}

void store_head_int8(const KvLayer& cache, std::byte* keys, std::byte* values, int64_t slot, const float* key,
                     const float* value) {
    const float k = int8_scale(key, cache.head_dim), v = int8_scale(value, cache.head_dim);
    // A score that is NaN makes the outcome NaN; a weight of zero would hide a value that is.
    const float either = std::isnan(v) ? v : k;
    store_int8(cache, keys, slot, either, key, [&](int64_t d) { return cache.key_at(slot, d); });
    store_int8(cache, values, slot, v, value, [&](int64_t d) { return cache.value_at(slot, d); });
}

// Keys lie one block's tokens apart, values side by side.
template <class T>
void store_elems(const KvLayer& cache, std::byte* keys, std::byte* values, int64_t slot, const T* key,
                 const T* value) {
    T* to = reinterpret_cast<T*>(keys);
    for (int64_t d = 0; d < cache.head_dim; ++d) to[cache.key_at(slot, d)] = key[d];
    std::copy_n(value, cache.head_dim, reinterpret_cast<T*>(values) + cache.value_at(slot, 0));
}

void store_head(const Isa& isa, const KvLayer& cache, std::byte* keys, std::byte* values, int64_t slot,
                const float* key, const float* value) {
    if (cache.type == DType::q8_0) return store_head_int8(cache, keys, values, slot, key, value);
    if (cache.type == DType::f32) return store_elems(cache, keys, values, slot, key, value);
    const auto narrow = cache.type == DType::f16 ? isa.to_f16 : isa.to_bf16;
    uint16_t k[kMostHeadDim], v[kMostHeadDim];
    narrow(key, k, cache.head_dim);
    narrow(value, v, cache.head_dim);
    store_elems(cache, keys, values, slot, k, v);
}

void rotate(const Isa& isa, const RopeKv& op, int64_t token, float* x) {
    const int64_t half = op.rope_dim / 2;
    const float* cos = op.cos + token * half;
    const float* sin = op.sin + token * half;
    if (!op.interleaved) return isa.rotate(x, cos, sin, half);
    for (int64_t i = 0; i < half; ++i) {
        const float a = x[2 * i], b = x[2 * i + 1];
        x[2 * i] = a * cos[i] - b * sin[i];
        x[2 * i + 1] = a * sin[i] + b * cos[i];
    }
}

void norm_and_rotate(const Isa& isa, const RopeKv& op, int64_t token, float* x, int64_t heads,
                     const float* norm) {
    const int64_t dim = op.cache.head_dim;
    for (int64_t h = 0; h < heads; ++h, x += dim) {
        if (norm) isa.rms_norm(x, norm, x, dim, op.eps);
        rotate(isa, op, token, x);
    }
}

}  // namespace

void rope_kv_token(const Isa& isa, const RopeKv& op, int64_t token) {
    const KvLayer& cache = op.cache;
    SLUICE_CHECK(cache.head_dim <= kMostHeadDim);
    const int64_t q_size = op.heads * cache.head_dim, kv_size = int64_t{cache.kv_heads} * cache.head_dim;
    float* k = op.k + token * kv_size;
    norm_and_rotate(isa, op, token, op.q + token * q_size, op.heads, op.q_norm);
    norm_and_rotate(isa, op, token, k, cache.kv_heads, op.k_norm);
    const auto t = static_cast<size_t>(token);
    const int32_t position = op.batch.positions[t];
    const int32_t block =
        op.batch.block_ids[static_cast<size_t>(op.batch.table_begin[t] + position / kBlockTokens)];
    const float* v = op.v + token * kv_size;
    for (int32_t h = 0; h < cache.kv_heads; ++h, k += cache.head_dim, v += cache.head_dim) {
        const size_t at = cache.tile(block, h);
        store_head(isa, cache, cache.keys + at, cache.values + at, position % kBlockTokens, k, v);
    }
}

}  // namespace sluice::kernels::cpu
