// A block of threads at work: its fibres, who may run next, barriers, warp operations, shared memory, and the
// detectors that watch all of it. One block runs at a time in an OS thread.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <source_location>
#include <string>
#include <vector>

#include "kernels/cuda/sim/device_calls.h"
#include "kernels/cuda/sim/fibre.h"

namespace sluice::kernels::cuda::sim {

// forward, reverse: threads take turns by ascending or descending number. depth_first: who was let go last
// runs first, so that a warp gets far ahead of the others. random: by the seed.
enum class Order : uint8_t { forward, reverse, depth_first, random };

inline constexpr int kWarpLanes = 32;
inline constexpr unsigned kMostThreads = 1024;  // of a block
inline constexpr unsigned kMostBlocksYZ = 65535;
inline constexpr size_t kSharedBytes = size_t{48} << 10;  // that a block has without asking

// What blocks leave to the next one: stacks, and shared memory by declaration.
struct Workshop {
    struct Shared {
        const void* tag;
        std::unique_ptr<Region> region;
        uint32_t block;  // the last one that had it
    };
    std::vector<std::unique_ptr<Fibre>> fibres;
    std::vector<Shared> shared;
};

class Block {
  public:
    struct Setup {
        Dim3 index, threads, grid;
        uint32_t serial = 0;        // of this block, over all launches
        uint32_t launch_begin = 0;  // serial of the launch's first block
        Order order = Order::forward;
        bool eager_copies = false;
        void (*kernel)(void*) = nullptr;
        void* arguments = nullptr;
    };

    Block(const Setup& setup, Workshop& workshop, std::mt19937_64& rng);

    // Runs all threads to their end or to the first fault.
    std::optional<Fault> run();

    // The calls of device_calls.h, for the running thread.
    void blame(Detector detector, const std::string& what);
    [[noreturn]] void stop();
    void touch(Region* region, const void* at, size_t bytes, size_t align, Access access);
    Region* shared_region(const void* tag, const char* name, size_t bytes, size_t grain);
    void barrier(const std::source_location& at);
    void warp_operation(const char* name, uint32_t mask, void* arguments, Finish finish,
                        const std::source_location& at);
    void copy_async(Region* to_region, void* to, Region* from_region, const void* from, size_t bytes);
    void copy_async_commit();
    void copy_async_wait(int groups_left);
    int running() const { return running_; }

  private:
    struct Copy {
        Region* region;
        std::byte* to;
        const std::byte* from;
        size_t bytes;
    };
    enum class Waits : uint8_t { no, at_barrier, in_warp, ended };
    struct Thread {
        Waits waits = Waits::no;
        const char* operation = nullptr;
        uint32_t mask = 0;
        void* arguments = nullptr;
        std::source_location at;
        std::vector<std::vector<Copy>> copies;  // groups begun, the last one still open
    };
    struct Warp {
        uint32_t waiting = 0;  // lanes in a warp operation
        uint32_t syncs = 0;
    };

    static void thread_main(void* block);
    int size() const { return static_cast<int>(threads_.size()); }
    int warp_begin(int thread) const { return thread / kWarpLanes * kWarpLanes; }
    int lanes_of_warp(int first) const;
    int take();
    void release(int begin, int end, Waits from, uint32_t mask);
    void suspend(Waits waits, const std::source_location& at);
    void check_mask(uint32_t mask, int first, const char* name);
    bool all_there(uint32_t mask, int first) const;
    void report_stuck();
    void report(Detector detector, const std::string& what);
    [[noreturn]] void race(Region& region, size_t grain, Access access, const Event& other);
    std::string describe(int thread) const;
    Event event(bool atomic) const;
    bool conflict(const Region& region, const Event& before, const Event& now) const;
    void touch_grain(Region& region, size_t grain, Access access, const Event& now);
    void set_pending(const Copy& copy, bool pending);
    void finish_copy(const Copy& copy);

    const Setup setup_;
    Workshop& workshop_;
    std::mt19937_64& rng_;
    std::vector<Thread> threads_;
    std::vector<int> ready_;
    size_t ready_begin_ = 0;
    int running_ = 0;
    int at_barrier_ = 0;
    int first_at_barrier_ = 0;
    uint32_t barriers_ = 0;
    std::vector<Warp> warps_;
    size_t shared_bytes_ = 0;
    std::optional<Fault> fault_;
};

}  // namespace sluice::kernels::cuda::sim
