// The limit that GB/s of the other programs is held against: how fast memory that no cache holds is read.
// Which way of reading is the fastest depends on the machine and its pages, so there are some; the best one
// counts.
//   read/<places at a time>/<small, huge pages>/threads:<1, one a core>
//   read/8_ahead/...                            lines are asked for before they are needed
#include "bench/kernel_bench.h"

namespace sluice::bench {
namespace {

constexpr size_t kBytes = size_t{512} << 20;

Memory shared_memory;  // of all threads
Pages shared_pages = Pages::small;

void prepare(Pages pages) {
    if (shared_memory && shared_pages == pages) return;
    shared_memory.reset();
    shared_memory = random_rows(kernels::DType::f32, kBytes / 4096, 1024, pages);
    shared_pages = pages;
}

// One word of each cache line brings the line; several places at a time keep more reads under way.
template <size_t kPlaces, bool kAskAhead>
uint64_t touch(const uint64_t* words, size_t count) {
    constexpr size_t kLine = 8, kAhead = 16 * kLine;
    uint64_t sum[kPlaces] = {};
    const size_t share = count / kPlaces;
    for (size_t i = 0; i < share; i += kLine) {
        for (size_t place = 0; place < kPlaces; ++place) {
            const uint64_t* line = words + place * share + i;
            if constexpr (kAskAhead) __builtin_prefetch(line + kAhead);
            sum[place] += *line;
        }
    }
    uint64_t all = 0;
    for (const uint64_t s : sum) all += s;
    return all;
}

template <size_t kPlaces, bool kAskAhead>
void read(benchmark::State& state) {
    const size_t share = kBytes / static_cast<size_t>(state.threads()) / 64 * 64;
    const auto* words = reinterpret_cast<const uint64_t*>(shared_memory.get() + share * state.thread_index());
    for (auto _ : state) benchmark::DoNotOptimize(touch<kPlaces, kAskAhead>(words, share / sizeof(uint64_t)));
    const auto bytes = static_cast<double>(share) * static_cast<double>(state.iterations());
    state.counters["GB/s"] = benchmark::Counter(bytes * 1e-9, benchmark::Counter::kIsRate);
}

template <Pages kPages>
void add_ways() {
    const std::string pages = kPages == Pages::huge ? "/huge" : "/small";
    const auto add_way = [&](const char* name, void (*way)(benchmark::State&)) {
        const int threads = wanted_threads() > 0 ? wanted_threads() : backend("scalar").num_threads();
        auto* one = benchmark::RegisterBenchmark((name + pages).c_str(), way);
        one->Setup([](const benchmark::State&) { prepare(kPages); });
        one->UseRealTime()->Unit(benchmark::kMicrosecond)->Threads(1);
        if (threads > 1) one->Threads(threads);
    };
    add_way("read/1", read<1, false>);
    add_way("read/2", read<2, false>);
    add_way("read/4", read<4, false>);
    add_way("read/8_ahead", read<8, true>);
}

void add() {
    add_ways<Pages::small>();
    add_ways<Pages::huge>();
}

}  // namespace
}  // namespace sluice::bench

int main(int argc, char** argv) {
    return sluice::bench::run(argc, argv, sluice::bench::add);
}
