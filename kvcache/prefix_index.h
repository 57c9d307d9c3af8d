// Finds blocks by the tokens that they hold. A full block is a node under the block before it; its key is a
// hash of the parent's hash and its own 32 tokens (a hash chain, as in vLLM), and a hit counts only after
// salt, parent and tokens are compared, so a collision can cost a miss but never a wrong block. Thread:
// engine.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "kernels/kv_view.h"

namespace sluice::kvcache {

class PrefixIndex {
  public:
    // hash_bits < 64 is for tests: with 1 bit nearly everything collides.
    explicit PrefixIndex(int32_t num_blocks, int hash_bits = 64);

    // A place in the tree: a block and which of its lives is meant, or a root.
    struct Node {
        int32_t block = -1;       // -1: root
        uint64_t generation = 0;  // blocks: counts how often the block was indexed; roots: the salt
    };
    static Node root(uint64_t salt) { return {-1, salt}; }

    // The block that continues `parent` with these 32 tokens, if it is known.
    std::optional<Node> find(Node parent, std::span<const int32_t> tokens) const;

    // Records that `block` continues `parent`. When that content is known already, the known block stays.
    // Returns the node to go on from; nullopt when the parent has been evicted: nothing can hang there any
    // more.
    std::optional<Node> insert(Node parent, std::span<const int32_t> tokens, int32_t block);

    void forget(int32_t block);
    bool contains(int32_t block) const { return entries_[static_cast<size_t>(block)].alive; }

  private:
    struct Entry {
        bool alive = false;
        uint64_t generation = 0;
        uint64_t hash = 0;
        int32_t next = -1;  // block in the same bucket
        Node parent;
        std::array<int32_t, kernels::kBlockTokens> tokens{};
    };
    bool alive(Node node) const;
    uint64_t hash(Node parent, std::span<const int32_t> tokens) const;
    size_t bucket(uint64_t hash) const { return hash & (buckets_.size() - 1); }

    std::vector<Entry> entries_;    // by block
    std::vector<int32_t> buckets_;  // by hash: the first block; a power of two of them
    uint64_t hash_mask_;
};

}  // namespace sluice::kvcache
