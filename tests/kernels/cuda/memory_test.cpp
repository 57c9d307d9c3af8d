// The memory of the simulated device: its limit, what copies carry along, and failures that are taken or
// stay.
#include <gtest/gtest.h>

#include <vector>

#include "kernels/cuda/backend.h"
#include "kernels/cuda/kernels.h"
#include "kernels/cuda/sim/sim_memory.h"

namespace sluice::kernels::cuda {
namespace {

template <class T>
T* room(DeviceMemory& memory, const char* name, size_t count) {
    return reinterpret_cast<T*>(memory.allocate(name, count * sizeof(T), sizeof(T)));
}
std::byte* bytes(float* at) {
    return reinterpret_cast<std::byte*>(at);
}

TEST(CudaSimMemory, copies_go_there_and_back) {
    sim::SimMemory memory({}, 4096);
    float *a = room<float>(memory, "a", 8), *b = room<float>(memory, "b", 8);
    const std::vector<float> values{1, 2, 3, 4};
    std::vector<float> back(4);
    memory.upload(bytes(a), values.data(), 16);
    memory.copy(bytes(b + 4), bytes(a), 16);
    memory.download(back.data(), bytes(b + 4), 16);
    EXPECT_EQ(back, values);
    memory.clear(bytes(b));
    memory.download(back.data(), bytes(b), 16);
    EXPECT_EQ(back, std::vector<float>(4));
    EXPECT_FALSE(memory.failed());
}

TEST(CudaSimMemory, has_a_limit_which_is_a_failure_that_can_be_taken) {
    sim::SimMemory memory({}, 4096);
    float* a = room<float>(memory, "a", 1000);
    EXPECT_EQ(memory.free_bytes(), 96u);
    EXPECT_EQ(room<float>(memory, "scores", 25), nullptr);
    EXPECT_TRUE(memory.failed());
    EXPECT_EQ(room<float>(memory, "small", 1), nullptr) << "nothing happens until the failure is taken";
    EXPECT_EQ(memory.take_failure(),
              "the device is out of memory: scores needs 100 bytes, 96 of 4096 are free");
    EXPECT_EQ(memory.take_failure(), std::nullopt);
    memory.free(bytes(a));
    EXPECT_NE(room<float>(memory, "scores", 1024), nullptr);
}

TEST(CudaSimMemory, the_host_may_not_read_what_nothing_has_written) {
    sim::SimMemory memory({}, 4096);
    float *a = room<float>(memory, "a", 8), *b = room<float>(memory, "b", 8);
    float out[8];
    memory.copy(bytes(b), bytes(a), 32);  // allowed, but then b is not written either
    EXPECT_FALSE(memory.failed());
    memory.download(out, bytes(b), 32);
    EXPECT_EQ(memory.take_failure(), "uninitialised memory: the host reads b");
}

TEST(CudaSimMemory, a_device_that_a_kernel_has_broken_stays_lost) {
    sim::SimMemory memory({}, 4096);
    float *x = room<float>(memory, "x", 8), *y = room<float>(memory, "y", 8);
    rms_norm(memory.stream(), {memory.at(x), memory.at(x), memory.at(y), 1, 8, 1e-6f});
    for (int i = 0; i < 2; ++i) {
        const auto failure = memory.take_failure();
        ASSERT_TRUE(failure);
        EXPECT_TRUE(failure->starts_with("the device is lost: uninitialised memory")) << *failure;
    }
    EXPECT_TRUE(memory.failed());
    EXPECT_EQ(room<float>(memory, "z", 1), nullptr);
}

TEST(CudaBackend, what_a_batch_has_no_room_for_fails_and_leaves_the_rest) {
    SimOptions options;
    options.host = {1, "scalar"};
    options.memory_bytes = 64 << 10;
    const auto backend = make_sim_backend(options);
    ASSERT_NE(backend, nullptr);
    DeviceMemory& memory = *backend->device();
    auto* weight = memory.allocate("weight", 32 * 32 * 4, 0);
    const std::vector<float> ones(32 * 32, 1.0f);
    memory.upload(weight, ones.data(), 32 * 32 * 4);
    Buffer<float> x(&memory, "x"), y(&memory, "y");
    const auto run = [&](int rows) {
        x.grow(int64_t{rows} * 32);
        y.grow(int64_t{rows} * 32);
        if (memory.failed()) return;
        std::fill_n(x.host(rows * 32), rows * 32, 0.5f);
        x.send(rows * 32);
        const LinearPart part{{DType::f32, 32, 32, weight}, nullptr, y.data()};
        backend->linear({x.data(), rows, {&part, 1}});
        y.receive(rows * 32);
    };
    run(100);
    EXPECT_EQ(memory.take_failure(), std::nullopt);
    EXPECT_EQ(y.host(1)[0], 16.0f);
    run(1000);
    EXPECT_TRUE(memory.take_failure().value_or("").find("out of memory: x needs 128000 bytes") !=
                std::string::npos);
    run(3);
    EXPECT_EQ(memory.take_failure(), std::nullopt);
    EXPECT_EQ(y.host(96)[95], 16.0f);
}

}  // namespace
}  // namespace sluice::kernels::cuda
