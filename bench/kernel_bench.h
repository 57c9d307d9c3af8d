// What the benchmark programs share: the loop that counts bytes and multiply-adds, one backend for each
// instruction set, and random operands that are larger than the caches.
#pragma once
#include <benchmark/benchmark.h>
#include <sys/mman.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/backend.h"
#include "kernels/strips.h"
#include "tools/quantise.h"

namespace sluice::bench {

// What one call has to do at least: bytes of operands that must be read once, and multiply-adds.
struct Work {
    int64_t bytes = 0;
    int64_t macs = 0;
};

inline uint64_t clock_ticks() {
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#else
    return 0;  // no MAC/clock then
#endif
}

// Times call(turn), which returns its Work, and returns the seconds of all. `turn` goes on where the last run
// ended, so that operands which take turns are cold also when the benchmark library starts over with more
// iterations.
template <class Call>
double measure(benchmark::State& state, int threads, Call&& call) {
    using benchmark::Counter;
    static int64_t turn = 0;
    Work total;
    const auto began = std::chrono::steady_clock::now();
    const uint64_t start = clock_ticks();
    for (auto _ : state) {
        const Work work = call(turn++);
        total.bytes += work.bytes;
        total.macs += work.macs;
    }
    const auto clocks = static_cast<double>(clock_ticks() - start) * threads;
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - began;
    const auto bytes = static_cast<double>(total.bytes), macs = static_cast<double>(total.macs);
    if (total.bytes > 0) {
        state.counters["GB/s"] = Counter(bytes * 1e-9, Counter::kIsRate);
        state.counters["MB"] = Counter(bytes * 1e-6, Counter::kAvgIterations);
    }
    if (total.macs > 0) {
        if (clocks > 0) state.counters["MAC/clock"] = macs / clocks;
        state.counters["MMAC"] = Counter(macs * 1e-6, Counter::kAvgIterations);
    }
    return seconds.count();
}

// --threads of the command line; 0: one a core, as the server has it.
inline int& wanted_threads() {
    static int threads = 0;
    return threads;
}

inline kernels::Backend& backend(const std::string& isa) {
    static std::map<std::string, std::unique_ptr<kernels::Backend>> made;
    auto& one = made[isa];
    if (!one) one = kernels::make_cpu_backend({wanted_threads(), isa});
    return *one;
}

// The code without vectors serves old machines and is far too slow for large sizes.
inline bool is_slow(std::string_view isa) {
    return isa == "scalar";
}

// So many bytes do not fit any cache: four times the largest, in bounds.
inline size_t cold_bytes() {
    int64_t largest = 0;
    for (const auto& cache : benchmark::CPUInfo::Get().caches)
        largest = std::max<int64_t>(largest, cache.size);
    return static_cast<size_t>(std::clamp<int64_t>(4 * largest, 128 << 20, 512 << 20));
}

struct Free {
    void operator()(std::byte* memory) const { std::free(memory); }
};
using Memory = std::unique_ptr<std::byte[], Free>;

// small: 4 KiB. huge: 2 MiB where the system has them, as the engine asks for when it repacks weights.
enum class Pages : uint8_t { small, huge };

// `bytes` of memory that repeat `pattern`. Its length is best no divisor of a page: then pages differ, and
// no system can merge them.
inline Memory filled(size_t bytes, const std::vector<std::byte>& pattern, Pages pages = Pages::small) {
    constexpr size_t kHugePage = 2 << 20;
    const size_t whole = (bytes + kHugePage - 1) / kHugePage * kHugePage;
    Memory out(static_cast<std::byte*>(std::aligned_alloc(kHugePage, whole)));
    ::madvise(out.get(), whole, pages == Pages::huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
    for (size_t at = 0; at < bytes; at += pattern.size())
        std::memcpy(out.get() + at, pattern.data(), std::min(pattern.size(), bytes - at));
    return out;
}

inline std::vector<float> gaussian(int64_t n, float scale = 1.0f) {
    static std::mt19937 rng(1);
    std::normal_distribution<float> normal(0.0f, scale);
    std::vector<float> out(static_cast<size_t>(n));
    for (float& x : out) x = normal(rng);
    return out;
}

// `rows` quantised rows; few different ones, because quantising takes longer than measuring.
inline Memory random_rows(kernels::DType type, int64_t rows, int64_t cols, Pages pages = Pages::small) {
    constexpr int64_t kDifferent = 61;
    const size_t stride = kernels::row_bytes(type, cols);
    std::vector<std::byte> some(kDifferent * stride);
    for (int64_t r = 0; r < kDifferent; ++r)
        tools::quantise_row(type, gaussian(cols, 0.05f).data(), cols,
                            some.data() + static_cast<size_t>(r) * stride);
    return filled(static_cast<size_t>(rows) * stride, some, pages);
}

// The same matrices, each of `rows` rows, in strips and in huge pages.
inline Memory in_strips(kernels::DType type, int64_t rows, int64_t cols, int64_t matrices, Memory from) {
    const auto bytes = static_cast<size_t>(rows) * kernels::row_bytes(type, cols);
    const size_t strip = kernels::kStripRows * kernels::row_bytes(type, cols);
    Memory out = filled(static_cast<size_t>(matrices) * bytes, {std::byte{0}}, Pages::huge);
    for (size_t m = 0; m < static_cast<size_t>(matrices); ++m)
        for (int64_t s = 0; s < rows / kernels::kStripRows; ++s)
            kernels::write_strip(type, rows, cols, s, from.get() + m * bytes + static_cast<size_t>(s) * strip,
                                 out.get() + m * bytes);
    return out;
}

// As benchmark names have it; floats have rows alone.
inline std::string name_of(kernels::Layout layout) {
    return layout == kernels::Layout::strips ? "strips" : "rows";
}

// The main function of each program: `add` registers its benchmarks, all measured by the clock on the wall.
int run(int argc, char** argv, void (*add)());

}  // namespace sluice::bench
