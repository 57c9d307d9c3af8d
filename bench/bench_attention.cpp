// Paged attention of a 30B-A3B layer: 32 heads, 4 KV heads, 128 wide. Blocks of the sequences are shuffled in
// a pool that no cache holds; when a batch needs less than the pool, other sequences take turns.
//   decode/<isa>/<cache type>/<context>/<sequences>    prefill/<isa>/<cache type>/<context>  (last 64 tokens)
//   shared/<isa>/<cache type>/<context>/<sequences>    decode, all but the last 64 tokens in common
#include <cmath>
#include <numeric>

#include "bench/kernel_bench.h"
#include "kernels/half.h"

namespace sluice::bench {
namespace {

using kernels::DType;
using kernels::kBlockTokens;

constexpr int64_t kHeads = 32, kKvHeads = 4, kHeadDim = 128, kChunk = 64;
constexpr int64_t kMostBytes = 512 << 20;

kernels::KvLayer layer_of(DType type, int32_t blocks, std::byte* keys, std::byte* values) {
    return {type, blocks, kKvHeads, kHeadDim, keys, values};
}
int64_t block_bytes(DType type) {
    return 2 * kKvHeads * static_cast<int64_t>(layer_of(type, 1, nullptr, nullptr).tile_bytes());
}

std::vector<std::byte> random_floats(DType type) {
    const auto values = gaussian(4099);
    std::vector<std::byte> out(values.size() * kernels::dtype_info(type).block_bytes);
    for (size_t i = 0; i < values.size(); ++i) {
        const uint16_t half =
            type == DType::f16 ? kernels::f16_from_f32(values[i]) : kernels::bf16_from_f32(values[i]);
        if (type == DType::f32) std::memcpy(out.data() + 4 * i, &values[i], 4);
        if (type != DType::f32) std::memcpy(out.data() + 2 * i, &half, 2);
    }
    return out;
}

// Integers, and scales where those of a block are.
std::vector<std::byte> random_int8() {
    const kernels::KvLayer one = layer_of(DType::q8_0, 1, nullptr, nullptr);
    const auto values = gaussian(kKvHeads * one.tile_elems(), 42);
    const std::vector<float> scales(kBlockTokens, 0.02f);
    std::vector<std::byte> out(one.tile(1, 0));
    for (int32_t h = 0; h < kKvHeads; ++h) {
        std::byte* tile = out.data() + one.tile(0, h);
        for (int64_t i = 0; i < one.tile_elems(); ++i)
            tile[i] =
                static_cast<std::byte>(std::lrint(values[static_cast<size_t>(h * one.tile_elems() + i)]));
        std::memcpy(tile + one.tile_elems(), scales.data(), scales.size() * sizeof scales[0]);
    }
    return out;
}

// The cache of one layer, and its blocks in random order.
struct Pool {
    DType type;
    int32_t blocks;
    Memory keys, values;
    std::vector<int32_t> order;

    kernels::KvLayer layer() const { return layer_of(type, blocks, keys.get(), values.get()); }
};

// As large as the largest batch wants. Kept while benchmarks of one type follow each other.
const Pool& pool_of(DType type) {
    static std::unique_ptr<Pool> kept;
    if (!kept || kept->type != type) {
        kept.reset();
        const auto bytes = static_cast<size_t>(kMostBytes);
        const auto blocks = static_cast<int32_t>(kMostBytes / block_bytes(type));
        const auto pattern = type == DType::q8_0 ? random_int8() : random_floats(type);
        std::vector<int32_t> order(static_cast<size_t>(blocks));
        std::iota(order.begin(), order.end(), 0);
        std::shuffle(order.begin(), order.end(), std::mt19937(1));
        kept = std::make_unique<Pool>(type, blocks, filled(bytes / 2, pattern), filled(bytes / 2, pattern),
                                      std::move(order));
    }
    return *kept;
}

struct Shape {
    int64_t context, sequences;
    int64_t chunk = 1;   // the last tokens of each sequence, which are computed
    int64_t shared = 0;  // leading tokens that all sequences have in common
};

void attend(benchmark::State& state, const std::string& isa, DType type, const Shape& shape) {
    const auto& [context, sequences, chunk, shared] = shape;
    const Pool& pool = pool_of(type);
    auto& cpu = backend(isa);
    const int64_t per_sequence = context / kBlockTokens, common = shared / kBlockTokens;
    const int64_t wanted = common + sequences * (per_sequence - common);
    const int64_t batches = pool.blocks / wanted, tokens = sequences * chunk;
    std::vector<int32_t> positions, table_begin;
    int64_t seen = 0;  // pairs of a token and one that it attends to
    for (int64_t t = 0; t < tokens; ++t) {
        positions.push_back(static_cast<int32_t>(context - chunk + t % chunk));
        table_begin.push_back(static_cast<int32_t>(t / chunk * per_sequence));
        seen += positions.back() + 1;
    }
    const auto q = gaussian(tokens * kHeads * kHeadDim);
    std::vector<float> y(q.size());
    const Work work{wanted * block_bytes(type), seen * kHeads * kHeadDim * 2};
    std::vector<int32_t> blocks(static_cast<size_t>(sequences * per_sequence));
    measure(state, cpu.num_threads(), [&](int64_t turn) {
        const int32_t* first = pool.order.data() + turn % batches * wanted;
        for (int64_t s = 0; s < sequences; ++s) {
            int32_t* table = blocks.data() + s * per_sequence;
            std::copy_n(first, common, table);
            std::copy_n(first + common + s * (per_sequence - common), per_sequence - common, table + common);
        }
        cpu.attention({q.data(), y.data(), kHeads, 0.0884f, {positions, table_begin, blocks}, pool.layer()});
        return work;
    });
}

void decode(benchmark::State& state, const std::string& isa, DType type) {
    attend(state, isa, type, {state.range(0), state.range(1)});
}
void shared(benchmark::State& state, const std::string& isa, DType type) {
    attend(state, isa, type, {state.range(0), state.range(1), 1, state.range(0) - 64});
}
void prefill(benchmark::State& state, const std::string& isa, DType type) {
    attend(state, isa, type, {state.range(0), 1, kChunk});
}

void add_decode(benchmark::internal::Benchmark* one, const std::string& isa, DType type) {
    for (const int64_t context : {128, 256, 1024, 8192}) {
        for (const int64_t sequences : {1, 4, 16, 64}) {
            const bool fits = sequences * context / kBlockTokens * block_bytes(type) <= kMostBytes;
            if (fits && (!is_slow(isa) || sequences * context <= 1024)) one->Args({context, sequences});
        }
    }
}

void add() {
    for (const DType type : {DType::f16, DType::bf16, DType::f32, DType::q8_0}) {
        for (const std::string& isa : kernels::available_cpu_isas()) {
            const std::string name = isa + "/" + std::string(kernels::dtype_info(type).name);
            auto* one = benchmark::RegisterBenchmark(("decode/" + name).c_str(), decode, isa, type);
            add_decode(one->UseRealTime()->Unit(benchmark::kMicrosecond), isa, type);
            one = benchmark::RegisterBenchmark(("prefill/" + name).c_str(), prefill, isa, type);
            one->UseRealTime()->Unit(benchmark::kMicrosecond)->Arg(128);
            if (is_slow(isa)) continue;
            one->Arg(1024)->Arg(8192);
            one = benchmark::RegisterBenchmark(("shared/" + name).c_str(), shared, isa, type);
            one->UseRealTime()->Unit(benchmark::kMicrosecond)->Args({2112, 16});
        }
    }
}

}  // namespace
}  // namespace sluice::bench

int main(int argc, char** argv) {
    return sluice::bench::run(argc, argv, sluice::bench::add);
}
