#include "kvcache/prefix_index.h"

#include <gtest/gtest.h>

#include <numeric>

namespace sluice::kvcache {
namespace {

std::vector<int32_t> tokens_from(int32_t first) {
    std::vector<int32_t> out(kernels::kBlockTokens);
    std::iota(out.begin(), out.end(), first);
    return out;
}

// One bit of hash: nearly everything collides, and nothing may change but the speed.
class PrefixIndexTest : public testing::TestWithParam<int> {
  protected:
    PrefixIndex index{8, GetParam()};
    const PrefixIndex::Node root = PrefixIndex::root(0);
};

TEST_P(PrefixIndexTest, finds_what_was_inserted_under_its_parent_only) {
    const auto a = index.insert(root, tokens_from(0), 3);
    ASSERT_TRUE(a);
    const auto b = index.insert(*a, tokens_from(100), 5);
    ASSERT_TRUE(b);
    EXPECT_EQ(index.find(root, tokens_from(0))->block, 3);
    EXPECT_EQ(index.find(*a, tokens_from(100))->block, 5);
    EXPECT_FALSE(index.find(root, tokens_from(100)));
    EXPECT_FALSE(index.find(*b, tokens_from(0)));
    EXPECT_FALSE(index.find(*a, tokens_from(101)));
}

TEST_P(PrefixIndexTest, salts_are_separate_worlds) {
    index.insert(PrefixIndex::root(1), tokens_from(0), 1);
    EXPECT_FALSE(index.find(PrefixIndex::root(2), tokens_from(0)));
    EXPECT_TRUE(index.find(PrefixIndex::root(1), tokens_from(0)));
}

TEST_P(PrefixIndexTest, a_block_of_known_content_is_not_indexed_twice) {
    const auto first = index.insert(root, tokens_from(0), 1);
    const auto second = index.insert(root, tokens_from(0), 2);
    ASSERT_TRUE(first && second);
    EXPECT_EQ(second->block, 1);
    EXPECT_FALSE(index.contains(2));
}

TEST_P(PrefixIndexTest, forgetting_a_parent_cuts_off_what_hangs_under_it) {
    const auto a = index.insert(root, tokens_from(0), 1);
    index.insert(*a, tokens_from(50), 2);
    index.forget(1);
    EXPECT_FALSE(index.find(root, tokens_from(0)));
    EXPECT_FALSE(index.find(*a, tokens_from(50)));
    EXPECT_FALSE(index.insert(*a, tokens_from(60), 3));
    // The block's next life is not the parent that the orphan had.
    const auto again = index.insert(root, tokens_from(0), 1);
    ASSERT_TRUE(again);
    EXPECT_FALSE(index.find(*again, tokens_from(50)));
}

TEST_P(PrefixIndexTest, forgetting_an_unknown_block_does_nothing) {
    index.forget(4);
    EXPECT_FALSE(index.contains(4));
}

INSTANTIATE_TEST_SUITE_P(HashBits, PrefixIndexTest, testing::Values(64, 1));

}  // namespace
}  // namespace sluice::kvcache
