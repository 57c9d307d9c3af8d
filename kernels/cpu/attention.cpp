#include "kernels/cpu/attention.h"

#include <algorithm>
#include <atomic>

#include "kernels/check.h"

namespace sluice::kernels::cpu {
namespace {

constexpr int64_t kMostGroup = 256;  // heads that share a KV head

template <class T>
void grow(std::vector<T>& v, int64_t size) {
    if (static_cast<int64_t>(v.size()) < size) v.resize(static_cast<size_t>(size));
}

}  // namespace

void PagedAttention::run(const Attention& op) {
    group_ = op.heads / op.cache.kv_heads;
    dim_ = op.cache.head_dim;
    wide_ = padded(dim_);
    SLUICE_CHECK(group_ <= kMostGroup && dim_ <= kMostHeadDim);
    plan_.make(op.batch, static_cast<int32_t>(group_), op.cache.kv_heads, pool_.size());
    grow(states_, plan_.rows_of_slots() * (kAcc + wide_));
    const int64_t rows = std::max<int64_t>(group_, kMostRows);
    for (auto& s : scratch_) grow(s, attend_scratch(dim_, rows) + rows * (kAcc + wide_) * 4);
    // The pool would hand out neighbours together, as if all cost the same: here each is taken alone.
    std::atomic<size_t> next{0};
    pool_.run(pool_.size(), [&](int64_t, int worker) {
        for (size_t i; (i = next.fetch_add(1, std::memory_order_relaxed)) < plan_.tasks().size();)
            compute(op, plan_.tasks()[i], scratch_[static_cast<size_t>(worker)].data());
    });
    const int32_t heads = op.cache.kv_heads;
    pool_.run(static_cast<int64_t>(plan_.unmerged().size()) * heads, [&](int64_t i, int) {
        const int32_t tile = plan_.unmerged()[static_cast<size_t>(i / heads)];
        finish(op, plan_.tile(tile), static_cast<int32_t>(i % heads));
    });
}

// The splits of a task, for as many of its tiles at a time as make kMostRows rows.
void PagedAttention::compute(const Attention& op, const AttentionPlan::Task& task, std::byte* scratch) {
    const std::span<const int32_t> all = plan_.members(task);
    for (int32_t split = task.begin; split < task.end; ++split) {
        for (size_t from = 0, to; from < all.size(); from = to) {
            int64_t rows = plan_.tile(all[from]).tokens * group_;
            for (to = from + 1; to < all.size(); ++to) {
                const int64_t more = plan_.tile(all[to]).tokens * group_;
                if (rows + more > kMostRows) break;
                rows += more;
            }
            attend(op, task, all.subspan(from, to - from), split, scratch);
        }
    }
    for (const int32_t tile : all)
        if (plan_.tile(tile).slots() == 1) finish(op, plan_.tile(tile), task.kv_head);
}

// One split of the tiles, which have the same blocks in it, into their slots.
void PagedAttention::attend(const Attention& op, const AttentionPlan::Task& task,
                            std::span<const int32_t> tiles, int32_t split, std::byte* scratch) {
    const float* q[std::max<int64_t>(kMostGroup, kMostRows)];
    int32_t last[std::max<int64_t>(kMostGroup, kMostRows)];
    int rows = 0;
    int32_t furthest = 0;
    for (const int32_t index : tiles) {
        const AttentionPlan::Tile& tile = plan_.tile(index);
        for (int64_t t = tile.first; t < tile.first + tile.tokens; ++t) {
            furthest = std::max(furthest, op.batch.positions[static_cast<size_t>(t)]);
            for (int64_t h = 0; h < group_; ++h, ++rows) {
                q[rows] = op.q + (t * op.heads + task.kv_head * group_ + h) * dim_;
                last[rows] = op.batch.positions[static_cast<size_t>(t)];
            }
        }
    }
    const int32_t first = split * kSplitBlocks;
    const int32_t end = std::min(first + kSplitBlocks, furthest / kBlockTokens + 1);
    const int32_t* blocks = &op.batch.block_ids[static_cast<size_t>(plan_.tile(tiles[0]).table)];
    auto* results = reinterpret_cast<float*>(scratch + attend_scratch(dim_, rows));
    isa_.attend({op.cache, task.kv_head, blocks, first, end, rows, q, last, op.scale, results, kAcc + wide_,
                 scratch});
    for (const int32_t index : tiles) {
        const AttentionPlan::Tile& tile = plan_.tile(index);
        const int64_t own = tile.tokens * group_;
        const int32_t slot = std::max(0, split - tile.folded + 1);
        const int64_t row = tile.slot + (int64_t{task.kv_head} * tile.slots() + slot) * own;
        for (int64_t r = 0; r < own; ++r, results += kAcc + wide_)
            keep(row + r, split == 0 || slot > 0, results);
    }
}

// Joins the result of a split to what the row's slot holds; the first one takes the slot.
void PagedAttention::keep(int64_t row, bool first, const float* result) {
    float* kept = state(row);
    if (first) {
        std::copy_n(result, kAcc + wide_, kept);
    } else if (result[kSum] != 0.0f) {
        isa_.merge(kept[kMaximum], kept[kSum], kept + kAcc, result[kMaximum], result[kSum], result + kAcc,
                   wide_);
    }
}

// Merges the slots of a tile and KV head, and writes the outputs.
void PagedAttention::finish(const Attention& op, const AttentionPlan::Tile& tile, int32_t kv_head) {
    const int64_t rows = tile.tokens * group_, first = tile.slot + int64_t{kv_head} * tile.slots() * rows;
    for (int64_t r = 0; r < rows; ++r) {
        for (int32_t s = 1; s < tile.slots(); ++s) keep(first + r, false, state(first + s * rows + r));
        const int64_t t = tile.first + r / group_;
        float* y = op.y + (t * op.heads + kv_head * group_ + r % group_) * dim_;
        isa_.scale(state(first + r) + kAcc, y, 1.0f / state(first + r)[kSum], dim_);
    }
}

}  // namespace sluice::kernels::cpu
