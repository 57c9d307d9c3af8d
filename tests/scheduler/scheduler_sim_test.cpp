// A million simulated requests against every invariant. To replay one history:
//   scheduler_sim_test --seed=N
#include <gtest/gtest.h>

#include <unistd.h>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <thread>

#include "tests/scheduler/simulator.h"

namespace {

uint64_t only_seed = 0;
thread_local uint64_t current_seed = 0;

// A broken invariant inside the scheduler aborts; the seed must not be lost with it.
void on_abort(int) {
    char line[96];
    const int n = std::snprintf(line, sizeof line, "replay: scheduler_sim_test --seed=%llu\n",
                                static_cast<unsigned long long>(current_seed));
    if (write(STDERR_FILENO, line, static_cast<size_t>(n)) < 0) _exit(3);
    _exit(2);
}

TEST(SchedulerSimulation, EveryInvariantHolds) {
    constexpr int64_t wanted_requests = 1'000'000;
    std::atomic<uint64_t> next_seed{only_seed ? only_seed : 1};
    std::atomic<int64_t> requests{0}, steps{0}, preemptions{0}, hits{0}, copies{0};
    std::atomic<bool> stop{false};
    std::mutex print;
    const auto work = [&] {
        while (!stop && (only_seed ? next_seed == only_seed : requests < wanted_requests)) {
            current_seed = next_seed.fetch_add(1);
            const auto report = sluice::test::simulate(current_seed);
            requests += report.requests;
            steps += report.steps;
            preemptions += report.preemptions;
            hits += report.prefix_hits;
            copies += report.copies;
            if (report.failure.empty()) continue;
            const std::lock_guard lock(print);
            ADD_FAILURE() << report.failure << "\nreplay: scheduler_sim_test --seed=" << current_seed;
            stop = true;
        }
    };
    std::thread other(work);
    work();
    other.join();
    std::printf("%lld requests, %lld steps, %lld preemptions, %lld cached tokens, %lld copies\n",
                static_cast<long long>(requests), static_cast<long long>(steps),
                static_cast<long long>(preemptions), static_cast<long long>(hits),
                static_cast<long long>(copies));
    if (only_seed || stop) return;
    EXPECT_GE(requests, wanted_requests);
    EXPECT_GT(preemptions, 1000);  // the histories reach what they are for
    EXPECT_GT(hits, 100'000);
    EXPECT_GT(copies, 1000);
}

}  // namespace

int main(int argc, char** argv) {
    testing::InitGoogleTest(&argc, argv);
    for (int i = 1; i < argc; ++i) {
        if (std::strncmp(argv[i], "--seed=", 7) == 0) only_seed = std::strtoull(argv[i] + 7, nullptr, 10);
    }
    std::signal(SIGABRT, on_abort);
    return RUN_ALL_TESTS();
}
