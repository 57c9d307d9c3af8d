// Who holds which KV block: reference counts, the free list, and the blocks that nobody holds but whose
// contents are worth keeping, oldest first. Pure integers; the memory is KvStore's. Thread: engine.
#pragma once
#include <cstdint>
#include <functional>
#include <list>
#include <optional>
#include <vector>

namespace sluice::kvcache {

class BlockPool;

// A share in one block. Copying adds a holder, destruction gives it back. Must not outlive the pool.
class Block {
  public:
    Block(const Block& other);
    Block(Block&& other) noexcept;
    Block& operator=(Block other) noexcept;
    ~Block();

    int32_t id() const { return id_; }
    bool shared() const;  // somebody else holds it too

  private:
    friend class BlockPool;
    Block(BlockPool& pool, int32_t id) : pool_(&pool), id_(id) {}

    BlockPool* pool_;
    int32_t id_;
};

class BlockPool {
  public:
    explicit BlockPool(int32_t num_blocks);
    BlockPool(const BlockPool&) = delete;
    BlockPool& operator=(const BlockPool&) = delete;

    // A block of unknown contents: a free one, else the kept one that was given back longest ago, whose
    // contents are forgotten through on_evict. nullopt: all blocks are held.
    std::optional<Block> allocate();

    // Another holder for a block that is held or kept.
    Block share(int32_t id);

    // When the last holder lets go, the block is kept for its contents instead of freed; until evicted.
    void keep(int32_t id) { kept_[static_cast<size_t>(id)] = true; }
    std::function<void(int32_t id)> on_evict;

    int32_t total() const { return static_cast<int32_t>(holders_.size()); }
    int32_t available() const { return static_cast<int32_t>(free_.size() + lru_.size()); }
    int32_t cached() const { return static_cast<int32_t>(lru_.size()); }
    int32_t holders(int32_t id) const { return holders_[static_cast<size_t>(id)]; }
    // free + cached + held = total, each block in one of them
    bool consistent() const;

  private:
    friend class Block;
    void release(int32_t id);

    std::vector<int32_t> holders_;
    std::vector<bool> kept_;
    std::vector<int32_t> free_;
    std::list<int32_t> lru_;                               // kept and unheld, oldest first
    std::vector<std::list<int32_t>::iterator> lru_place_;  // valid while in lru_
};

}  // namespace sluice::kvcache
