#include "kernels/rope_kv.h"

#include <cstring>

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
    const int64_t slot = position % kBlockTokens, dim = cache.head_dim;
    for (int32_t h = 0; h < cache.kv_heads; ++h) {
        const size_t at = static_cast<size_t>(cache.tile(block, h)) * dtype_info(cache.type).block_bytes;
        const int64_t from = (token * cache.kv_heads + h) * dim;
        for (int64_t d = 0; d < dim; ++d) {
            store(cache.type, cache.keys + at, d * kBlockTokens + slot, op.keys[from + d]);
            store(cache.type, cache.values + at, slot * dim + d, op.values[from + d]);
        }
    }
}

}  // namespace sluice::kernels
