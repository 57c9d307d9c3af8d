// The engine itself: what barriers, warp operations, votes, asynchronous copies and mma give, and that each
// detector fires on the smallest kernel that deserves it.
#include <gtest/gtest.h>

#include <numeric>

#include "kernels/cuda/numerics.h"
#include "kernels/cuda/stream.h"
#include "tests/kernels/cuda/examine.h"

namespace sluice::kernels::cuda {
namespace {

using sim::Detector;

std::vector<int> ascending(int n) {
    std::vector<int> out(static_cast<size_t>(n));
    std::iota(out.begin(), out.end(), 0);
    return out;
}

// --- what operations give
// -------------------------------------------------------------------------------------

__global__ void reverse_kernel(Ptr<const int> x, Ptr<int> y) {
    SLUICE_SHARED(int, tile, 96);
    const int thread = static_cast<int>(threadIdx.x), begin = static_cast<int>(blockIdx.x) * 96;
    tile[thread] = x[begin + thread];
    __syncthreads();
    y[begin + thread] = tile[95 - thread];
}

TEST(CudaSim, threads_exchange_through_shared_memory_in_every_order) {
    for (const auto& options : test::thread_orders()) {
        Stream device(options);
        const auto y = device.output<int>("y", 3 * 96);
        device.launch(grid_of(3, 96), reverse_kernel, device.input("x", ascending(3 * 96)), y);
        ASSERT_FALSE(device.fault()) << device.fault()->message;
        const auto out = device.read(y, 3 * 96);
        for (int i = 0; i < 3 * 96; ++i) ASSERT_EQ(out[static_cast<size_t>(i)], i / 96 * 96 + 95 - i % 96);
    }
}

__global__ void warp_kernel(Ptr<int> y) {
    const int lane = lane_index(), thread = static_cast<int>(threadIdx.x);
    const unsigned half = lane < 16 ? 0xffffu : 0xffff0000u;  // two groups of a warp at once
    const int values[] = {__shfl_sync(half, thread, 3, 16),
                          __shfl_xor_sync(kAllLanes, thread, 5),
                          __shfl_down_sync(kAllLanes, thread, 4, 8),
                          __shfl_up_sync(kAllLanes, thread, 1),
                          static_cast<int>(__ballot_sync(kAllLanes, lane % 3 == 0)),
                          __any_sync(kAllLanes, lane == 40),
                          __all_sync(kAllLanes, lane < 32),
                          static_cast<int>(__match_any_sync(kAllLanes, lane % 2))};
    for (int i = 0; i < 8; ++i) y[thread * 8 + i] = values[i];
}

TEST(CudaSim, warp_operations_give_what_the_programming_guide_says) {
    for (const auto& options : test::thread_orders()) {
        Stream device(options);
        const auto y = device.output<int>("y", 64 * 8);
        device.launch(grid_of(1, 64), warp_kernel, y);
        ASSERT_FALSE(device.fault()) << device.fault()->message;
        const auto out = device.read(y, 64 * 8);
        for (int t = 0; t < 64; ++t) {
            const int lane = t % 32, warp = t - lane;
            const std::vector<int> expected = {warp + lane / 16 * 16 + 3,
                                               warp + (lane ^ 5),
                                               lane % 8 < 4 ? t + 4 : t,
                                               lane == 0 ? t : t - 1,
                                               0x49249249,
                                               0,
                                               1,
                                               lane % 2 == 0 ? 0x55555555 : static_cast<int>(0xaaaaaaaau)};
            EXPECT_EQ(std::vector<int>(out.begin() + t * 8, out.begin() + t * 8 + 8), expected) << t;
        }
    }
}

__global__ void mma_kernel(Ptr<const uint32_t> a, Ptr<const uint32_t> b, Ptr<int> d) {
    const int lane = lane_index(), group = lane / 4, quarter = lane % 4;
    MmaS8 m = {};
    for (int i = 0; i < 4; ++i) m.a[i] = a[(group + i % 2 * 8) * 8 + quarter + i / 2 * 4];  // [16][32] bytes
    for (int i = 0; i < 2; ++i) m.b[i] = b[group * 8 + quarter + i * 4];                    // [8][32] bytes
    mma_s8(m);
    mma_s8(m);  // accumulates
    for (int i = 0; i < 4; ++i) d[(group + i / 2 * 8) * 8 + quarter * 2 + i % 2] = m.d[i];
}

TEST(CudaSim, mma_multiplies_matrices_of_bytes) {
    std::mt19937 rng(7);
    std::vector<uint32_t> a(16 * 8), b(8 * 8);
    for (uint32_t& word : a) word = static_cast<uint32_t>(rng());
    for (uint32_t& word : b) word = static_cast<uint32_t>(rng());
    Stream device({});
    const auto d = device.output<int>("d", 16 * 8);
    device.launch(grid_of(1, 32), mma_kernel, device.input("a", a), device.input("b", b), d);
    ASSERT_FALSE(device.fault()) << device.fault()->message;
    const auto out = device.read(d, 16 * 8);
    const auto byte = [](const std::vector<uint32_t>& m, int row, int k) {
        return static_cast<int8_t>(m[static_cast<size_t>(row * 8 + k / 4)] >> k % 4 * 8);
    };
    for (int r = 0; r < 16; ++r) {
        for (int c = 0; c < 8; ++c) {
            int sum = 0;
            for (int k = 0; k < 32; ++k) sum += byte(a, r, k) * byte(b, c, k);
            EXPECT_EQ(out[static_cast<size_t>(r * 8 + c)], 2 * sum);
        }
    }
}

TEST(CudaSim, dp4a_multiplies_signed_bytes) {
    EXPECT_EQ(dp4a(0x017f80ff, 0x027f80ff, 5), 5 + 1 * 2 + 127 * 127 + 128 * 128 + 1);
}

// --- detectors
// ------------------------------------------------------------------------------------------------

// What a kernel of two blocks of 64 threads is blamed for. p has room for 128 ints, unwritten.
std::string blamed(void (*kernel)(Ptr<const int>, Ptr<int>), bool eager_copies = false) {
    Stream device({sim::Order::forward, sim::Order::forward, eager_copies, 1});
    device.launch(grid_of(2, 64), kernel, device.input("x", ascending(128)), device.output<int>("y", 128));
    return device.fault() ? std::string(name_of(device.fault()->detector)) : "nothing";
}

int own() {
    return static_cast<int>(threadIdx.x);
}
int everywhere() {
    return static_cast<int>(blockIdx.x) * 64 + own();
}

// On one line: barriers are told apart by their columns too. (All of a macro's arguments have one place.)
void two_barriers(Ptr<const int>, Ptr<int>) {
    own() < 32 ? __syncthreads() : __syncthreads();
}

TEST(CudaSimDetector, divergent_barriers) {
    EXPECT_EQ(blamed(&two_barriers), "divergent barrier");
    EXPECT_EQ(blamed([](Ptr<const int>, Ptr<int>) {
                  if (own() < 63) __syncthreads();
              }),
              "divergent barrier");
}

TEST(CudaSimDetector, warp_masks) {
    EXPECT_EQ(blamed([](Ptr<const int>, Ptr<int>) { __shfl_sync(0xffu, own(), 0); }), "warp mask");
    EXPECT_EQ(
        blamed([](Ptr<const int>, Ptr<int>) { __shfl_sync(own() % 32 < 16 ? 0xffffu : ~0xffffu, 1, 0); }),
        "warp mask");  // reads a lane that is not in its mask
    EXPECT_EQ(
        blamed([](Ptr<const int>, Ptr<int>) { __ballot_sync(own() % 32 < 16 ? 0xffffu : kAllLanes, 1); }),
        "warp mask");
    EXPECT_EQ(blamed([](Ptr<const int>, Ptr<int>) {
                  if (own() % 32 != 7) __syncwarp();
              }),
              "warp mask");
    EXPECT_EQ(blamed([](Ptr<const int>, Ptr<int>) {
                  own() == 5 ? __syncthreads() : __syncwarp();
                  own() == 5 ? __syncwarp() : __syncthreads();
              }),
              "warp mask");
}

TEST(CudaSimDetector, memory_that_nothing_wrote) {
    EXPECT_EQ(blamed([](Ptr<const int>, Ptr<int> y) { y[everywhere()] += 1; }), "uninitialised memory");
    EXPECT_EQ(blamed([](Ptr<const int>, Ptr<int> y) {
                  SLUICE_SHARED(int, tile, 64);
                  y[everywhere()] = tile[own()];
              }),
              "uninitialised memory");
}

TEST(CudaSimDetector, races) {
    EXPECT_EQ(blamed([](Ptr<const int>, Ptr<int>) {
                  SLUICE_SHARED(int, tile, 1);
                  tile[0] = 3;
              }),
              "race in shared memory");
    EXPECT_EQ(blamed([](Ptr<const int>, Ptr<int> y) { y[blockIdx.x] = 3; }), "race in global memory");
    EXPECT_EQ(blamed([](Ptr<const int>, Ptr<int> y) { y[own()] = 3; }), "race between blocks");
    EXPECT_EQ(blamed([](Ptr<const int>, Ptr<int> y) {
                  y[everywhere()] = 3;  // a read after the barrier is good, one of another block's is not
                  __syncthreads();
                  y[everywhere()] = y[63 - own()];
              }),
              "race in global memory");
}

TEST(CudaSimDetector, what_a_warp_or_a_barrier_orders_is_no_race) {
    EXPECT_EQ(blamed([](Ptr<const int> x, Ptr<int> y) {
                  SLUICE_SHARED(int, tile, 64);
                  tile[own()] = x[own()];
                  __syncwarp();
                  const int next = tile[own() ^ 1];
                  __syncthreads();
                  tile[63 - own()] = next;
                  __syncthreads();
                  y[everywhere()] = tile[own()];
              }),
              "nothing");
}

TEST(CudaSimDetector, bounds_and_alignment) {
    EXPECT_EQ(blamed([](Ptr<const int> x, Ptr<int> y) { y[everywhere()] = x[everywhere() + 1]; }),
              "out of bounds");
    EXPECT_EQ(blamed([](Ptr<const int> x, Ptr<int> y) { y[everywhere()] = x[everywhere() - 1]; }),
              "out of bounds");
    EXPECT_EQ(blamed([](Ptr<const int>, Ptr<int>) {
                  SLUICE_SHARED(int, tile, 63);
                  tile[own()] = 1;
              }),
              "out of bounds");
    EXPECT_EQ(blamed([](Ptr<const int> x, Ptr<int> y) {
                  y[everywhere()] = static_cast<int>(ptr_cast<const uint4>(x + own() / 2)[0].x);
              }),
              "misaligned access");
}

TEST(CudaSimDetector, shared_memory_beyond_what_a_block_has) {
    EXPECT_EQ(blamed([](Ptr<const int>, Ptr<int>) {
                  SLUICE_SHARED(int, tile, 12 * 1024);
                  SLUICE_SHARED(int, one_more, 1);
                  tile[own()] = 1;
                  one_more[0] = 1;
              }),
              "too much shared memory");
}

// Every thread of the first 16 copies four ints, and all read them behind a barrier.
template <bool kWait>
void copy_kernel(Ptr<const int> x, Ptr<int> y) {
    SLUICE_SHARED(int, tile, 64);
    if (own() < 16) copy_async_16(tile + own() * 4, x + own() * 4);
    copy_async_commit();
    if (kWait) copy_async_wait<0>();
    __syncthreads();
    y[everywhere()] = tile[own()];
}

TEST(CudaSimDetector, copies_that_are_not_waited_for) {
    EXPECT_EQ(blamed(&copy_kernel<true>), "nothing");
    EXPECT_EQ(blamed(&copy_kernel<true>, true), "nothing");
    EXPECT_EQ(blamed(&copy_kernel<false>), "pending copy");
}

TEST(CudaSimDetector, sums_that_depend_on_the_order_of_blocks) {
    const auto kernel = [](Ptr<const int>, Ptr<float> y) {
        if (own() == 0) atomicAdd(y, 1.0f / static_cast<float>(3 + blockIdx.x));
    };
    void (*const sum)(Ptr<const int>, Ptr<float>) = kernel;
    const test::Finding found = test::examine(
        [&](Stream& device) {
            const auto y = device.in_out("y", std::vector<float>{0.0f});
            device.launch(grid_of(50, 32), sum, device.input("x", ascending(1)), y);
            test::Bits bits;
            test::append(bits, y, 1);
            return bits;
        },
        {});
    EXPECT_EQ(found.by, "block order");
}

TEST(CudaSimDetector, a_grid_that_a_device_refuses_is_a_fault) {
    for (const Grid& grid : {grid_of(0, 32), grid_of(1, 1025), grid_of(1, 32, 65536)}) {
        Stream device({});
        device.launch(grid, reverse_kernel, device.input("x", ascending(96)), device.output<int>("y", 96));
        ASSERT_TRUE(device.fault());
        EXPECT_EQ(name_of(device.fault()->detector), "refused launch");
    }
}

TEST(CudaSimDetector, a_fault_says_who_and_where_and_ends_the_device) {
    Stream device({});
    const auto y = device.output<int>("sums", 128);
    void (*const kernel)(Ptr<int>) = [](Ptr<int> p) { p[own() < 40 ? everywhere() : 0] = 1; };
    device.launch(grid_of(2, 64), kernel, y);
    ASSERT_TRUE(device.fault());
    EXPECT_EQ(device.fault()->message,
              "race in global memory: thread 40 of block 0,0: writes sums[0] that thread 0 wrote");
    device.launch(grid_of(1, 96), reverse_kernel, device.input("x", ascending(96)), y);
    EXPECT_EQ(device.read(y, 128)[100], -1);  // still what nothing has written
}

}  // namespace
}  // namespace sluice::kernels::cuda
