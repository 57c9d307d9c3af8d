// The limit that GB/s of the other programs is held against: how fast memory that no cache holds is read.
//   read/threads:1    read/threads:<one a core>
#include "bench/kernel_bench.h"

namespace sluice::bench {
namespace {

constexpr size_t kBytes = size_t{512} << 20;

// One word of each cache line brings the line. From several places at a time, with lines asked for ahead, one
// core has as many reads under way as it can.
uint64_t touch(const uint64_t* words, size_t count) {
    constexpr size_t kPlaces = 8, kLine = 8, kAhead = 16 * kLine;
    uint64_t sum[kPlaces] = {};
    const size_t share = count / kPlaces;
    for (size_t i = 0; i < share; i += kLine) {
        for (size_t place = 0; place < kPlaces; ++place) {
            const uint64_t* line = words + place * share + i;
            __builtin_prefetch(line + kAhead);
            sum[place] += *line;
        }
    }
    uint64_t all = 0;
    for (const uint64_t s : sum) all += s;
    return all;
}

void read(benchmark::State& state) {
    static const Memory memory = random_rows(kernels::DType::f32, kBytes / 4096, 1024);
    const size_t share = kBytes / static_cast<size_t>(state.threads()) / 64 * 64;
    const auto* words = reinterpret_cast<const uint64_t*>(memory.get() + share * state.thread_index());
    for (auto _ : state) benchmark::DoNotOptimize(touch(words, share / sizeof(uint64_t)));
    const auto bytes = static_cast<double>(share) * static_cast<double>(state.iterations());
    state.counters["GB/s"] = benchmark::Counter(bytes * 1e-9, benchmark::Counter::kIsRate);
}

void add() {
    const int threads = wanted_threads() > 0 ? wanted_threads() : backend("scalar").num_threads();
    auto* one = benchmark::RegisterBenchmark("read", read);
    one->UseRealTime()->Unit(benchmark::kMicrosecond)->Threads(1);
    if (threads > 1) one->Threads(threads);
}

}  // namespace
}  // namespace sluice::bench

int main(int argc, char** argv) {
    return sluice::bench::run(argc, argv, sluice::bench::add);
}
