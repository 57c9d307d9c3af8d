// One layer of the paged KV pool as kernels see it. Owned by kvcache::KvStore.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/dtype.h"

namespace sluice::kernels {

inline constexpr int32_t kBlockTokens = 32;  // KV slots in a block

// Keys and values are [num_blocks, kv_heads] tiles. In keys, tokens are the fastest dimension, so that a
// kernel computes 32 scores without sums across lanes: [head_dim, kBlockTokens]; values are [kBlockTokens,
// head_dim]. q8_0: int8 with one f32 scale for each token and head, and an even head_dim. Neighbours along
// the slow dimension lie in pairs, for instructions that multiply and add pairs, [head_dim / 2, kBlockTokens,
// 2] and [kBlockTokens / 2, head_dim, 2]; the scales of the tokens, [kBlockTokens], follow in each tile.
struct KvLayer {
    DType type = DType::f16;  // f16, bf16, f32 or q8_0
    int32_t num_blocks = 0;
    int32_t kv_heads = 0;
    int32_t head_dim = 0;
    std::byte* keys = nullptr;
    std::byte* values = nullptr;

    int64_t tile_elems() const { return int64_t{head_dim} * kBlockTokens; }
    size_t elem_bytes() const { return type == DType::q8_0 ? 1 : dtype_info(type).block_bytes; }
    size_t tile_bytes() const {
        const size_t scales = type == DType::q8_0 ? kBlockTokens * sizeof(float) : 0;
        return static_cast<size_t>(tile_elems()) * elem_bytes() + scales;
    }
    // Where a tile begins, in bytes, in keys as in values.
    size_t tile(int32_t block, int32_t head) const {
        return (static_cast<size_t>(block) * static_cast<size_t>(kv_heads) + static_cast<size_t>(head)) *
               tile_bytes();
    }
    // Elements of the tile before that of a token's slot and dimension.
    int64_t key_at(int64_t slot, int64_t d) const {
        return type == DType::q8_0 ? (d / 2 * kBlockTokens + slot) * 2 + d % 2 : d * kBlockTokens + slot;
    }
    int64_t value_at(int64_t slot, int64_t d) const {
        return type == DType::q8_0 ? (slot / 2 * head_dim + d) * 2 + slot % 2 : slot * head_dim + d;
    }
};

// Where each token of a batch lives. Tokens of one sequence are consecutive, positions ascending by one.
// The slot of token t at position p is block_ids[table_begin[t] + p / 32], offset p % 32; a query at
// position p attends to positions 0..p of its own table.
struct BatchView {
    std::span<const int32_t> positions;    // [num_tokens]
    std::span<const int32_t> table_begin;  // [num_tokens] first entry of the token's block table in block_ids
    std::span<const int32_t> block_ids;    // [sum of table lengths]
    int32_t end =
        0;  // behind the greatest position, where the host cannot read them (kernels/device_memory.h)

    int64_t num_tokens() const { return static_cast<int64_t>(positions.size()); }
};

}  // namespace sluice::kernels
