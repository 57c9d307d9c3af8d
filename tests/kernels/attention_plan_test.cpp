#include "kernels/cpu/attention_plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <vector>

namespace sluice::kernels::cpu {
namespace {

constexpr int32_t kGroup = 8, kKvHeads = 2;

// Block tables and the tokens of a batch.
struct Batch {
    std::vector<int32_t> positions, table_begin, block_ids;

    // A sequence whose tokens first .. end - 1 are in the batch and whose leading blocks are given.
    void add(int32_t first, int32_t end, std::vector<int32_t> blocks = {}) {
        const auto table = static_cast<int32_t>(block_ids.size());
        for (int32_t p = first; p < end; ++p) {
            positions.push_back(p);
            table_begin.push_back(table);
        }
        while (static_cast<int32_t>(blocks.size()) * kBlockTokens < end) blocks.push_back(next_id++);
        block_ids.insert(block_ids.end(), blocks.begin(), blocks.end());
    }
    std::vector<int32_t> blocks(int32_t n) {
        std::vector<int32_t> out;
        while (n-- > 0) out.push_back(next_id++);
        return out;
    }
    BatchView view() const { return {positions, table_begin, block_ids}; }
    int32_t next_id = 0;
};

AttentionPlan plan_of(const Batch& batch, int workers) {
    AttentionPlan plan;
    plan.make(batch.view(), kGroup, kKvHeads, workers);
    return plan;
}

Batch mixed() {
    Batch b;
    const auto prefix = b.blocks(40);
    b.add(2000, 2001, prefix);
    b.add(500, 530);
    b.add(8191, 8192);
    b.add(1300, 1301, prefix);
    b.add(0, 1);
    b.add(1290, 1291, prefix);
    return b;
}

TEST(AttentionPlan, covers_every_token_split_and_head_once) {
    const Batch batch = mixed();
    for (const int workers : {1, 2, 16}) {
        const AttentionPlan plan = plan_of(batch, workers);
        std::map<std::tuple<int32_t, int32_t, int32_t>, int> times;  // token, KV head, split
        for (const auto& task : plan.tasks()) {
            for (const int32_t index : plan.members(task)) {
                const auto& tile = plan.tile(index);
                for (int32_t t = tile.first; t < tile.first + tile.tokens; ++t)
                    for (int32_t s = task.begin; s < task.end; ++s) ++times[{t, task.kv_head, s}];
            }
        }
        for (int32_t t = 0; t < static_cast<int32_t>(batch.positions.size()); ++t)
            for (int32_t h = 0; h < kKvHeads; ++h)
                for (int32_t s = 0; s <= batch.positions[static_cast<size_t>(t)] / kSplitTokens; ++s)
                    EXPECT_EQ((times[{t, h, s}]), 1) << t << " " << h << " " << s << " workers " << workers;
    }
}

// Tasks of one tile that run at the same time must not write to one slot.
TEST(AttentionPlan, gives_slots_to_one_task_each) {
    const Batch batch = mixed();
    for (const int workers : {1, 2, 16}) {
        const AttentionPlan plan = plan_of(batch, workers);
        std::set<int64_t> taken;
        for (const auto& task : plan.tasks()) {
            for (const int32_t index : plan.members(task)) {
                const auto& tile = plan.tile(index);
                std::set<int64_t> own;
                for (int32_t s = task.begin; s < task.end; ++s) {
                    const int32_t slot = std::max(0, s - tile.folded + 1);
                    ASSERT_LT(slot, tile.slots());
                    own.insert(tile.slot +
                               (int64_t{task.kv_head} * tile.slots() + slot) * tile.tokens * kGroup);
                }
                for (const int64_t row : own) EXPECT_TRUE(taken.insert(row).second) << "row " << row;
            }
        }
        EXPECT_LT(*taken.rbegin(), plan.rows_of_slots());
    }
}

TEST(AttentionPlan, reads_shared_blocks_once) {
    Batch batch;
    const auto prefix = batch.blocks(64);  // 2,048 tokens: 8 splits
    for (int i = 0; i < 16; ++i) batch.add(2100 + i, 2101 + i, prefix);
    const AttentionPlan plan = plan_of(batch, 2);
    int64_t shared = 0, own = 0;
    for (const auto& task : plan.tasks()) {
        const int64_t splits = task.end - task.begin;
        if (plan.members(task).size() == 16) shared += splits;
        if (plan.members(task).size() == 1) own += splits;
    }
    EXPECT_EQ(shared, 8 * kKvHeads);
    EXPECT_EQ(own, 16 * kKvHeads);
}

// One long sequence must not keep one worker busy while the others wait.
TEST(AttentionPlan, divides_long_sequences_and_takes_costly_tasks_first) {
    Batch batch;
    batch.add(32767, 32768);
    for (int i = 0; i < 8; ++i) batch.add(100, 101);
    for (const int workers : {2, 7}) {
        const AttentionPlan plan = plan_of(batch, workers);
        std::vector<int64_t> load(static_cast<size_t>(workers));
        int64_t total = 0, before = plan.tasks().front().cost;
        for (const auto& task : plan.tasks()) {
            EXPECT_LE(task.cost, before);
            before = task.cost;
            total += task.cost;
            *std::ranges::min_element(load) += task.cost;
        }
        EXPECT_LE(*std::ranges::max_element(load) * workers, total * 11 / 10) << workers;
    }
    EXPECT_EQ(plan_of(batch, 1).tasks().size(), 9u * kKvHeads);
    EXPECT_TRUE(plan_of(batch, 1).unmerged().empty());
}

TEST(AttentionPlan, is_made_anew_when_any_part_of_the_batch_changes) {
    Batch batch;
    batch.add(300, 301);
    AttentionPlan plan = plan_of(batch, 1);
    EXPECT_EQ(plan.tile(0).splits, 2);
    batch.positions[0] = 255;
    plan.make(batch.view(), kGroup, kKvHeads, 1);
    EXPECT_EQ(plan.tile(0).splits, 1);
    plan.make(batch.view(), kGroup, 1, 1);
    EXPECT_EQ(plan.tasks().size(), 1u);
    batch.positions.clear();
    batch.table_begin.clear();
    plan.make(batch.view(), kGroup, 1, 1);
    EXPECT_TRUE(plan.tasks().empty());
    batch = {};
    const auto prefix = batch.blocks(8);
    batch.add(300, 301, prefix);
    batch.add(300, 301, prefix);
    plan.make(batch.view(), kGroup, 1, 1);
    EXPECT_EQ(plan.tasks().size(), 3u);
    batch.block_ids[10] = batch.next_id;  // the second sequence now begins with another block
    plan.make(batch.view(), kGroup, 1, 1);
    EXPECT_EQ(plan.tasks().size(), 2u);
}

}  // namespace
}  // namespace sluice::kernels::cpu
