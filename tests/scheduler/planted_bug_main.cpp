// Built once for each planted bug (kvcache/planted_bug.h): succeeds when the simulator finds it.
#include <unistd.h>
#include <csignal>
#include <cstdio>
#include <exception>

#include "kvcache/planted_bug.h"
#include "tests/scheduler/simulator.h"

namespace {

void caught_by_check(int) {
    constexpr char line[] = "caught by a broken invariant inside the scheduler\n";
    _exit(write(STDOUT_FILENO, line, sizeof line - 1) > 0 ? 0 : 3);
}

}  // namespace

int main() {
    static_assert(SLUICE_PLANTED_BUG > 0);
    std::signal(SIGABRT, caught_by_check);
    constexpr uint64_t cases = 2000;
    for (uint64_t seed = 1; seed <= cases; ++seed) {
        try {
            const auto report = sluice::test::simulate(seed);
            if (report.failure.empty()) continue;
            std::printf("bug %d caught by seed %llu: %s\n", SLUICE_PLANTED_BUG,
                        static_cast<unsigned long long>(seed), report.failure.c_str());
        } catch (const std::exception& e) {
            std::printf("bug %d caught by seed %llu: %s\n", SLUICE_PLANTED_BUG,
                        static_cast<unsigned long long>(seed), e.what());
        }
        return 0;
    }
    std::printf("bug %d was not found in %llu cases\n", SLUICE_PLANTED_BUG,
                static_cast<unsigned long long>(cases));
    return 1;
}
