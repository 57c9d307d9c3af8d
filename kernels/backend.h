// A backend runs the operations of ops.h on one kind of hardware. Engines drive one backend from one thread;
// the backend spreads the work over its own threads and returns when it is done. Calls do not fail: arguments
// that break the contract of ops.h are bugs of the caller.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/device_memory.h"
#include "kernels/logits.h"
#include "kernels/ops.h"

namespace sluice::kernels {

// How often the feed-forward paths ran (calls, not tokens): proves which one a model uses.
struct OpCounters {
    int64_t moe_ffn = 0;
    int64_t dense_ffn = 0;
};

class Backend {
  public:
    virtual ~Backend() = default;

    virtual std::string_view name() const = 0;  // "reference", "cpu/avx2", ...
    virtual int num_threads() const = 0;
    virtual OpCounters counters() const = 0;

    virtual void embed(const Embed&) = 0;
    virtual void rms_norm(const RmsNorm&) = 0;
    virtual void linear(const Linear&) = 0;
    virtual void rope_kv(const RopeKv&) = 0;
    virtual void attention(const Attention&) = 0;
    virtual void route(const Route&) = 0;  // what moe_ffn does first, alone
    virtual void moe_ffn(const MoeFfn&) = 0;
    virtual void dense_ffn(const DenseFfn&) = 0;

    // Where the operands of all operations above lie, and what has gone wrong there; null: in the host's
    // memory.
    virtual DeviceMemory* device() { return nullptr; }

    // The rest is for the host's memory.
    virtual const LogitOps& logit_ops() const = 0;
    // Calls body(task) for each task in 0..tasks-1, spread over the threads; returns when all have returned.
    // What body throws is thrown again then.
    virtual void parallel(int64_t tasks, const std::function<void(int64_t)>& body) = 0;
};

// Plain loops, double accumulation, float activations: the oracle of the tests. One thread, slow.
std::unique_ptr<Backend> make_reference_backend();

struct CpuOptions {
    int threads = 0;  // 0: one per usable core
    std::string isa;  // "scalar", "avx2", "avx512"; empty: the best that the machine has
};

// Instruction sets that this machine can run, worst first; never empty ("scalar").
std::vector<std::string> available_cpu_isas();

// null when options.isa is unknown or not available here.
std::unique_ptr<Backend> make_cpu_backend(const CpuOptions& options);

}  // namespace sluice::kernels
