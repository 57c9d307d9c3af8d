#include "kernels/rope_kv.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/half.h"
#include "kernels/strips.h"

namespace sluice::kernels {
namespace {

void store(DType type, std::byte* tile, int64_t index, float value) {
    if (type == DType::f32) {
        std::memcpy(tile + index * 4, &value, sizeof value);
    } else {
        const uint16_t half = type == DType::f16 ? f16_from_f32(value) : bf16_from_f32(value);
        std::memcpy(tile + index * 2, &half, sizeof half);
    }
}

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

void store_head(const KvLayer& cache, std::byte* keys, std::byte* values, int64_t slot, const float* key,
                const float* value) {
    if (cache.type == DType::q8_0) {
        const float k = int8_scale(key, cache.head_dim), v = int8_scale(value, cache.head_dim);
        // A score that is NaN makes the outcome NaN; a weight of zero would hide a value that is.
        const float either = std::isnan(v) ? v : k;
        store_int8(cache, keys, slot, either, key, [&](int64_t d) { return cache.key_at(slot, d); });
        store_int8(cache, values, slot, v, value, [&](int64_t d) { return cache.value_at(slot, d); });
        return;
    }
    for (int64_t d = 0; d < cache.head_dim; ++d) {
        store(cache.type, keys, cache.key_at(slot, d), key[d]);
        store(cache.type, values, cache.value_at(slot, d), value[d]);
    }
}

}  // namespace

void embed_token(const Embed& op, int64_t token) {
    dequantize(op.table, op.tokens[static_cast<size_t>(token)], op.y + token * op.table.cols);
}

void rotate_token(const Rope& op, int64_t token) {
    const int64_t half = op.rope_dim / 2;
    const float* cos = op.cos + token * half;
    const float* sin = op.sin + token * half;
    const int64_t step = op.interleaved ? 2 : 1, partner = op.interleaved ? 1 : half;
    for (int64_t h = 0; h < op.heads; ++h) {
        float* x = op.x + (token * op.heads + h) * op.head_dim;
        for (int64_t i = 0; i < half; ++i) {
            const float a = x[i * step], b = x[i * step + partner];
            x[i * step] = a * cos[i] - b * sin[i];
            x[i * step + partner] = a * sin[i] + b * cos[i];
        }
    }
}

void store_token(const KvWrite& op, int64_t token) {
    const KvLayer& cache = op.cache;
    const auto t = static_cast<size_t>(token);
    const int32_t position = op.batch.positions[t];
    const int32_t block =
        op.batch.block_ids[static_cast<size_t>(op.batch.table_begin[t] + position / kBlockTokens)];
    for (int32_t h = 0; h < cache.kv_heads; ++h) {
        const size_t at = cache.tile(block, h);
        const int64_t from = (token * cache.kv_heads + h) * cache.head_dim;
        store_head(cache, cache.keys + at, cache.values + at, position % kBlockTokens, op.keys + from,
                   op.values + from);
    }
}

}  // namespace sluice::kernels
