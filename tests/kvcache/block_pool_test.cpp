#include "kvcache/block_pool.h"

#include <gtest/gtest.h>

#include <random>

#include "kvcache/block_table.h"

namespace sluice::kvcache {
namespace {

TEST(BlockPool, gives_each_block_once_and_takes_it_back) {
    BlockPool pool(3);
    {
        const auto a = pool.allocate(), b = pool.allocate(), c = pool.allocate();
        ASSERT_TRUE(a && b && c);
        EXPECT_NE(a->id(), b->id());
        EXPECT_NE(b->id(), c->id());
        EXPECT_NE(a->id(), c->id());
        EXPECT_FALSE(pool.allocate());
        EXPECT_EQ(pool.available(), 0);
    }
    EXPECT_EQ(pool.available(), 3);
    EXPECT_TRUE(pool.consistent());
}

TEST(BlockPool, a_shared_block_lives_until_its_last_holder_goes) {
    BlockPool pool(1);
    auto a = pool.allocate();
    ASSERT_TRUE(a);
    const int32_t id = a->id();
    EXPECT_FALSE(a->shared());
    std::optional<Block> b = pool.share(id);
    EXPECT_TRUE(a->shared());
    EXPECT_EQ(pool.holders(id), 2);
    a.reset();
    EXPECT_FALSE(b->shared());
    EXPECT_EQ(pool.available(), 0);
    b.reset();
    EXPECT_EQ(pool.available(), 1);
}

TEST(BlockPool, copies_and_moves_count_holders) {
    BlockPool pool(2);
    Block a = *pool.allocate();
    Block copy = a;
    EXPECT_EQ(pool.holders(a.id()), 2);
    Block moved = std::move(copy);
    EXPECT_EQ(pool.holders(a.id()), 2);
    Block other = *pool.allocate();
    other = moved;  // gives its own block back
    EXPECT_EQ(pool.holders(a.id()), 3);
    EXPECT_EQ(pool.available(), 1);
}

TEST(BlockPool, kept_blocks_are_evicted_oldest_first_and_only_when_nothing_is_free) {
    BlockPool pool(3);
    std::vector<int32_t> evicted;
    pool.on_evict = [&](int32_t id) { evicted.push_back(id); };
    auto a = pool.allocate(), b = pool.allocate();
    const int32_t first = a->id(), second = b->id();
    pool.keep(first);
    pool.keep(second);
    a.reset();
    b.reset();
    EXPECT_EQ(pool.cached(), 2);
    const auto c = pool.allocate();  // the free one
    EXPECT_TRUE(evicted.empty());
    const auto d = pool.allocate();
    EXPECT_EQ(evicted, std::vector<int32_t>{first});
    EXPECT_EQ(d->id(), first);
    const auto e = pool.allocate();
    EXPECT_EQ(evicted, (std::vector<int32_t>{first, second}));
    EXPECT_FALSE(pool.allocate());
}

TEST(BlockPool, sharing_a_kept_block_revives_it) {
    BlockPool pool(2);
    std::vector<int32_t> evicted;
    pool.on_evict = [&](int32_t id) { evicted.push_back(id); };
    auto a = pool.allocate();
    const int32_t id = a->id();
    pool.keep(id);
    a.reset();
    const Block again = pool.share(id);
    EXPECT_EQ(pool.cached(), 0);
    const auto other = pool.allocate();
    EXPECT_FALSE(pool.allocate());
    EXPECT_TRUE(evicted.empty());
}

TEST(BlockPool, stays_consistent_under_random_use) {
    std::mt19937 random(7);
    BlockPool pool(16);
    std::vector<Block> held;
    for (int i = 0; i < 20'000; ++i) {
        switch (random() % 4) {
            case 0:
                if (auto block = pool.allocate()) held.push_back(std::move(*block));
                break;
            case 1:
                if (!held.empty()) held.push_back(held[random() % held.size()]);
                break;
            case 2:
                if (!held.empty()) pool.keep(held[random() % held.size()].id());
                break;
            default:
                if (!held.empty()) {
                    std::swap(held[random() % held.size()], held.back());
                    held.pop_back();
                }
        }
        ASSERT_TRUE(pool.consistent()) << "step " << i;
        std::vector<int> count(16);
        for (const Block& b : held) ++count[static_cast<size_t>(b.id())];
        for (int32_t id = 0; id < 16; ++id) ASSERT_EQ(pool.holders(id), count[static_cast<size_t>(id)]);
    }
}

TEST(BlockTable, gives_blocks_back_from_the_end) {
    BlockPool pool(3);
    std::vector<int32_t> order;
    pool.on_evict = [&](int32_t id) { order.push_back(id); };
    BlockTable table;
    for (int i = 0; i < 3; ++i) {
        table.push(*pool.allocate());
        pool.keep(table.ids().back());
    }
    EXPECT_EQ(table.capacity_tokens(), 96);
    const std::vector<int32_t> ids(table.ids().begin(), table.ids().end());
    table.clear();
    const auto a = pool.allocate(), b = pool.allocate(), c = pool.allocate();
    EXPECT_EQ(order, (std::vector<int32_t>{ids[2], ids[1], ids[0]}));
}

}  // namespace
}  // namespace sluice::kvcache
