// The operations between the matrix products, in the shapes of a 30B-A3B layer. Their operands are the
// activations of the layer before, so they are warm; GB/s counts what is read and written.
//   <operation>/<isa>/<tokens>
#include <cmath>
#include <numeric>

#include "bench/kernel_bench.h"

namespace sluice::bench {
namespace {

using kernels::DType;
using kernels::kBlockTokens;

constexpr int64_t kHidden = 2048, kHeads = 32, kKvHeads = 4, kHeadDim = 128;
constexpr int64_t kFloat = sizeof(float);

void rms_norm(benchmark::State& state, const std::string& isa) {
    const int64_t rows = state.range(0);
    auto& cpu = backend(isa);
    const auto x = gaussian(rows * kHidden), weight = gaussian(kHidden);
    std::vector<float> y(x.size());
    measure(state, cpu.num_threads(), [&](int64_t) {
        cpu.rms_norm({x.data(), weight.data(), y.data(), rows, kHidden, 1e-6f});
        return Work{2 * rows * kHidden * kFloat, 0};
    });
}

// Tokens of as many sequences, each at the end of its own block; blocks take turns, as new slots are cold.
void rope_kv(benchmark::State& state, const std::string& isa) {
    constexpr int32_t kBlocks = 4096;
    const int64_t tokens = state.range(0), elems = kKvHeads * kHeadDim;
    auto& cpu = backend(isa);
    std::vector<float> q = gaussian(tokens * kHeads * kHeadDim), keys = gaussian(tokens * elems), cos, sin;
    const auto values = gaussian(tokens * elems), norm = gaussian(kHeadDim);
    for (const float angle : gaussian(tokens * kHeadDim / 2)) {
        cos.push_back(std::cos(angle));
        sin.push_back(std::sin(angle));
    }
    const auto bytes = static_cast<size_t>(kBlocks * kBlockTokens * elems * 2);
    const std::vector<std::byte> nothing(4099, std::byte{1});
    const Memory k = filled(bytes, nothing), v = filled(bytes, nothing);
    const kernels::KvLayer cache{DType::f16, kBlocks, kKvHeads, kHeadDim, k.get(), v.get()};
    const std::vector<int32_t> positions(static_cast<size_t>(tokens), kBlockTokens - 1);
    std::vector<int32_t> begin(static_cast<size_t>(tokens)), blocks(kBlocks);
    std::iota(begin.begin(), begin.end(), 0);
    std::iota(blocks.begin(), blocks.end(), 0);
    measure(state, cpu.num_threads(), [&](int64_t turn) {
        const std::span<const int32_t> table(blocks.data() + turn * tokens % kBlocks,
                                             static_cast<size_t>(tokens));
        cpu.rope_kv({q.data(),
                     keys.data(),
                     values.data(),
                     norm.data(),
                     norm.data(),
                     1e-6f,
                     cos.data(),
                     sin.data(),
                     kHeads,
                     kHeadDim,
                     false,
                     {positions, begin, table},
                     cache});
        return Work{2 * tokens * (kHeads * kHeadDim * kFloat + elems * (kFloat + 2)), 0};
    });
}

void embed(benchmark::State& state, const std::string& isa) {
    constexpr int64_t kVocab = 151936;
    static const Memory table = random_rows(DType::q4_k, kVocab, kHidden);
    auto& cpu = backend(isa);
    std::mt19937 rng(1);
    std::vector<int32_t> tokens(static_cast<size_t>(state.range(0)));
    std::vector<float> y(tokens.size() * kHidden);
    const auto row = static_cast<int64_t>(kernels::row_bytes(DType::q4_k, kHidden)) + kHidden * kFloat;
    measure(state, cpu.num_threads(), [&](int64_t) {
        for (int32_t& token : tokens) token = static_cast<int32_t>(rng() % kVocab);
        cpu.embed({{DType::q4_k, kVocab, kHidden, table.get()}, tokens, y.data()});
        return Work{state.range(0) * row, 0};
    });
}

void add() {
    const std::pair<const char*, void (*)(benchmark::State&, const std::string&)> operations[] = {
        {"rms_norm", rms_norm}, {"rope_kv", rope_kv}, {"embed", embed}};
    for (const auto& [name, function] : operations) {
        for (const std::string& isa : kernels::available_cpu_isas()) {
            // Rows of the embedding are unpacked by the same code for all instruction sets.
            if (function == embed && isa != kernels::available_cpu_isas().back()) continue;
            auto* one = benchmark::RegisterBenchmark((name + ("/" + isa)).c_str(), function, isa);
            one->UseRealTime()->Unit(benchmark::kMicrosecond)->Arg(1)->Arg(16)->Arg(64);
        }
    }
}

}  // namespace
}  // namespace sluice::bench

int main(int argc, char** argv) {
    return sluice::bench::run(argc, argv, sluice::bench::add);
}
