// The counts of experts are those of the choices that the router writes, whatever was computed together, and
// of computed tokens alone.
#include <gtest/gtest.h>

#include <memory>
#include <numeric>
#include <random>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "engine/engine.h"
#include "tests/engine/model/model_fixture.h"
#include "tests/support/collector.h"
#include "tests/support/fake_model.h"

namespace sluice::engine {
namespace {

using test::Collector;
using test::Outcome;

constexpr int32_t kBlocks = 256;

// What the routers chose, token by token.
struct Heard {
    int32_t layers = 2, experts = 8;
    int64_t calls = 0;
    std::vector<int64_t> chosen, distinct;

    void hear(const kernels::Route& op) {
        chosen.resize(static_cast<size_t>(layers * experts));
        distinct.resize(static_cast<size_t>(layers));
        const auto layer = static_cast<size_t>(calls++ % layers);
        std::set<int32_t> seen;
        for (int64_t i = 0; i < op.tokens * op.top_k; ++i) {
            ++chosen[layer * static_cast<size_t>(experts) + static_cast<size_t>(op.expert[i])];
            seen.insert(op.expert[i]);
        }
        distinct[layer] += static_cast<int64_t>(seen.size());
    }
};

// The CPU's backend, with somebody who listens.
class Listening final : public kernels::Backend {
  public:
    Listening(int threads, std::shared_ptr<Heard> heard)
        : inner_(kernels::make_cpu_backend({threads, ""})), heard_(std::move(heard)) {}

    std::string_view name() const override { return inner_->name(); }
    int num_threads() const override { return inner_->num_threads(); }
    kernels::OpCounters counters() const override { return inner_->counters(); }
    void embed(const kernels::Embed& op) override { inner_->embed(op); }
    void rms_norm(const kernels::RmsNorm& op) override { inner_->rms_norm(op); }
    void linear(const kernels::Linear& op) override { inner_->linear(op); }
    void rope_kv(const kernels::RopeKv& op) override { inner_->rope_kv(op); }
    void attention(const kernels::Attention& op) override { inner_->attention(op); }
    void route(const kernels::Route& op) override { inner_->route(op); }
    void moe_ffn(const kernels::MoeFfn& op) override {
        inner_->moe_ffn(op);
        heard_->hear(op.route);
    }
    void dense_ffn(const kernels::DenseFfn& op) override { inner_->dense_ffn(op); }
    const kernels::LogitOps& logit_ops() const override { return inner_->logit_ops(); }
    void parallel(int64_t tasks, const std::function<void(int64_t)>& body) override {
        inner_->parallel(tasks, body);
    }

  private:
    const std::unique_ptr<kernels::Backend> inner_;
    const std::shared_ptr<Heard> heard_;
};

// An engine over a synthetic model of 2 layers, 2 of 8 experts.
class Ears {
  public:
    explicit Ears(int threads)
        : fixture_({}, std::make_unique<Listening>(threads, heard_), kernels::DType::f32, false, kBlocks) {
        ModelInfo info = test::fake_info(kBlocks, kBlocks * kernels::kBlockTokens);
        info.vocab = fixture_.config().vocab;
        engine_ = *Engine::create(fixture_.take_model(), test::fake_frontend(), info, {});
    }

    // `seed` decides the prompt.
    std::shared_ptr<Collector> submit(int32_t seed, size_t prompt, int32_t max_tokens) {
        Request r;
        std::mt19937 rng(static_cast<uint32_t>(seed));
        for (size_t i = 0; i < prompt; ++i) r.prompt.push_back(static_cast<int32_t>(rng() % 256));
        r.max_tokens = max_tokens;
        r.ignore_eos = true;
        r.sampling.temperature = 0;
        const auto sink = std::make_shared<Collector>();
        r.sink = sink;
        EXPECT_TRUE(engine_->submit(std::move(r)).has_value());
        return sink;
    }
    Outcome run(int32_t seed, size_t prompt, int32_t max_tokens) {
        return submit(seed, prompt, max_tokens)->wait();
    }

    // What the engine shows, after a check that it is what was heard. The engine is idle.
    model::ExpertUse use() const {
        model::ExpertUse use = engine_->experts();
        EXPECT_EQ(use.chosen, heard_->chosen);
        EXPECT_EQ(use.distinct, heard_->distinct);
        EXPECT_EQ(use.steps, heard_->calls / 2);
        for (auto row = use.chosen.begin(); row != use.chosen.end(); row += 8)
            EXPECT_EQ(std::accumulate(row, row + 8, int64_t{0}), 2 * use.tokens);
        return use;
    }
    const Engine& engine() const { return *engine_; }

  private:
    std::shared_ptr<Heard> heard_ = std::make_shared<Heard>();
    test::ModelFixture fixture_;
    std::unique_ptr<Engine> engine_;
};

TEST(ExpertUse, IsZeroAndInShapeBeforeTheFirstStep) {
    const model::ExpertUse use = Ears(1).engine().experts();
    EXPECT_EQ(std::pair(use.layers, use.experts), std::pair(2, 8));
    EXPECT_EQ(std::pair(use.steps, use.tokens), std::pair(int64_t{0}, int64_t{0}));
    EXPECT_EQ(use.chosen, std::vector<int64_t>(16, 0));
    EXPECT_EQ(use.distinct, std::vector<int64_t>(2, 0));
}

TEST(ExpertUse, OfAPromptAndOneStream) {
    Ears ears(2);
    ears.run(1, 50, 10);
    const model::ExpertUse use = ears.use();
    EXPECT_EQ(use.tokens, 50 + 9) << "the last token is not computed";
    EXPECT_EQ(use.steps, 10);
    EXPECT_GE(use.distinct[0], 10 * 2) << "two experts a token";
    EXPECT_LE(use.distinct[0], 8 + 9 * 2);
}

TEST(ExpertUse, TokensOfThePrefixCacheAreNotCounted) {
    Ears ears(2);
    ears.run(1, 100, 1);
    const model::ExpertUse before = ears.use();
    const Outcome again = ears.run(1, 100, 1);
    EXPECT_EQ(again.usage.cached_tokens, 96) << "three blocks of 32";
    EXPECT_EQ(ears.use().tokens, before.tokens + 4);
}

TEST(ExpertUse, Of64StreamsWhateverTheThreads) {
    std::vector<int64_t> first;
    for (const int threads : {1, 2, 3}) {
        Ears ears(threads);
        std::vector<std::shared_ptr<Collector>> sinks;
        for (int32_t i = 0; i < 64; ++i) sinks.push_back(ears.submit(i, static_cast<size_t>(3 + i), 20));
        int64_t tokens = 0;
        for (const auto& sink : sinks) {
            const Outcome o = sink->wait();
            tokens += o.usage.prompt_tokens - o.usage.cached_tokens + o.usage.completion_tokens - 1;
        }
        const model::ExpertUse use = ears.use();
        EXPECT_EQ(use.tokens, tokens);
        EXPECT_LT(use.steps, 64 * 20) << "they ran together";
        if (first.empty()) first = use.chosen;
        EXPECT_EQ(use.chosen, first) << threads << " threads";
    }
}

// While a stream goes on the figures are those of one moment: every layer has counted the same tokens.
TEST(ExpertUse, IsOfOneMomentWhileStreamsRun) {
    Ears ears(2);
    std::shared_ptr<Collector> stream;
    std::set<int64_t> seen;
    for (int32_t i = 0; seen.size() < 4; ++i) {
        if (!stream || stream->ended()) stream = ears.submit(i, 5, 4000);
        const model::ExpertUse use = ears.engine().experts();
        for (auto row = use.chosen.begin(); row != use.chosen.end(); row += 8)
            ASSERT_EQ(std::accumulate(row, row + 8, int64_t{0}), 2 * use.tokens);
        ASSERT_TRUE(seen.empty() || use.tokens >= *seen.rbegin());
        seen.insert(use.tokens);
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
}

TEST(ExpertUse, IsAbsentInDenseModels) {
    tools::TinySpec dense;
    dense.arch = "qwen3";
    test::ModelFixture fixture(dense, kernels::make_cpu_backend({1, ""}));
    const std::vector<int32_t> prompt{1, 2, 3};
    fixture.forward(prompt);
    EXPECT_EQ(fixture.model().expert_use(), nullptr);
    const auto engine = *Engine::create(fixture.take_model(), test::fake_frontend(), test::fake_info(32), {});
    const model::ExpertUse use = engine->experts();
    EXPECT_EQ(use.layers + use.experts, 0);
    EXPECT_TRUE(use.chosen.empty());
}

}  // namespace
}  // namespace sluice::engine
