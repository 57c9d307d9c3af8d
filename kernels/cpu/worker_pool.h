// The threads that compute a step: the caller and size() - 1 more ("sl-compute-1", ...). Between runs they
// spin for a short while, because the next run is microseconds away inside a step, then sleep. Driven by one
// thread at a time.
#pragma once
#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace sluice::kernels::cpu {

class WorkerPool {
  public:
    explicit WorkerPool(int threads);  // >= 1, the caller included
    ~WorkerPool();
    WorkerPool(const WorkerPool&) = delete;
    WorkerPool& operator=(const WorkerPool&) = delete;

    int size() const { return static_cast<int>(threads_.size()) + 1; }

    // Calls body(task, worker) once for each task in 0..tasks-1, in any order; worker is in 0..size()-1.
    // Returns when all calls have returned. body must not throw.
    template <class Body>
    void run(int64_t tasks, Body&& body) {
        if (tasks == 1 || threads_.empty()) {
            for (int64_t i = 0; i < tasks; ++i) body(i, 0);
            return;
        }
        const auto call = [](void* context, int64_t task, int worker) {
            (*static_cast<std::remove_reference_t<Body>*>(context))(task, worker);
        };
        run_job(tasks, call, const_cast<void*>(static_cast<const void*>(&body)));
    }

  private:
    using Call = void (*)(void* context, int64_t task, int worker);
    void run_job(int64_t tasks, Call call, void* context);
    void work(int worker);
    void take_tasks(int worker);

    // The gate: bits 0-15 workers inside the job, bit 16 whether more may enter, the rest counts jobs.
    // A worker that sleeps through a job is not waited for.
    std::atomic<uint64_t> gate_{0};
    std::atomic<int64_t> next_{0};
    std::atomic<bool> stopping_{false};
    int64_t tasks_ = 0;
    Call call_ = nullptr;
    void* context_ = nullptr;
    std::vector<std::thread> threads_;
};

}  // namespace sluice::kernels::cpu
