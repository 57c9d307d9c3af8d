#include "kernels/cpu/attention_plan.h"

#include <algorithm>
#include <tuple>

namespace sluice::kernels::cpu {
namespace {

constexpr int64_t kTasksPerWorker = 8;  // an uneven end costs at most one of them
constexpr int64_t kReadCost = 8;        // to read a token's key and value costs as much as so many rows

// With room to grow: assign() alone takes exactly what it needs, and a batch needs a little more again and
// again.
void keep(std::span<const int32_t> values, std::vector<int32_t>& copy) {
    if (copy.capacity() < values.size()) copy.reserve(2 * values.size());
    copy.assign(values.begin(), values.end());
}

}  // namespace

bool AttentionPlan::is_for(const BatchView& b, int32_t group, int32_t kv_heads) const {
    return group == group_ && kv_heads == kv_heads_ && std::ranges::equal(b.positions, positions_) &&
           std::ranges::equal(b.table_begin, table_begin_) && std::ranges::equal(b.block_ids, block_ids_);
}

void AttentionPlan::make(const BatchView& batch, int32_t group, int32_t kv_heads, int workers) {
    if (is_for(batch, group, kv_heads)) return;
    keep(batch.positions, positions_);
    keep(batch.table_begin, table_begin_);
    keep(batch.block_ids, block_ids_);
    group_ = group;
    kv_heads_ = kv_heads;
    cut(batch);
    sort(batch);
    segments_.clear();
    const auto tiles = static_cast<int32_t>(order_.size());
    for (int32_t lo = 0, i = 1; i <= tiles; ++i) {
        if (i < tiles && common_[static_cast<size_t>(i)] > 0) continue;
        segment(lo, i, 0);
        lo = i;
    }
    divide(workers);
    place();
}

// Tiles of consecutive tokens of a sequence.
void AttentionPlan::cut(const BatchView& b) {
    tiles_.clear();
    const auto tokens = static_cast<int32_t>(b.num_tokens()), most = std::max(1, kMostRows / group_);
    for (int32_t t = 0; t < tokens;) {
        const int32_t table = b.table_begin[static_cast<size_t>(t)];
        int32_t end = t + 1;
        while (end < tokens && end - t < most && b.table_begin[static_cast<size_t>(end)] == table) ++end;
        const int32_t last = b.positions[static_cast<size_t>(end - 1)];
        tiles_.push_back({t, end - t, table, last / kSplitTokens + 1, 0, 0});
        t = end;
    }
}

// Tiles of one token come into the order of their block tables, which brings equal beginnings together.
// Larger tiles have work enough for the blocks that they read.
void AttentionPlan::sort(const BatchView& b) {
    const auto blocks = [&](int32_t index) {
        const Tile& t = tile(index);
        const int32_t last = b.positions[static_cast<size_t>(t.first + t.tokens - 1)];
        return b.block_ids.subspan(static_cast<size_t>(t.table),
                                   t.tokens == 1 ? static_cast<size_t>(last / kBlockTokens + 1) : 0);
    };
    order_.resize(tiles_.size());
    for (size_t i = 0; i < order_.size(); ++i) order_[i] = static_cast<int32_t>(i);
    std::ranges::sort(order_, [&](int32_t x, int32_t y) {
        const auto a = blocks(x), c = blocks(y);
        const auto [in_a, in_c] = std::ranges::mismatch(a, c);
        if (in_a != a.end() && in_c != c.end()) return *in_a < *in_c;
        return std::tuple(a.size(), x) < std::tuple(c.size(), y);
    });
    common_.assign(order_.size(), 0);
    for (size_t i = 1; i < order_.size(); ++i) {
        const auto a = blocks(order_[i - 1]), c = blocks(order_[i]);
        common_[i] = static_cast<int32_t>(std::ranges::mismatch(a, c).in1 - a.begin()) / kSplitBlocks;
    }
}

// Tiles order_[lo .. hi - 1], whose splits before `from` are equal: one segment as far as all of them agree,
// then on with those that agree further.
void AttentionPlan::segment(int32_t lo, int32_t hi, int32_t from) {
    int32_t end = tile(order_[static_cast<size_t>(lo)]).splits;
    int64_t rows = 0;
    for (int32_t i = lo; i < hi; ++i) {
        if (i > lo) end = std::min(end, common_[static_cast<size_t>(i)]);
        rows += int64_t{tile(order_[static_cast<size_t>(i)]).tokens} * group_;
    }
    if (end > from) segments_.push_back({lo, hi, from, end, (rows + kReadCost) * kSplitTokens});
    if (hi - lo == 1) return;
    for (int32_t start = lo, i = lo + 1; i <= hi; ++i) {
        if (i < hi && common_[static_cast<size_t>(i)] != end) continue;
        segment(start, i, end);
        start = i;
    }
}

// Long segments become several tasks, so that workers end at about the same time.
void AttentionPlan::divide(int workers) {
    int64_t total = 0;
    for (const Segment& s : segments_) total += s.split_cost * (s.end - s.begin) * kv_heads_;
    const int64_t most = workers == 1 ? total : total / (kTasksPerWorker * workers);
    tasks_.clear();
    for (const Segment& s : segments_) {
        const auto at_once =
            static_cast<int32_t>(std::clamp<int64_t>(most / s.split_cost, 1, s.end - s.begin));
        for (int32_t begin = s.begin; begin < s.end; begin += at_once) {
            const int32_t end = std::min(begin + at_once, s.end);
            for (int32_t h = 0; h < kv_heads_; ++h)
                tasks_.push_back({s.lo, s.hi, h, begin, end, s.split_cost * (end - begin)});
        }
        if (s.begin > 0) continue;
        for (int32_t i = s.lo; i < s.hi; ++i)
            tiles_[static_cast<size_t>(order_[static_cast<size_t>(i)])].folded = at_once;
    }
    std::ranges::sort(tasks_, [](const Task& a, const Task& b) {
        return std::tuple(-a.cost, a.first_member, a.kv_head, a.begin) <
               std::tuple(-b.cost, b.first_member, b.kv_head, b.begin);
    });
}

void AttentionPlan::place() {
    unmerged_.clear();
    rows_of_slots_ = 0;
    for (size_t i = 0; i < tiles_.size(); ++i) {
        tiles_[i].slot = rows_of_slots_;
        rows_of_slots_ += int64_t{tiles_[i].slots()} * kv_heads_ * tiles_[i].tokens * group_;
        if (tiles_[i].slots() > 1) unmerged_.push_back(static_cast<int32_t>(i));
    }
}

}  // namespace sluice::kernels::cpu
