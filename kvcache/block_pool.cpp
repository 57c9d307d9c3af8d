#include "kvcache/block_pool.h"

#include <utility>

#include "kernels/check.h"
#include "kvcache/planted_bug.h"

namespace sluice::kvcache {

Block::Block(const Block& other) : pool_(other.pool_), id_(other.id_) {
    ++pool_->holders_[static_cast<size_t>(id_)];
}
Block::Block(Block&& other) noexcept : pool_(std::exchange(other.pool_, nullptr)), id_(other.id_) {}
Block& Block::operator=(Block other) noexcept {
    std::swap(pool_, other.pool_);
    std::swap(id_, other.id_);
    return *this;
}
Block::~Block() {
    if (pool_) pool_->release(id_);
}
bool Block::shared() const {
    return pool_->holders(id_) > 1;
}

BlockPool::BlockPool(int32_t num_blocks)
    : holders_(static_cast<size_t>(num_blocks), 0),
      kept_(static_cast<size_t>(num_blocks), false),
      lru_place_(static_cast<size_t>(num_blocks)) {
    for (int32_t id = num_blocks - 1; id >= 0; --id) free_.push_back(id);
}

std::optional<Block> BlockPool::allocate() {
    int32_t id = 0;
    if (!free_.empty()) {
        id = free_.back();
        free_.pop_back();
    } else if (!lru_.empty()) {
        id = lru_.front();
        lru_.pop_front();
        kept_[static_cast<size_t>(id)] = false;
        if (on_evict && !planted_bug(1)) on_evict(id);
    } else {
        return std::nullopt;
    }
    holders_[static_cast<size_t>(id)] = 1;
    return Block(*this, id);
}

Block BlockPool::share(int32_t id) {
    const auto i = static_cast<size_t>(id);
    if (holders_[i]++ == 0) {
        SLUICE_CHECK(kept_[i]);
        lru_.erase(lru_place_[i]);
    }
    return Block(*this, id);
}

void BlockPool::release(int32_t id) {
    const auto i = static_cast<size_t>(id);
    SLUICE_CHECK(holders_[i] > 0);
    if (--holders_[i] > 0) return;
    if (kept_[i]) {
        lru_place_[i] = lru_.insert(lru_.end(), id);
    } else if (!(planted_bug(2) && id % 7 == 3)) {
        free_.push_back(id);
    }
}

bool BlockPool::consistent() const {
    std::vector<int> seen(holders_.size(), 0);
    for (const int32_t id : free_) ++seen[static_cast<size_t>(id)];
    for (const int32_t id : lru_) ++seen[static_cast<size_t>(id)];
    for (size_t i = 0; i < seen.size(); ++i) {
        if (seen[i] + (holders_[i] > 0 ? 1 : 0) != 1) return false;
    }
    return true;
}

}  // namespace sluice::kvcache
