// CHECK ends the process on a broken invariant of our own; it must never be reachable from outside data.
#pragma once
#include <cstdio>
#include <cstdlib>

namespace sluice::kernels {

[[noreturn]] inline void check_failed(const char* condition, const char* file, int line) {
    std::fprintf(stderr, "%s:%d: broken invariant: %s\n", file, line, condition);
    std::abort();
}

}  // namespace sluice::kernels

#define SLUICE_CHECK(condition) \
    ((condition) ? static_cast<void>(0) : ::sluice::kernels::check_failed(#condition, __FILE__, __LINE__))
