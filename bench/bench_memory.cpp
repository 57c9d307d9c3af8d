// The limit that GB/s of the other programs is held against: how fast memory that no cache holds is read. The
// best way (read_memory.h) counts.
//   read/<places at a time>/<small, huge pages>/threads:<1, one a core>
//   read/8_ahead/...                            lines are asked for before they are needed
#include "bench/read_memory.h"

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

void read(benchmark::State& state, const Way& way) {
    const size_t share = kBytes / static_cast<size_t>(state.threads()) / 64 * 64;
    const std::byte* mine = shared_memory.get() + share * static_cast<size_t>(state.thread_index());
    for (auto _ : state) benchmark::DoNotOptimize(way.read(mine, share));
    const auto bytes = static_cast<double>(share) * static_cast<double>(state.iterations());
    state.counters["GB/s"] = benchmark::Counter(bytes * 1e-9, benchmark::Counter::kIsRate);
}

template <Pages kPages>
void add_ways() {
    const int threads = wanted_threads() > 0 ? wanted_threads() : backend("scalar").num_threads();
    for (const Way& way : kWays) {
        const auto name = std::string("read/") + way.name + (kPages == Pages::huge ? "/huge" : "/small");
        auto* one = benchmark::RegisterBenchmark(name.c_str(), read, way);
        one->Setup([](const benchmark::State&) { prepare(kPages); });
        one->UseRealTime()->Unit(benchmark::kMicrosecond)->Threads(1);
        if (threads > 1) one->Threads(threads);
    }
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
