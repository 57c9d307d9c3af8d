// The blocks of one sequence in order of position: handles that hold them, and the plain ids that kernels
// read. Thread: engine.
#pragma once
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "kernels/kv_view.h"
#include "kvcache/block_pool.h"

namespace sluice::kvcache {

class BlockTable {
  public:
    BlockTable() = default;
    BlockTable(const BlockTable&) = default;
    BlockTable(BlockTable&&) = default;
    BlockTable& operator=(const BlockTable&) = delete;
    BlockTable& operator=(BlockTable&&) = delete;
    ~BlockTable() { clear(); }

    void reserve(size_t blocks) {
        blocks_.reserve(blocks);
        ids_.reserve(blocks);
    }
    void push(Block block) {
        ids_.push_back(block.id());
        blocks_.push_back(std::move(block));
    }
    void replace(size_t index, Block block) {
        ids_[index] = block.id();
        blocks_[index] = std::move(block);
    }
    // From the back: of kept blocks the end of a prefix is then older than its beginning, and is evicted
    // first.
    void clear() {
        while (!blocks_.empty()) blocks_.pop_back();
        ids_.clear();
    }

    const Block& operator[](size_t index) const { return blocks_[index]; }
    std::span<const int32_t> ids() const { return ids_; }
    int32_t capacity_tokens() const { return static_cast<int32_t>(ids_.size()) * kernels::kBlockTokens; }

  private:
    std::vector<Block> blocks_;
    std::vector<int32_t> ids_;
};

}  // namespace sluice::kvcache
