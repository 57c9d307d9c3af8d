// Strip kernels alone: one pair of strips that the caches hold, 2,048 inputs, one thread.
//   strips/<isa>/<weight type>/<tokens>
// `share` is their multiply-adds a second against those of least_of(isa) (rates.h), just before and after.
#include "bench/kernel_bench.h"
#include "bench/rates.h"
#include "kernels/cpu/activation.h"
#include "kernels/cpu/isa.h"

namespace sluice::bench {
namespace {

using kernels::DType;

constexpr int64_t kInputs = 2048, kRows = 2 * kernels::kStripRows;

// Activations in the format of the weight type, and where each token's begin.
struct Columns {
    Memory memory;
    std::vector<const std::byte*> each;

    Columns(const kernels::cpu::Isa& isa, DType type, int64_t tokens) {
        const auto format = kernels::cpu::act_format(type);
        const size_t stride = kernels::cpu::act_bytes(format, kInputs);
        const auto quantise =
            format == kernels::cpu::ActFormat::blocks_32 ? isa.quantise_32 : isa.quantise_256;
        memory = filled(static_cast<size_t>(tokens) * stride, {std::byte{0}});
        for (size_t t = 0; t < static_cast<size_t>(tokens); ++t) {
            quantise(gaussian(kInputs).data(), kInputs, memory.get() + t * stride);
            each.push_back(memory.get() + t * stride);
        }
    }
};

void strips(benchmark::State& state, const kernels::cpu::Isa& isa, DType type) {
    const int64_t tokens = state.range(0), macs = tokens * kRows * kInputs;
    const Memory weights = in_strips(type, kRows, kInputs, 1, random_rows(type, kRows, kInputs));
    const Columns columns(isa, type, tokens);
    std::vector<float> out(static_cast<size_t>(tokens * kRows));
    const kernels::cpu::StripProduct product{{type, kRows, kInputs, weights.get(), kernels::Layout::strips},
                                             0,
                                             kRows / kernels::kStripRows,
                                             columns.each.data(),
                                             tokens,
                                             out.data(),
                                             kRows,
                                             {}};
    const auto kernel = isa.strips[static_cast<size_t>(type)];
    kernel(product);  // brings weights and activations into the caches
    const Instruction* least = least_of(isa.name);
    const double before = least ? rate(*least) : 0;
    const double seconds = measure(state, 1, [&](int64_t) {
        kernel(product);
        return Work{0, macs};
    });
    const double speed = static_cast<double>(macs * state.iterations()) / seconds;
    state.counters["GMAC/s"] = speed * 1e-9;
    if (least) state.counters["share"] = speed / (least->macs * (before + rate(*least)) / 2);
}

void add() {
    for (const std::string& name : kernels::available_cpu_isas()) {
        const kernels::cpu::Isa& isa = *kernels::cpu::find_isa(name);
        for (const DType type : {DType::q8_0, DType::q4_0, DType::q4_k, DType::q5_k, DType::q6_k}) {
            const auto full = "strips/" + name + "/" + std::string(kernels::dtype_info(type).name);
            auto* made = benchmark::RegisterBenchmark(full.c_str(), strips, isa, type);
            made->UseRealTime()->Unit(benchmark::kMicrosecond);
            for (const int64_t tokens : {1, 2, 4, 8, 16, 32, 64})
                if (tokens <= 4 || !is_slow(name)) made->Arg(tokens);
        }
    }
}

}  // namespace
}  // namespace sluice::bench

int main(int argc, char** argv) {
    return sluice::bench::run(argc, argv, sluice::bench::add);
}
