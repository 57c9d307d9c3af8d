// Sizing of the KV pool: the sums that decide whether a model fits.
#include "engine/memory.h"

#include <gtest/gtest.h>

#include <limits>

namespace sluice::engine {
namespace {

constexpr uint64_t kMiB = 1 << 20;
constexpr uint64_t kGiB = 1024 * kMiB;

TEST(KvMemory, TakesWhatIsAsked) {
    Options o;
    o.kv_memory_bytes = 512 * kMiB;
    const auto plan = plan_kv_memory(o, kMiB, 32768, 4 * kGiB, 16 * kGiB);
    ASSERT_TRUE(plan.has_value());
    EXPECT_EQ(plan->blocks, 512);
}

TEST(KvMemory, DefaultIsHalfOfWhatWeightsLeave) {
    const auto plan = plan_kv_memory({}, kMiB, 1 << 20, 8 * kGiB, 12 * kGiB + 512 * kMiB);
    ASSERT_TRUE(plan.has_value());
    EXPECT_EQ(plan->bytes, 2 * kGiB);
}

TEST(KvMemory, NeverMoreThanTheSequencesCanUse) {
    Options o;
    o.max_running = 4;
    const auto plan = plan_kv_memory(o, kMiB, 100, 0, 100 * kGiB);
    ASSERT_TRUE(plan.has_value());
    EXPECT_EQ(plan->blocks, 4 * 4);  // 100 tokens: 4 blocks of 32
}

TEST(KvMemory, RefusesWhatTheMachineLacks) {
    Options o;
    o.kv_memory_bytes = 20 * kGiB;
    const auto plan = plan_kv_memory(o, kMiB, 1 << 20, kGiB, 8 * kGiB);
    ASSERT_FALSE(plan.has_value());
    EXPECT_EQ(plan.error().kind, ErrorKind::out_of_memory);
    EXPECT_NE(plan.error().message.find("20480 MiB"), std::string::npos) << plan.error().message;
}

TEST(KvMemory, RefusesLessThanOneBlock) {
    Options o;
    o.kv_memory_bytes = 10;
    EXPECT_FALSE(plan_kv_memory(o, kMiB, 4096, 0, 8 * kGiB).has_value());
}

TEST(MemoryNeed, IsASumThatASmallerContextMakesFit) {
    const MemoryNeed need = memory_need(kMiB, 1000, 4, 2 * kGiB);  // 32 blocks each
    EXPECT_EQ(need.kv, 128 * kMiB);
    EXPECT_EQ(need.total(), 2 * kGiB + 128 * kMiB + need.reserve);
    const int64_t context = context_that_fits(kMiB, 4, 2 * kGiB, need.total());
    EXPECT_EQ(context, 32 * 32);
    EXPECT_EQ(context_that_fits(kMiB, 4, 2 * kGiB, need.total() - 1), 31 * 32);
    EXPECT_EQ(context_that_fits(kMiB, 4, 2 * kGiB, kGiB), 0);
}

TEST(MemoryNeed, NeverGoesRound) {
    const uint64_t most = std::numeric_limits<uint64_t>::max();
    EXPECT_EQ(memory_need(uint64_t{1} << 40, 1 << 24, 4096, kGiB).total(), most);
    EXPECT_EQ(memory_need(1, 1, 1, most).total(), most);
    EXPECT_EQ(context_that_fits(uint64_t{1} << 60, 4096, most, kGiB), 0);
}

TEST(KvMemory, TheMachineHasSome) {
    EXPECT_GT(available_memory(), kMiB);
}

}  // namespace
}  // namespace sluice::engine
