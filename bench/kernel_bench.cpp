#include "bench/kernel_bench.h"

#include <cstdio>

namespace sluice::bench {

int run(int argc, char** argv, void (*add)()) {
    constexpr std::string_view kFlag = "--threads=";
    const auto own = [&](const char* argument) { return std::string_view(argument).starts_with(kFlag); };
    for (char** argument = argv + 1; argument < argv + argc; ++argument)
        if (own(*argument)) wanted_threads() = std::atoi(*argument + kFlag.size());
    argc = static_cast<int>(std::remove_if(argv + 1, argv + argc, own) - argv);
    add();
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}

}  // namespace sluice::bench
