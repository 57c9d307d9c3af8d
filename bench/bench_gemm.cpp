// Linear layers in the shape of a 30B-A3B query matrix: 2,048 inputs, 4,096 outputs. The weights take turns
// among copies that no cache holds, as the layers of a model do.
//   linear/<isa>/<weight type>/<layout>/<tokens>
// `share`, of strips and few tokens: GB/s against the fastest way of reading the same memory, before and
// after.
#include "bench/kernel_bench.h"
#include "bench/read_memory.h"

namespace sluice::bench {
namespace {

using kernels::DType;
using kernels::Layout;

constexpr int64_t kOutputs = 4096, kInputs = 2048;
constexpr int64_t kFewTokens = 4;  // more are limited by multiplying

struct Copies {
    DType type;
    Layout layout;
    int64_t copies;
    Memory memory;

    size_t bytes() const {
        return static_cast<size_t>(copies * kOutputs) * kernels::row_bytes(type, kInputs);
    }
    kernels::Weight turn(int64_t n) const {
        const kernels::ExpertWeight all{type, copies, kOutputs, kInputs, memory.get(), layout};
        return all.expert(n % copies);
    }
};

// Kept while benchmarks of one type and layout follow each other.
const Copies& copies_of(DType type, Layout layout) {
    static std::unique_ptr<Copies> kept;
    if (!kept || kept->type != type || kept->layout != layout) {
        kept.reset();
        const size_t bytes = kOutputs * kernels::row_bytes(type, kInputs);
        const auto copies = static_cast<int64_t>(cold_bytes() / bytes + 1);
        Memory rows = random_rows(type, copies * kOutputs, kInputs);
        if (layout == Layout::strips) rows = in_strips(type, kOutputs, kInputs, copies, std::move(rows));
        kept = std::make_unique<Copies>(type, layout, copies, std::move(rows));
    }
    return *kept;
}

void linear(benchmark::State& state, const std::string& isa, DType type, Layout layout) {
    const int64_t tokens = state.range(0);
    const Copies& weights = copies_of(type, layout);
    auto& cpu = backend(isa);
    const auto x = gaussian(tokens * kInputs);
    std::vector<float> y(static_cast<size_t>(tokens * kOutputs));
    const auto bytes = static_cast<int64_t>(kOutputs * kernels::row_bytes(type, kInputs));
    const bool by_memory = layout == Layout::strips && tokens <= kFewTokens;
    const double before = by_memory ? read_rate(cpu, weights.memory.get(), weights.bytes()) : 0;
    const double seconds = measure(state, cpu.num_threads(), [&](int64_t turn) {
        const kernels::LinearPart part{weights.turn(turn), nullptr, y.data()};
        cpu.linear({x.data(), tokens, {&part, 1}});
        return Work{bytes, tokens * kOutputs * kInputs};
    });
    if (!by_memory) return;
    const double read = (before + read_rate(cpu, weights.memory.get(), weights.bytes())) / 2;
    state.counters["share"] = static_cast<double>(bytes * state.iterations()) / seconds / read;
}

void add_type(DType type, Layout layout) {
    for (const std::string& isa : kernels::available_cpu_isas()) {
        if (is_slow(isa) && layout == Layout::strips) continue;
        const std::string name =
            "linear/" + isa + "/" + std::string(kernels::dtype_info(type).name) + "/" + name_of(layout);
        auto* one = benchmark::RegisterBenchmark(name.c_str(), linear, isa, type, layout);
        one->UseRealTime()->Unit(benchmark::kMicrosecond);
        for (const int64_t tokens : {1, 2, 4, 8, 16, 64})
            if (tokens <= 4 || !is_slow(isa)) one->Arg(tokens);
    }
}

void add() {
    for (const DType type : {DType::f32, DType::f16, DType::bf16, DType::q8_0, DType::q4_0, DType::q4_k,
                             DType::q5_k, DType::q6_k}) {
        add_type(type, Layout::rows);
        if (kernels::fits_strips(type, kOutputs)) add_type(type, Layout::strips);
    }
}

}  // namespace
}  // namespace sluice::bench

int main(int argc, char** argv) {
    return sluice::bench::run(argc, argv, sluice::bench::add);
}
