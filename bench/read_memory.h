// Reading memory and computing nothing: the limit of what reads weights. Which way is the fastest depends on
// the machine and its pages, so there are some.
#pragma once
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "bench/kernel_bench.h"

namespace sluice::bench {

// One word of each cache line brings the line; several places at a time keep more reads under way, and lines
// can be asked for before they are needed.
template <size_t kPlaces, bool kAskAhead>
uint64_t touch(const std::byte* memory, size_t bytes) {
    constexpr size_t kLine = 8, kAhead = 16 * kLine;
    const auto* words = reinterpret_cast<const uint64_t*>(memory);
    uint64_t sum[kPlaces] = {};
    const size_t share = bytes / sizeof(uint64_t) / kPlaces;
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

struct Way {
    const char* name;
    uint64_t (*read)(const std::byte* memory, size_t bytes);
};
inline constexpr Way kWays[] = {
    {"1", touch<1, false>}, {"2", touch<2, false>}, {"4", touch<4, false>}, {"8_ahead", touch<8, true>}};

// Bytes a second that all threads of the backend read together in the fastest way. Takes some milliseconds.
inline double read_rate(kernels::Backend& cpu, const std::byte* memory, size_t bytes) {
    using Clock = std::chrono::steady_clock;
    constexpr size_t kTasks = 16, kPasses = 3;
    const size_t piece = bytes / kTasks / 64 * 64;
    double fastest = 0;
    for (const Way& way : kWays) {
        const auto start = Clock::now();
        for (size_t pass = 0; pass < kPasses; ++pass)
            cpu.parallel(kTasks, [&](int64_t task) {
                benchmark::DoNotOptimize(way.read(memory + static_cast<size_t>(task) * piece, piece));
            });
        const std::chrono::duration<double> seconds = Clock::now() - start;
        fastest = std::max(fastest, static_cast<double>(kPasses * kTasks * piece) / seconds.count());
    }
    return fastest;
}

}  // namespace sluice::bench
