#include "kernels/cpu/worker_pool.h"

#include <gtest/gtest.h>

#include <chrono>
#include <numeric>

namespace sluice::kernels::cpu {
namespace {

TEST(WorkerPool, runs_each_task_once_and_returns_when_all_are_done) {
    for (const int threads : {1, 2, 3, 8}) {
        WorkerPool pool(threads);
        EXPECT_EQ(pool.size(), threads);
        for (const int64_t tasks : {0, 1, 2, 7, 1000}) {
            for (int round = 0; round < 50; ++round) {
                std::vector<int> count(static_cast<size_t>(tasks));
                pool.run(tasks, [&](int64_t i, int worker) {
                    ASSERT_GE(worker, 0);
                    ASSERT_LT(worker, threads);
                    ++count[static_cast<size_t>(i)];
                });
                for (const int c : count) ASSERT_EQ(c, 1);
            }
        }
    }
}

TEST(WorkerPool, workers_take_part_after_a_pause) {
    WorkerPool pool(2);
    std::atomic<int> seen{0};
    for (int round = 0; round < 20 && seen.load() == 0; ++round) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));  // long enough for them to sleep
        pool.run(64, [&](int64_t, int worker) {
            if (worker == 1) ++seen;
            std::this_thread::sleep_for(std::chrono::microseconds(200));
        });
    }
    EXPECT_GT(seen.load(), 0);
}

TEST(WorkerPool, thousands_of_short_jobs_lose_nothing) {
    WorkerPool pool(4);
    int64_t total = 0;
    for (int job = 0; job < 20'000; ++job) {
        std::atomic<int64_t> sum{0};
        pool.run(5, [&](int64_t i, int) { sum += i; });
        total += sum;
    }
    EXPECT_EQ(total, 20'000 * 10);
}

}  // namespace
}  // namespace sluice::kernels::cpu
