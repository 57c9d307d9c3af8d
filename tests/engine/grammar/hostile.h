// What tests of hostile grammars need: long texts, and how long something takes.
#pragma once
#include <ctime>
#include <string>
#include <string_view>

namespace sluice::grammar {

// A compilation must end within this; sanitizers slow it down.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr double kSoonMs = 1'000;
#else
inline constexpr double kSoonMs = 50;
#endif

inline std::string times(std::string_view text, int n) {
    std::string all;
    for (int i = 0; i < n; ++i) all += text;
    return all;
}

// Of the processor, so that what else the machine does does not count.
template <class Work>
double milliseconds_of(Work work) {
    const std::clock_t begin = std::clock();
    work();
    return 1e3 * static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
}

}  // namespace sluice::grammar
