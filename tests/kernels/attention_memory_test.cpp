// A program of its own, because it counts every allocation.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <vector>

#include "kernels/backend.h"

namespace {
std::atomic<int64_t> allocations{0};
}

void* operator new(size_t bytes) {
    ++allocations;
    if (void* memory = std::malloc(bytes)) return memory;
    throw std::bad_alloc();
}
void operator delete(void* memory) noexcept {
    std::free(memory);
}
void operator delete(void* memory, size_t) noexcept {
    std::free(memory);
}

namespace sluice::kernels {
namespace {

// Steps whose sequences grow by a token each, over blocks that the first step has already seen used.
TEST(AttentionMemory, is_not_allocated_in_steady_state) {
    constexpr int32_t kSequences = 9, kBlocks = 20, kHeads = 8, kKvHeads = 2, kDim = 32, kShared = 8;
    for (const DType type : {DType::f16, DType::q8_0}) {
        const auto backend = make_cpu_backend({2, ""});
        KvLayer layer{type, kSequences * kBlocks, kKvHeads, kDim, nullptr, nullptr};
        std::vector<std::byte> keys(layer.tile(layer.num_blocks, 0)), values(keys.size());
        layer.keys = keys.data();
        layer.values = values.data();
        std::vector<int32_t> positions, begins, ids;
        for (int32_t s = 0; s < kSequences; ++s) {
            positions.push_back(450 + s);
            begins.push_back(s * kBlocks);
            for (int32_t b = 0; b < kBlocks; ++b) ids.push_back(b < kShared ? b : s * kBlocks + b);
        }
        const std::vector<float> q(size_t{kSequences} * kHeads * kDim, 0.5f);
        std::vector<float> y(q.size());
        const auto step = [&] {
            for (int layers = 0; layers < 3; ++layers)
                backend->attention({q.data(), y.data(), kHeads, 0.2f, {positions, begins, ids}, layer});
            for (int32_t& p : positions) ++p;
        };
        step();
        const int64_t before = allocations;
        for (int i = 0; i < 40; ++i) step();  // none of them reaches into a split more
        EXPECT_EQ(allocations - before, 0);
        for (int32_t& p : positions) p += 100;
        step();  // a split more
        EXPECT_GT(allocations - before, 0);
    }
}

}  // namespace
}  // namespace sluice::kernels
