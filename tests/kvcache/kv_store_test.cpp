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

TEST(KvStore, copies_the_scales_of_int8_with_their_block) {
    const auto store = KvStore::make(DType::q8_0, 3, 2, 2, 8);
    ASSERT_TRUE(store);
    const size_t block = 2 * (8 * 32 + 32 * 4);  // 2 heads: integers, and a scale for each token
    EXPECT_EQ(KvStore::block_bytes(DType::q8_0, 2, 2, 8), 2 * 2 * block);
    for (int l = 0; l < 2; ++l) {
        const auto layer = store->layer(l);
        for (std::byte* pool : {layer.keys, layer.values})
            for (size_t i = 0; i < 3 * block; ++i) pool[i] = static_cast<std::byte>(i * 7 % 251);
    }
    store->copy_block(0, 2);
    for (int l = 0; l < 2; ++l) {
        const auto layer = store->layer(l);
        for (const std::byte* pool : {layer.keys, layer.values}) {
            EXPECT_EQ(0, std::memcmp(pool + 2 * block, pool, block));
            EXPECT_EQ(pool[block], static_cast<std::byte>(block * 7 % 251));
        }
        EXPECT_EQ(layer.tile(2, 1), 2 * block + block / 2);
    }
}

TEST(KvStore, says_so_when_the_memory_does_not_exist) {
    EXPECT_EQ(KvStore::make(DType::f32, 1 << 30, 64, 64, 256), nullptr);
}

}  // namespace
}  // namespace sluice::kvcache
