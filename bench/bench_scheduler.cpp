// What planning costs beside computing: a step's plan and commit, and the two indices under it. No kernels.
//   step/<running sequences>    prefix_find/<blocks that match>    allocate_and_free/<blocks>
#include <numeric>

#include "bench/kernel_bench.h"
#include "kvcache/block_pool.h"
#include "kvcache/prefix_index.h"
#include "scheduler/scheduler.h"

namespace sluice::bench {
namespace {

constexpr int32_t kBlocks = 16384, kPrompt = 100, kNewTokens = 900;

// Sequences of 1,000 tokens; one that ends is followed by another, so that prompts and evictions take part.
class Traffic {
  public:
    explicit Traffic(int32_t running)
        : scheduler_({.max_running = running, .step_tokens = 64, .max_context = 4096}, kBlocks) {
        for (int32_t i = 0; i < running; ++i) arrive();
        while (step() < running) {
        }
        for (int32_t i = 0; i < kNewTokens; ++i) step();  // now they end at different times
    }

    // Returns how many sequences got a token.
    int32_t step() {
        const scheduler::StepPlan plan = scheduler_.plan();
        scheduler::StepResult result;
        for (const scheduler::Slice& slice : plan.slices) {
            for (const scheduler::SequenceId id : slice.sample) {
                const int32_t token = static_cast<int32_t>(id.v * 7919 + slice.first) & 0xffff;
                result.tokens.push_back({id, token, slice.first + 1 >= kPrompt + kNewTokens});
            }
        }
        const auto sampled = static_cast<int32_t>(result.tokens.size());
        scheduler_.commit(result);
        for (const auto& token : result.tokens)
            if (token.finished) arrive();
        return sampled;
    }

  private:
    void arrive() {
        std::vector<int32_t> prompt(kPrompt);
        for (size_t i = 0; i < prompt.size(); ++i)
            prompt[i] = static_cast<int32_t>((next_ * 104729 + i * 31) & 0xffff);
        scheduler_.submit({{{next_++}}, std::move(prompt), 2 * kNewTokens});
    }

    scheduler::Scheduler scheduler_;
    uint64_t next_ = 1;
};

void step(benchmark::State& state) {
    Traffic traffic(static_cast<int32_t>(state.range(0)));
    for (auto _ : state) traffic.step();
}

void prefix_find(benchmark::State& state) {
    const auto depth = static_cast<size_t>(state.range(0));
    kvcache::PrefixIndex index(kBlocks);
    std::vector<int32_t> tokens(depth * kernels::kBlockTokens);
    std::iota(tokens.begin(), tokens.end(), 0);
    const auto block = [&](size_t i) {
        return std::span<const int32_t>(tokens).subspan(i * kernels::kBlockTokens, kernels::kBlockTokens);
    };
    auto node = kvcache::PrefixIndex::root(0);
    for (size_t i = 0; i < depth; ++i) node = index.insert(node, block(i), static_cast<int32_t>(i)).value();
    for (auto _ : state) {
        std::optional<kvcache::PrefixIndex::Node> at = kvcache::PrefixIndex::root(0);
        for (size_t i = 0; i < depth && at; ++i) at = index.find(*at, block(i));
        if (!at) state.SkipWithError("the prefix is not found");
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
}

void allocate_and_free(benchmark::State& state) {
    kvcache::BlockPool pool(kBlocks);
    std::vector<kvcache::Block> held;
    for (auto _ : state) {
        for (int64_t i = 0; i < state.range(0); ++i) held.push_back(std::move(*pool.allocate()));
        held.clear();
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
}

void add() {
    const auto register_one = [](const char* name, auto* function) {
        auto* one = benchmark::RegisterBenchmark(name, function);
        return one->UseRealTime()->Unit(benchmark::kMicrosecond);
    };
    register_one("step", step)->Arg(1)->Arg(4)->Arg(16)->Arg(64);
    register_one("prefix_find", prefix_find)->Arg(8)->Arg(64);
    register_one("allocate_and_free", allocate_and_free)->Arg(64);
}

}  // namespace
}  // namespace sluice::bench

int main(int argc, char** argv) {
    return sluice::bench::run(argc, argv, sluice::bench::add);
}
