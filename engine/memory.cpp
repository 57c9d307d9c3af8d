#include "engine/memory.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <string>

#include "kernels/kv_view.h"

namespace sluice::engine {
namespace {

constexpr uint64_t kKiB = 1024;
constexpr uint64_t kMiB = kKiB * kKiB;
constexpr uint64_t kReserve = 512 * kMiB;  // activations, logits, sockets, the rest of the machine
constexpr uint64_t kMaxDefault = 8192 * kMiB;
constexpr int32_t kMinBlocks = 8;

// One number from a file of one line; `absent` when there is none ("max").
uint64_t read_number(const char* path, uint64_t absent) {
    std::ifstream in(path);
    uint64_t value = 0;
    return in >> value ? value : absent;
}

uint64_t machine_available() {
    std::ifstream in("/proc/meminfo");
    std::string key;
    uint64_t kib = 0;
    while (in >> key >> kib) {
        if (key == "MemAvailable:") return kib * kKiB;
        in.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
    }
    return std::numeric_limits<uint64_t>::max();  // not Linux as we know it: let the allocation decide
}

constexpr uint64_t kMost = std::numeric_limits<uint64_t>::max();

uint64_t times(uint64_t a, uint64_t b) {
    uint64_t out = 0;
    return __builtin_mul_overflow(a, b, &out) ? kMost : out;
}

uint64_t plus(uint64_t a, uint64_t b) {
    uint64_t out = 0;
    return __builtin_add_overflow(a, b, &out) ? kMost : out;
}

uint64_t blocks_of(int32_t context) {
    return (static_cast<uint64_t>(context) + kernels::kBlockTokens - 1) / kernels::kBlockTokens;
}

std::string mib(uint64_t bytes) {
    return std::to_string(bytes / kMiB) + " MiB";
}

}  // namespace

uint64_t available_memory() {
    constexpr uint64_t none = std::numeric_limits<uint64_t>::max();
    const uint64_t limit = read_number("/sys/fs/cgroup/memory.max", none);
    const uint64_t used = read_number("/sys/fs/cgroup/memory.current", 0);
    const uint64_t cgroup_left = limit == none ? none : limit - std::min(limit, used);
    return std::min(machine_available(), cgroup_left);
}

Result<KvPlan> plan_kv_memory(const Options& options, uint64_t block_bytes, int32_t context,
                              uint64_t weight_bytes, uint64_t available) {
    const uint64_t useful = blocks_of(context) * static_cast<uint64_t>(options.max_running);
    // Weights are mapped: their pages are not taken yet but will be, so they count against what is available.
    const uint64_t beside = available - std::min(available, weight_bytes + kReserve);
    uint64_t wanted = options.kv_memory_bytes;
    if (wanted == 0) wanted = std::max(std::min(beside / 2, kMaxDefault), kMinBlocks * block_bytes);
    const uint64_t blocks =
        std::min({wanted / block_bytes, useful, uint64_t{std::numeric_limits<int32_t>::max()}});
    if (blocks < 1) {
        return Error{ErrorKind::out_of_memory,
                     "the KV cache needs at least one block of " + std::to_string(block_bytes) + " bytes; " +
                         std::to_string(wanted) + " were given",
                     "--kv-memory"};
    }
    if (blocks * block_bytes > available - std::min(available, kReserve / 4)) {
        return Error{ErrorKind::out_of_memory,
                     "the KV cache wants " + mib(blocks * block_bytes) + " but only " + mib(available) +
                         " are available (weights: " + mib(weight_bytes) +
                         "); give a smaller --kv-memory or --max-context",
                     "--kv-memory"};
    }
    return KvPlan{static_cast<int32_t>(blocks), blocks * block_bytes};
}

uint64_t MemoryNeed::total() const {
    return plus(plus(weights, kv), reserve);
}

MemoryNeed memory_need(uint64_t block_bytes, int32_t context, int32_t concurrency, uint64_t weight_bytes) {
    const uint64_t blocks = times(blocks_of(context), static_cast<uint64_t>(concurrency));
    return {weight_bytes, times(blocks, block_bytes), kReserve};
}

int64_t context_that_fits(uint64_t block_bytes, int32_t concurrency, uint64_t weight_bytes,
                          uint64_t available) {
    const uint64_t beside = available - std::min(available, plus(weight_bytes, kReserve));
    const uint64_t row = times(block_bytes, static_cast<uint64_t>(concurrency));
    const uint64_t blocks = std::min(beside / std::max<uint64_t>(row, 1), kMost / 2 / kernels::kBlockTokens);
    return static_cast<int64_t>(blocks * kernels::kBlockTokens);
}

}  // namespace sluice::engine
