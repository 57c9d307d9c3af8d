// What this machine can do at most; bench_memory has its reading of memory.
//   rate/<instruction>/threads:<1, one a core>   two threads that share a core are no faster than one
//   pool/<follows, after_pause>                  an empty job right after another, and when the workers sleep
//   copy/4KiB                                    one thread, blocks that no cache holds, in no order
//   file/page_cache                              one thread, 1 MiB at a time
#include <stdio.h>
#include <unistd.h>

#include <chrono>
#include <numeric>
#include <thread>

#include "bench/kernel_bench.h"
#include "bench/rates.h"
#include "kernels/cpu/worker_pool.h"

namespace sluice::bench {
namespace {

using benchmark::Counter;
using Clock = std::chrono::steady_clock;

int most_threads() {
    return wanted_threads() > 0 ? wanted_threads() : backend("scalar").num_threads();
}

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

void instruction(benchmark::State& state, const Instruction& one) {
    const double before = clock_rate();
    double sum = 0;
    for (auto _ : state) sum += rate(one);
    const auto each = sum / static_cast<double>(state.iterations());
    state.counters["G/s"] = each * 1e-9;  // of all threads
    if (one.macs > 0) state.counters["GMAC/s"] = each * one.macs * 1e-9;
    const double clock = (before + clock_rate()) / 2;
    state.counters["GHz"] = Counter(clock * 1e-9, Counter::kAvgThreads);
    state.counters["per clock"] = Counter(each / clock, Counter::kAvgThreads);
}

void empty_jobs(benchmark::State& state) {
    kernels::cpu::WorkerPool pool(most_threads());
    for (auto _ : state) pool.run(pool.size(), [](int64_t task, int) { benchmark::DoNotOptimize(task); });
}

// The pause is longer than the workers spin: they have to be woken.
void job_after_pause(benchmark::State& state) {
    kernels::cpu::WorkerPool pool(most_threads());
    for (auto _ : state) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
        const auto start = Clock::now();
        pool.run(pool.size(), [](int64_t task, int) { benchmark::DoNotOptimize(task); });
        state.SetIterationTime(seconds_since(start));
    }
}

void copy_blocks(benchmark::State& state) {
    constexpr size_t kBlock = 4096;
    const size_t blocks = cold_bytes() / kBlock;
    const Memory from = random_rows(kernels::DType::f32, static_cast<int64_t>(blocks), kBlock / 4);
    const Memory to = filled(blocks * kBlock, {std::byte{1}});
    std::vector<size_t> order(blocks);
    std::iota(order.begin(), order.end(), size_t{0});
    std::shuffle(order.begin(), order.end(), std::mt19937(1));
    measure(state, 1, [&](int64_t turn) {
        const size_t block = static_cast<size_t>(turn) % blocks;
        std::memcpy(to.get() + block * kBlock, from.get() + order[block] * kBlock, kBlock);
        return Work{kBlock, 0};
    });
}

void read_file(benchmark::State& state) {
    constexpr size_t kPiece = size_t{1} << 20, kFile = size_t{128} << 20;
    const std::unique_ptr<FILE, int (*)(FILE*)> file(std::tmpfile(), std::fclose);
    const Memory content = random_rows(kernels::DType::f32, kFile / 4096, 1024);
    if (!file || std::fwrite(content.get(), 1, kFile, file.get()) != kFile || std::fflush(file.get()) != 0)
        return state.SkipWithError("a temporary file of 128 MiB cannot be written");
    std::vector<std::byte> piece(kPiece);
    measure(state, 1, [&](int64_t turn) {
        const auto at = static_cast<off_t>(static_cast<size_t>(turn) * kPiece % kFile);
        return Work{::pread(fileno(file.get()), piece.data(), kPiece, at), 0};
    });
}

void add() {
    const int threads = most_threads();
    for (const Instruction& one : instructions()) {
        const auto name = "rate/" + std::string(one.name);
        auto* made = benchmark::RegisterBenchmark(name.c_str(), instruction, one);
        made->UseRealTime()->Unit(benchmark::kMicrosecond)->Threads(1);
        if (threads > 1) made->Threads(threads);
    }
    benchmark::RegisterBenchmark("pool/follows", empty_jobs)->UseRealTime()->Unit(benchmark::kMicrosecond);
    benchmark::RegisterBenchmark("pool/after_pause", job_after_pause)
        ->UseManualTime()
        ->Iterations(40)
        ->Unit(benchmark::kMicrosecond);
    benchmark::RegisterBenchmark("copy/4KiB", copy_blocks)->UseRealTime()->Unit(benchmark::kMicrosecond);
    benchmark::RegisterBenchmark("file/page_cache", read_file)->UseRealTime()->Unit(benchmark::kMicrosecond);
}

}  // namespace
}  // namespace sluice::bench

int main(int argc, char** argv) {
    return sluice::bench::run(argc, argv, sluice::bench::add);
}
