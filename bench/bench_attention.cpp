// Paged attention of a 30B-A3B layer: 32 heads, 4 KV heads, 128 wide. Blocks of the sequences are shuffled in
// a pool that no cache holds; when a batch needs less than the pool, other sequences take turns.
//   decode/<isa>/<cache type>/<context>/<sequences>    prefill/<isa>/<cache type>/<context>  (last 64 tokens)
//   shared/<isa>/<cache type>/<context>/<sequences>    decode, all but the last 64 tokens in common
#include <numeric>

#include "bench/kernel_bench.h"
#include "kernels/half.h"

namespace sluice::bench {
namespace {

using kernels::DType;
using kernels::kBlockTokens;

constexpr int64_t kHeads = 32, kKvHeads = 4, kHeadDim = 128, kChunk = 64;
constexpr int64_t kSlotElems = kKvHeads * kHeadDim;  // of keys, and as many of values
constexpr int64_t kMostBytes = 512 << 20;

int64_t element_bytes(DType type) {
    return kernels::dtype_info(type).block_bytes;
}
int64_t block_bytes(DType type) {
    return 2 * kSlotElems * kBlockTokens * element_bytes(type);
}

std::vector<std::byte> random_pattern(DType type) {
    const auto values = gaussian(4099);
    std::vector<std::byte> out(values.size() * static_cast<size_t>(element_bytes(type)));
    for (size_t i = 0; i < values.size(); ++i) {
        const uint16_t half =
            type == DType::f16 ? kernels::f16_from_f32(values[i]) : kernels::bf16_from_f32(values[i]);
        if (type == DType::f32) std::memcpy(out.data() + 4 * i, &values[i], 4);
        if (type != DType::f32) std::memcpy(out.data() + 2 * i, &half, 2);
    }
    return out;
}

// The cache of one layer, and its blocks in random order.
struct Pool {
    DType type;
    int32_t blocks;
    Memory keys, values;
    std::vector<int32_t> order;

    kernels::KvLayer layer() const { return {type, blocks, kKvHeads, kHeadDim, keys.get(), values.get()}; }
};

// As large as the largest batch wants. Kept while benchmarks of one type follow each other.
const Pool& pool_of(DType type) {
    static std::unique_ptr<Pool> kept;
    if (!kept || kept->type != type) {
        kept.reset();
        const auto bytes = static_cast<size_t>(kMostBytes);
        const auto blocks = static_cast<int32_t>(kMostBytes / block_bytes(type));
        const auto pattern = random_pattern(type);
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
    for (const DType type : {DType::f16, DType::bf16, DType::f32}) {
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
