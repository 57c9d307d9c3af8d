// Deliberate mistakes for checking the checker: tests/scheduler builds this code once a number and expects
// the simulator to find each. In every other build SLUICE_PLANTED_BUG is 0 and the conditions vanish.
#pragma once

#ifndef SLUICE_PLANTED_BUG
#define SLUICE_PLANTED_BUG 0
#endif

namespace sluice::kvcache {

constexpr bool planted_bug(int number) {
    return SLUICE_PLANTED_BUG == number;
}

}  // namespace sluice::kvcache
