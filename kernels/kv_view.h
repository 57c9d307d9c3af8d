// One layer of the paged KV pool as kernels see it. Owned by kvcache::KvStore.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/dtype.h"

namespace sluice::kernels {

inline constexpr int32_t kBlockTokens = 32;  // KV slots in a block

// Keys lie with tokens in the fastest dimension, so that a kernel computes 32 scores without sums across
// lanes.
struct KvLayer {
    DType type = DType::f16;  // f16, bf16 or f32
    int32_t num_blocks = 0;
    int32_t kv_heads = 0;
    int32_t head_dim = 0;
    std::byte* keys = nullptr;    // [num_blocks, kv_heads, head_dim, kBlockTokens]
    std::byte* values = nullptr;  // [num_blocks, kv_heads, kBlockTokens, head_dim]

    // Elements of one (block, head) tile, in keys as in values.
    int64_t tile_elems() const { return int64_t{head_dim} * kBlockTokens; }
    int64_t tile(int32_t block, int32_t head) const {
        return (int64_t{block} * kv_heads + head) * tile_elems();
    }
};

// Where each token of a batch lives. Tokens of one sequence are consecutive, positions ascending by one.
// The slot of token t at position p is block_ids[table_begin[t] + p / 32], offset p % 32; a query at
// position p attends to positions 0..p of its own table.
struct BatchView {
    std::span<const int32_t> positions;    // [num_tokens]
    std::span<const int32_t> table_begin;  // [num_tokens] first entry of the token's block table in block_ids
    std::span<const int32_t> block_ids;    // [sum of table lengths]

    int64_t num_tokens() const { return static_cast<int64_t>(positions.size()); }
};

}  // namespace sluice::kernels
