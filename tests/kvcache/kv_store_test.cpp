#include "kvcache/kv_store.h"

#include <gtest/gtest.h>

#include <cstring>

namespace sluice::kvcache {
namespace {

using kernels::DType;

TEST(KvStore, lays_layers_keys_and_values_apart) {
    const auto store = KvStore::make(DType::f16, 3, 2, 2, 8);
    ASSERT_TRUE(store);
    EXPECT_EQ(KvStore::block_bytes(DType::f16, 2, 2, 8), 2u * 2 * 2 * 8 * 32 * 2);
    EXPECT_EQ(store->bytes(), 3 * KvStore::block_bytes(DType::f16, 2, 2, 8));
    const size_t pool = 3 * 2 * 8 * 32 * 2;  // keys of a layer
    const auto first = store->layer(0), second = store->layer(1);
    // Fill each pool with its own byte; none may touch another.
    std::memset(first.keys, 1, pool);
    std::memset(first.values, 2, pool);
    std::memset(second.keys, 3, pool);
    std::memset(second.values, 4, pool);
    const auto all = [&](const std::byte* p, int value) {
        for (size_t i = 0; i < pool; ++i)
            if (std::to_integer<int>(p[i]) != value) return false;
        return true;
    };
    EXPECT_TRUE(all(first.keys, 1));
    EXPECT_TRUE(all(first.values, 2));
    EXPECT_TRUE(all(second.keys, 3));
    EXPECT_TRUE(all(second.values, 4));
}

TEST(KvStore, copies_a_block_in_all_layers_and_no_other) {
    const auto store = KvStore::make(DType::f32, 4, 3, 2, 4);
    ASSERT_TRUE(store);
    const int64_t block = 2 * 4 * 32;
    for (int l = 0; l < 3; ++l) {
        const auto layer = store->layer(l);
        for (int64_t i = 0; i < 4 * block; ++i) {
            reinterpret_cast<float*>(layer.keys)[i] = static_cast<float>(l * 10'000 + i);
            reinterpret_cast<float*>(layer.values)[i] = static_cast<float>(l * 10'000 + i) + 0.5f;
        }
    }
    store->copy_block(1, 3);
    for (int l = 0; l < 3; ++l) {
        const auto layer = store->layer(l);
        for (int64_t i = 0; i < 4 * block; ++i) {
            const int64_t from = i >= 3 * block ? i - 2 * block : i;
            ASSERT_EQ(reinterpret_cast<float*>(layer.keys)[i], static_cast<float>(l * 10'000 + from));
            ASSERT_EQ(reinterpret_cast<float*>(layer.values)[i],
                      static_cast<float>(l * 10'000 + from) + 0.5f);
        }
    }
}

TEST(KvStore, says_so_when_the_memory_does_not_exist) {
    EXPECT_EQ(KvStore::make(DType::f32, 1 << 30, 64, 64, 256), nullptr);
}

}  // namespace
}  // namespace sluice::kvcache
