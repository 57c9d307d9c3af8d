// Runs something on simulated devices with every order of threads and blocks, and says what finds fault with
// it.
#pragma once
#include <cstddef>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "kernels/cuda/sim/simulator.h"

namespace sluice::test {

using Bits = std::vector<std::byte>;

inline void append_bytes(Bits& bits, const void* from, size_t bytes) {
    const size_t at = bits.size();
    bits.resize(at + bytes);
    if (bytes > 0) std::memcpy(bits.data() + at, from, bytes);
}
// Appends what device memory holds.
template <class T>
void append(Bits& bits, kernels::cuda::sim::Ptr<T> from, int64_t count) {
    append_bytes(bits, from.raw(), static_cast<size_t>(count) * sizeof(T));
}
template <class T>
void append(Bits& bits, const std::vector<T>& values) {
    append_bytes(bits, values.data(), values.size() * sizeof(T));
}
// `count` values from byte `at` on.
template <class T>
std::vector<T> values_of(const Bits& bits, size_t at, int64_t count) {
    std::vector<T> out(static_cast<size_t>(count));
    if (count > 0) std::memcpy(out.data(), bits.data() + at, out.size() * sizeof(T));
    return out;
}

// Launches on the device and returns everything that it left in memory.
using Run = std::function<Bits(kernels::cuda::sim::Simulator&)>;

struct Finding {
    std::string by = "nothing";  // a detector, "thread order", "block order", "oracle"
    std::string message;
    Bits bits;  // of the first order
};

inline std::vector<kernels::cuda::sim::Options> thread_orders() {
    using kernels::cuda::sim::Order;
    std::vector<kernels::cuda::sim::Options> out;
#if defined(__SANITIZE_THREAD__)
    return {{Order::forward, Order::forward, false, 1}, {Order::random, Order::forward, true, 2}};  // slow
#endif
    for (const bool eager : {false, true})
        for (const Order order : {Order::forward, Order::reverse, Order::depth_first, Order::random})
            out.push_back({order, Order::forward, eager, out.size() + 1});
    return out;
}

// A detector of the device comes first, then bits that depend on the order of threads, on that of blocks, and
// last bits that are not the oracle's.
inline Finding examine(const Run& run, const Bits& oracle) {
    using kernels::cuda::sim::Order, kernels::cuda::sim::Simulator;
    Finding first;
    const auto differs = [&](const kernels::cuda::sim::Options& options, const char* what) {
        Simulator device(options);
        const Bits bits = run(device);
        if (device.fault()) {
            first.by = name_of(device.fault()->detector);
            first.message = device.fault()->message;
        } else if (first.bits.empty()) {
            first.bits = bits;
        } else if (bits != first.bits) {
            first.by = what;
        }
        return first.by != "nothing";
    };
    for (const auto& options : thread_orders())
        if (differs(options, "thread order")) return first;
    for (const Order order : {Order::reverse, Order::random})
        if (differs({Order::forward, order, false, 99}, "block order")) return first;
    if (first.bits != oracle) first.by = "oracle";
    return first;
}

}  // namespace sluice::test
