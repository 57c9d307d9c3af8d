#include "kernels/cpu/worker_pool.h"

#include <pthread.h>

#include <chrono>
#include <string>

#include "kernels/check.h"

namespace sluice::kernels::cpu {
namespace {

constexpr uint64_t kInside = 0xffff;
constexpr uint64_t kOpen = 1u << 16;
constexpr uint64_t kJob = 1u << 17;  // and the bits above
// Longer than the pauses inside a step, short beside the wake-up of a sleeping thread.
constexpr std::chrono::microseconds kSpin{50};

// A worker takes this part of its fair share of what is left: neighbouring tasks, which read neighbouring
// memory, and ever fewer of them, so that all end together.
constexpr int64_t kShares = 2;

inline void pause() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

// Spins, then sleeps, until ready(gate). Returns the gate then seen.
template <class Ready>
uint64_t await(const std::atomic<uint64_t>& gate, Ready ready) {
    const auto give_up = std::chrono::steady_clock::now() + kSpin;
    uint64_t seen = gate.load(std::memory_order_acquire);
    for (int i = 1; !ready(seen); ++i) {
        pause();
        if (i % 64 == 0 && std::chrono::steady_clock::now() >= give_up)
            gate.wait(seen, std::memory_order_acquire);
        seen = gate.load(std::memory_order_acquire);
    }
    return seen;
}

}  // namespace

WorkerPool::WorkerPool(int threads) {
    SLUICE_CHECK(threads >= 1 && threads <= static_cast<int>(kInside));
    for (int w = 1; w < threads; ++w) {
        threads_.emplace_back([this, w] { work(w); });
        pthread_setname_np(threads_.back().native_handle(), ("sl-compute-" + std::to_string(w)).c_str());
    }
}

WorkerPool::~WorkerPool() {
    stopping_ = true;
    gate_.fetch_add(kJob, std::memory_order_release);
    gate_.notify_all();
    for (std::thread& t : threads_) t.join();
}

void WorkerPool::run_job(int64_t tasks, Call call, void* context) {
    if (tasks <= 0) return;
    tasks_ = tasks;
    call_ = call;
    context_ = context;
    next_.store(0, std::memory_order_relaxed);
    const uint64_t job = (gate_.load(std::memory_order_relaxed) & ~(kJob - 1)) + kJob;
    gate_.store(job | kOpen, std::memory_order_release);
    gate_.notify_all();
    take_tasks(0);
    gate_.fetch_and(~kOpen, std::memory_order_acq_rel);
    await(gate_, [](uint64_t g) { return (g & kInside) == 0; });
}

void WorkerPool::work(int worker) {
    uint64_t done = 0;  // the job that this worker has seen
    for (;;) {
        uint64_t gate = await(gate_, [&](uint64_t g) { return (g & ~(kJob - 1)) != done; });
        if (stopping_) return;
        done = gate & ~(kJob - 1);
        while ((gate & kOpen) && (gate & ~(kJob - 1)) == done) {
            if (!gate_.compare_exchange_weak(gate, gate + 1, std::memory_order_acq_rel)) continue;
            take_tasks(worker);
            if (((gate_.fetch_sub(1, std::memory_order_acq_rel) - 1) & (kInside | kOpen)) == 0)
                gate_.notify_all();
            break;
        }
    }
}

void WorkerPool::take_tasks(int worker) {
    int64_t next = next_.load(std::memory_order_relaxed);
    while (next < tasks_) {
        const int64_t share = (tasks_ - next) / (kShares * size());
        const int64_t end = next + (share > 0 ? share : 1);
        if (!next_.compare_exchange_weak(next, end, std::memory_order_relaxed)) continue;
        for (int64_t i = next; i < end; ++i) call_(context_, i, worker);
        next = next_.load(std::memory_order_relaxed);
    }
}

}  // namespace sluice::kernels::cpu
