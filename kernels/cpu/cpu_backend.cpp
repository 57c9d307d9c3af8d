// Operations spread over the worker pool, by the function table of one instruction set.
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <thread>

#include "kernels/backend.h"
#include "kernels/cpu/attention.h"
#include "kernels/cpu/gemm.h"
#include "kernels/cpu/isa.h"
#include "kernels/cpu/rope_kv.h"
#include "kernels/cpu/worker_pool.h"
#include "kernels/strips.h"

namespace sluice::kernels {
namespace {

class CpuBackend final : public Backend {
  public:
    CpuBackend(const cpu::Isa& isa, int threads)
        : isa_(isa),
          name_("cpu/" + std::string(isa.name)),
          pool_(threads),
          gemm_(isa, pool_),
          attention_(isa, pool_) {}

    std::string_view name() const override { return name_; }
    int num_threads() const override { return pool_.size(); }
    OpCounters counters() const override { return counters_; }

    void embed(const Embed& op) override {
        each_token(static_cast<int64_t>(op.tokens.size()), [&](int64_t t) {
            dequantize(op.table, op.tokens[static_cast<size_t>(t)], op.y + t * op.table.cols);
        });
    }
    void rms_norm(const RmsNorm& op) override {
        each_token(op.rows, [&](int64_t r) {
            isa_.rms_norm(op.x + r * op.cols, op.weight, op.y + r * op.cols, op.cols, op.eps);
        });
    }
    void linear(const Linear& op) override { gemm_.linear(op); }
    void rope_kv(const RopeKv& op) override {
        each_token(op.batch.num_tokens(), [&](int64_t t) { cpu::rope_kv_token(isa_, op, t); });
    }
    void attention(const Attention& op) override { attention_.run(op); }
    void route(const Route& op) override { gemm_.route(op); }
    void moe_ffn(const MoeFfn& op) override {
        ++counters_.moe_ffn;
        gemm_.moe_ffn(op);
    }
    void dense_ffn(const DenseFfn& op) override {
        ++counters_.dense_ffn;
        gemm_.dense_ffn(op);
    }
    const LogitOps& logit_ops() const override { return isa_.logits; }
    void parallel(int64_t tasks, const std::function<void(int64_t)>& body) override {
        std::exception_ptr failure;
        std::atomic_flag failed;
        pool_.run(tasks, [&](int64_t task, int) {
            try {
                body(task);
            } catch (...) {
                if (!failed.test_and_set()) failure = std::current_exception();
            }
        });
        if (failure) std::rethrow_exception(failure);
    }

  private:
    template <class Body>
    void each_token(int64_t tokens, Body&& body) {
        pool_.run(tokens, [&](int64_t t, int) { body(t); });
    }

    const cpu::Isa& isa_;
    const std::string name_;
    cpu::WorkerPool pool_;
    cpu::Gemm gemm_;
    cpu::PagedAttention attention_;
    OpCounters counters_;
};

// Cores that the process may run on: containers and taskset give fewer than the machine has.
int usable_cores() {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
    return static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
}

}  // namespace

std::vector<std::string> available_cpu_isas() {
    std::vector<std::string> out;
    for (const char* name : {"scalar", "avx2", "avx512"})
        if (cpu::find_isa(name)) out.emplace_back(name);
    return out;
}

std::unique_ptr<Backend> make_cpu_backend(const CpuOptions& options) {
    const std::string name = options.isa.empty() ? available_cpu_isas().back() : options.isa;
    const cpu::Isa* isa = cpu::find_isa(name);
    if (!isa) return nullptr;
    return std::make_unique<CpuBackend>(*isa, options.threads > 0 ? options.threads : usable_cores());
}

}  // namespace sluice::kernels
