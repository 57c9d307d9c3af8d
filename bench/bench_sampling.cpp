// Choosing a token from a row of 151,936 logits, on one thread. Rows take turns.
//   sample/<how>
#include "bench/kernel_bench.h"
#include "engine/sampling/sampler.h"

namespace sluice::bench {
namespace {

constexpr int64_t kVocab = 151936, kRows = 16;

// Most logits near zero and a few that stand out, as trained models give them.
std::vector<float>& rows() {
    static std::vector<float> made = [] {
        auto out = gaussian(kRows * kVocab, 2.0f);
        for (size_t i = 0; i < out.size(); i += 4999) out[i] += 10.0f;
        return out;
    }();
    return made;
}

void sample(benchmark::State& state, const sampling::Params& params) {
    std::vector<int32_t> prompt(1000);
    for (size_t i = 0; i < prompt.size(); ++i) prompt[i] = static_cast<int32_t>(i * 151);
    const sampling::Sampler sampler(params, prompt);
    auto& all = rows();
    const kernels::LogitOps& ops = backend("").logit_ops();
    measure(state, 1, [&](int64_t turn) {
        const std::span<float> row(all.data() + turn % kRows * kVocab, kVocab);
        const auto chosen = sampler.sample(ops, row, 0, turn, {});
        if (!chosen) state.SkipWithError(chosen.error().message.c_str());
        benchmark::DoNotOptimize(chosen);
        return Work{kVocab * int64_t{sizeof(float)}, 0};
    });
}

void add() {
    const auto way = [](const char* name, auto&& set) {
        sampling::Params params;
        params.temperature = 0.0f;
        set(params);
        benchmark::RegisterBenchmark(name, sample, params)->UseRealTime()->Unit(benchmark::kMicrosecond);
    };
    using sampling::Params;
    way("sample/greedy", [](Params&) {});
    way("sample/temperature", [](Params& p) { p.temperature = 0.8f; });
    way("sample/top_p", [](Params& p) { p.temperature = 0.8f, p.top_p = 0.95f; });
    way("sample/top_k_top_p_min_p",
        [](Params& p) { p.temperature = 0.6f, p.top_k = 20, p.top_p = 0.95f, p.min_p = 0.05f; });
    way("sample/top_k", [](Params& p) { p.temperature = 0.8f, p.top_k = 40; });
    way("sample/min_p", [](Params& p) { p.temperature = 0.8f, p.min_p = 0.05f; });
    way("sample/greedy_repetition_penalty", [](Params& p) { p.repetition_penalty = 1.1f; });
    way("sample/greedy_top_logprobs", [](Params& p) { p.top_logprobs = 5; });
}

}  // namespace
}  // namespace sluice::bench

int main(int argc, char** argv) {
    return sluice::bench::run(argc, argv, sluice::bench::add);
}
