// How the attention of a batch is divided into tasks. Made once for a step and kept for all its layers.
// Sequences that begin with the same blocks are computed together as far as whole splits of theirs agree, so
// that those blocks are read once; whoever shares a task, each row's arithmetic is the same. Integers only;
// the thread of the backend.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/cpu/isa.h"
#include "kernels/kv_view.h"

namespace sluice::kernels::cpu {

inline constexpr int32_t kMostRows = 256;  // query rows computed together, unless a group has more heads

class AttentionPlan {
  public:
    // Neighbouring tokens of one sequence. The results of splits are kept in slots until all are merged, in
    // each KV head: the first is for the `folded` leading splits, which one task computes and merges; then
    // comes one for each further split.
    struct Tile {
        int32_t first, tokens;  // in the batch
        int32_t table;          // of the sequence, in block_ids
        int32_t splits;         // that the last token reaches into
        int32_t folded;
        int64_t slot;  // rows of slots before the tile's own

        int32_t slots() const { return splits - folded + 1; }
    };
    // Splits begin .. end - 1 of one KV head, for tiles that have the same blocks there.
    struct Task {
        int32_t first_member, last_member;  // in members()
        int32_t kv_head, begin, end;
        int64_t cost;
    };

    // `group` heads share a KV head. Does nothing when the batch is the one it was last made for.
    void make(const BatchView& batch, int32_t group, int32_t kv_heads, int workers);

    const Tile& tile(int32_t index) const { return tiles_[static_cast<size_t>(index)]; }
    std::span<const Task> tasks() const { return tasks_; }  // costly ones first
    std::span<const int32_t> members(const Task& task) const {
        return std::span(order_).subspan(static_cast<size_t>(task.first_member),
                                         static_cast<size_t>(task.last_member - task.first_member));
    }
    std::span<const int32_t> unmerged() const { return unmerged_; }  // tiles of several slots
    int64_t rows_of_slots() const { return rows_of_slots_; }

  private:
    // Tiles order_[lo .. hi - 1] have the same blocks in splits begin .. end - 1, of one KV head.
    struct Segment {
        int32_t lo, hi, begin, end;
        int64_t split_cost;  // of one split
    };
    bool is_for(const BatchView& batch, int32_t group, int32_t kv_heads) const;
    void cut(const BatchView& batch);
    void sort(const BatchView& batch);
    void segment(int32_t lo, int32_t hi, int32_t from);
    void divide(int workers);
    void place();

    std::vector<int32_t> positions_, table_begin_, block_ids_;  // the batch that it was made for
    int32_t group_ = 0, kv_heads_ = 0;
    std::vector<Tile> tiles_;
    std::vector<int32_t> order_;   // tile indices; those of equal beginnings side by side
    std::vector<int32_t> common_;  // leading splits that order_[i] shares with order_[i - 1]
    std::vector<Segment> segments_;
    std::vector<Task> tasks_;
    std::vector<int32_t> unmerged_;
    int64_t rows_of_slots_ = 0;
};

}  // namespace sluice::kernels::cpu
