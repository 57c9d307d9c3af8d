// The feed-forward of a 30B-A3B layer: 128 experts, 8 used, 2,048 -> 768 -> 2,048. Batches take turns, each
// routed to other experts, so that a call finds its experts cold.
//   route/<isa>/<tokens>    moe_ffn/<isa>/<type of gate and up>_<of down>/<layout>/<tokens>    dense_ffn/...
#include "bench/kernel_bench.h"

namespace sluice::bench {
namespace {

using kernels::DType;
using kernels::Layout;

constexpr int64_t kHidden = 2048, kFfn = 768, kExperts = 128, kTopK = 8, kBatches = 16;
constexpr int64_t kDenseFfn = kFfn * kTopK;  // as much work a token as the experts are

// Router inputs and outputs of one batch, and how many experts it reaches.
struct Routing {
    std::vector<float> logits;
    std::vector<int32_t> expert, expert_begin, row;
    std::vector<float> weight;
    int64_t touched = 0;
};

kernels::Route route_of(Routing& r) {
    const auto tokens = static_cast<int64_t>(r.logits.size()) / kExperts;
    r.expert.resize(static_cast<size_t>(tokens * kTopK));
    r.row.resize(r.expert.size());
    r.weight.resize(r.expert.size());
    r.expert_begin.resize(kExperts + 1);
    return {r.logits.data(),       tokens,      kExperts, kTopK, true, 1.0f, r.expert.data(), r.weight.data(),
            r.expert_begin.data(), r.row.data()};
}

std::vector<Routing> random_routings(kernels::Backend& cpu, int64_t tokens) {
    std::vector<Routing> out(kBatches);
    for (Routing& r : out) {
        r.logits = gaussian(tokens * kExperts);
        cpu.route(route_of(r));
        for (size_t e = 0; e < kExperts; ++e) r.touched += r.expert_begin[e] < r.expert_begin[e + 1];
    }
    return out;
}

void route(benchmark::State& state, const std::string& isa) {
    const int64_t tokens = state.range(0);
    auto& cpu = backend(isa);
    Routing routing;
    routing.logits = gaussian(tokens * kExperts);
    const auto op = route_of(routing);
    measure(state, cpu.num_threads(), [&](int64_t) {
        cpu.route(op);
        return Work{tokens * kExperts * int64_t{sizeof(float)}, 0};
    });
}

struct Experts {
    DType down_type;
    Layout layout;
    Memory gate, up, down;
};

// Kept while benchmarks of one type follow each other: 400 MB.
const Experts& experts_of(DType down_type, Layout layout) {
    static std::unique_ptr<Experts> kept;
    if (!kept || kept->down_type != down_type || kept->layout != layout) {
        kept.reset();
        const auto make = [layout](DType type, int64_t rows, int64_t cols) {
            Memory memory = random_rows(type, kExperts * rows, cols);
            return layout == Layout::strips ? in_strips(type, rows, cols, kExperts, std::move(memory))
                                            : std::move(memory);
        };
        kept = std::make_unique<Experts>(down_type, layout, make(DType::q4_k, kFfn, kHidden),
                                         make(DType::q4_k, kFfn, kHidden), make(down_type, kHidden, kFfn));
    }
    return *kept;
}

void moe_ffn(benchmark::State& state, const std::string& isa, DType down_type, Layout layout) {
    const int64_t tokens = state.range(0);
    const Experts& w = experts_of(down_type, layout);
    auto& cpu = backend(isa);
    auto routings = random_routings(cpu, tokens);
    const auto x = gaussian(tokens * kHidden);
    std::vector<float> y(x.size());
    const auto expert_bytes = static_cast<int64_t>(2 * kFfn * kernels::row_bytes(DType::q4_k, kHidden) +
                                                   kHidden * kernels::row_bytes(down_type, kFfn));
    int64_t touched = 0;
    measure(state, cpu.num_threads(), [&](int64_t turn) {
        Routing& r = routings[static_cast<size_t>(turn % kBatches)];
        cpu.moe_ffn({x.data(),
                     y.data(),
                     route_of(r),
                     {DType::q4_k, kExperts, kFfn, kHidden, w.gate.get(), layout},
                     {DType::q4_k, kExperts, kFfn, kHidden, w.up.get(), layout},
                     {down_type, kExperts, kHidden, kFfn, w.down.get(), layout}});
        touched += r.touched;
        return Work{r.touched * expert_bytes, tokens * kTopK * 3 * kFfn * kHidden};
    });
    state.counters["rows/expert"] =
        static_cast<double>(state.iterations() * tokens * kTopK) / static_cast<double>(touched);
}

void dense_ffn(benchmark::State& state, const std::string& isa, DType down_type) {
    constexpr int64_t kLayers = 8;  // of experts' memory, one after the other
    const int64_t tokens = state.range(0);
    const Experts& w = experts_of(down_type, Layout::rows);
    auto& cpu = backend(isa);
    const auto x = gaussian(tokens * kHidden);
    std::vector<float> y(x.size());
    const auto in_bytes = kDenseFfn * kernels::row_bytes(DType::q4_k, kHidden),
               out_bytes = kHidden * kernels::row_bytes(down_type, kDenseFfn);
    measure(state, cpu.num_threads(), [&](int64_t turn) {
        const auto layer = static_cast<size_t>(turn % kLayers);
        cpu.dense_ffn({x.data(),
                       y.data(),
                       tokens,
                       {DType::q4_k, kDenseFfn, kHidden, w.gate.get() + layer * in_bytes},
                       {DType::q4_k, kDenseFfn, kHidden, w.up.get() + layer * in_bytes},
                       {down_type, kHidden, kDenseFfn, w.down.get() + layer * out_bytes}});
        return Work{static_cast<int64_t>(2 * in_bytes + out_bytes), tokens * 3 * kDenseFfn * kHidden};
    });
}

void add_widths(benchmark::internal::Benchmark* one, const std::string& isa) {
    one->UseRealTime()->Unit(benchmark::kMicrosecond);
    for (const int64_t tokens : {1, 4, 16, 64, 256})
        if (tokens <= 4 || !is_slow(isa)) one->Arg(tokens);
}

void add() {
    for (const std::string& isa : kernels::available_cpu_isas()) {
        auto* one = benchmark::RegisterBenchmark(("route/" + isa).c_str(), route, isa);
        one->UseRealTime()->Unit(benchmark::kMicrosecond)->Arg(1)->Arg(4)->Arg(16)->Arg(64)->Arg(256);
    }
    for (const DType down : {DType::q6_k, DType::q4_k}) {
        const std::string types = "/Q4_K_" + std::string(kernels::dtype_info(down).name);
        for (const Layout layout : {Layout::rows, Layout::strips}) {
            for (const std::string& isa : kernels::available_cpu_isas()) {
                if (is_slow(isa) && (down != DType::q6_k || layout == Layout::strips)) continue;
                const std::string name = "moe_ffn/" + isa + types + "/" + name_of(layout);
                add_widths(benchmark::RegisterBenchmark(name.c_str(), moe_ffn, isa, down, layout), isa);
            }
        }
        for (const std::string& isa : kernels::available_cpu_isas()) {
            const std::string name = "dense_ffn/" + isa + types + "/rows";
            add_widths(benchmark::RegisterBenchmark(name.c_str(), dense_ffn, isa, down), isa);
        }
    }
}

}  // namespace
}  // namespace sluice::bench

int main(int argc, char** argv) {
    return sluice::bench::run(argc, argv, sluice::bench::add);
}
