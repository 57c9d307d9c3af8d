// A simulated CUDA device: its memory, and launches of kernels that g++ compiled. Blocks run one after the
// other, each with one fibre for every CUDA thread; the order of threads and blocks is a setting, and a
// correct kernel gives the same bits in all of them. Deterministic. One OS thread at a time.
#pragma once
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "kernels/check.h"
#include "kernels/cuda/sim/block.h"
#include "kernels/cuda/sim/pointer.h"

namespace sluice::kernels::cuda::sim {

struct Options {
    Order threads = Order::forward;
    Order blocks = Order::forward;
    // Asynchronous copies happen at once (true) or only when they are waited for (false). Hardware may do
    // either.
    bool eager_copies = false;
    uint64_t seed = 1;
};

struct Grid {
    Dim3 blocks, threads;
};

class Simulator {
  public:
    explicit Simulator(const Options& options) : options_(options), rng_(options.seed) {}

    // Memory that kernels only read, with a copy of these values.
    template <class T>
    Ptr<const T> input(const char* name, std::span<const T> values) {
        return memory<const T>(name, Space::input, values.data(), values.size());
    }
    template <class T>
    Ptr<const T> input(const char* name, const std::vector<T>& values) {
        return input(name, std::span<const T>(values));
    }
    // Memory that nothing has written yet.
    template <class T>
    Ptr<T> output(const char* name, int64_t count) {
        return memory<T>(name, Space::global, nullptr, static_cast<size_t>(count));
    }
    // Memory with these values that kernels also write.
    template <class T>
    Ptr<T> in_out(const char* name, const std::vector<T>& values) {
        return memory<T>(name, Space::global, values.data(), values.size());
    }
    // What lies in memory, without checks.
    template <class T>
    static std::vector<T> read(Ptr<T> from, int64_t count) {
        std::vector<T> out(static_cast<size_t>(count));
        if (count > 0) std::memcpy(out.data(), from.raw(), out.size() * sizeof(T));
        return out;
    }

    // Memory that lives until it is freed. grain: bytes that kernels write at a time; 0: they only read it.
    Region& allocate(const std::string& name, size_t bytes, size_t grain);
    void free(const Region& region);

    // Calls kernel(arguments) for every thread of the grid. Does nothing after a fault.
    template <class... Parameters, class... Arguments>
    void launch(const Grid& grid, void (*kernel)(Parameters...), Arguments&&... arguments) {
        struct Call {
            void (*kernel)(Parameters...);
            std::tuple<Parameters...> arguments;
        } call{kernel, {std::forward<Arguments>(arguments)...}};
        run(grid, &call, [](void* at) {
            auto& c = *static_cast<Call*>(at);
            std::apply(c.kernel, c.arguments);
        });
    }

    const std::optional<Fault>& fault() const { return fault_; }

  private:
    template <class T>
    Ptr<T> memory(const char* name, Space space, const void* values, size_t count) {
        const size_t bytes = count * sizeof(T);
        regions_.push_back(std::make_unique<Region>(name, space, bytes, sizeof(T) < 4 ? sizeof(T) : 4));
        Region& region = *regions_.back();
        if (values != nullptr) {
            std::memcpy(region.begin(), values, bytes);
            region.mark_written(0, bytes);
        }
        return {reinterpret_cast<T*>(region.begin()), &region};
    }
    bool refuses(const Grid& grid);
    void run(const Grid& grid, void* arguments, void (*kernel)(void*));

    const Options options_;
    std::mt19937_64 rng_;
    std::vector<std::unique_ptr<Region>> regions_;
    std::optional<Fault> fault_;
};

}  // namespace sluice::kernels::cuda::sim
