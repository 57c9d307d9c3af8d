// Runs one random history against the scheduler and checks it after every step. The model is fake: its next
// token is a keyed hash of all earlier tokens, read through the block tables, so a wrong, stale or foreign
// block changes it.
#pragma once
#include <cstdint>
#include <string>

namespace sluice::test {

struct SimReport {
    std::string failure;  // empty: every invariant held
    int64_t requests = 0;
    int64_t steps = 0;
    int64_t preemptions = 0;
    int64_t prefix_hits = 0;
    int64_t copies = 0;
};

// Everything (pool size, limits, arrivals, cancels) follows from the seed.
SimReport simulate(uint64_t seed);

}  // namespace sluice::test
