// The engine on the embedded model: every request ends exactly once, limits are answers, nothing leaks.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "engine/engine.h"
#include "tests/support/collector.h"
#include "tests/support/fake_model.h"

namespace sluice::engine {
namespace {

using test::Collector;
using test::Outcome;

std::unique_ptr<Engine> load(int32_t max_queue = 64) {
    Options o;
    o.threads = 1;
    o.kv_memory_bytes = 32u << 20;
    o.max_queue = max_queue;
    auto engine = Engine::load(o);
    EXPECT_TRUE(engine.has_value()) << engine.error().message;
    return std::move(*engine);
}

Request request(std::shared_ptr<Collector> sink, int32_t max_tokens = 8, size_t prompt = 5) {
    Request r;
    for (size_t i = 0; i < prompt; ++i) r.prompt.push_back(static_cast<int32_t>(40 + i % 50));
    r.max_tokens = max_tokens;
    r.ignore_eos = true;
    r.sampling.temperature = 0;
    r.sink = std::move(sink);
    return r;
}

Outcome run(Engine& engine, Request r) {
    auto sink = std::make_shared<Collector>();
    r.sink = sink;
    const auto key = engine.submit(std::move(r));
    EXPECT_TRUE(key.has_value());
    return sink->wait();
}

void expect_idle(Engine& engine) {
    ASSERT_TRUE(engine.wait_idle(Clock::now() + std::chrono::seconds(10)));
    for (int i = 0; i < 200 && engine.stats().blocks_used != 0; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    EXPECT_EQ(engine.stats().blocks_used, 0);
    EXPECT_EQ(engine.stats().waiting, 0);
}

TEST(Engine, AnswersAndCounts) {
    auto engine = load();
    const Outcome o = run(*engine, request(nullptr, 8));
    ASSERT_FALSE(o.error);
    EXPECT_EQ(o.tokens.at(0).size(), 8u);
    EXPECT_EQ(o.reason.at(0), "length:");
    EXPECT_EQ(o.usage.prompt_tokens, 5);
    EXPECT_EQ(o.usage.completion_tokens, 8);
    expect_idle(*engine);
    EXPECT_EQ(engine->stats().generation_tokens, 8);
    EXPECT_EQ(engine->stats().requests_finished_length, 1);
}

// Gate V1_003: the dense feed-forward path never runs for an expert model.
TEST(Engine, V1_003_DensePathNeverRunsForMoe) {
    auto engine = load();
    ASSERT_GT(engine->info().experts, 0);
    run(*engine, request(nullptr, 8));
    EXPECT_GT(engine->stats().moe_ffn_calls, 0);
    EXPECT_EQ(engine->stats().dense_ffn_calls, 0);
}

TEST(Engine, ChoicesShareThePromptAndDiffer) {
    auto engine = load();
    Request r = request(nullptr, 12, 40);
    r.n = 4;
    r.sampling.temperature = 1.5f;
    r.sampling.seed = 3;
    const Outcome o = run(*engine, r);
    ASSERT_EQ(o.tokens.size(), 4u);
    EXPECT_EQ(o.usage.completion_tokens, 48);
    EXPECT_NE(o.tokens.at(0), o.tokens.at(1));
    EXPECT_TRUE(run(*engine, r).same_bytes(o)) << "a seeded request repeats exactly";
}

TEST(Engine, StopStringCutsTheText) {
    auto engine = load();
    const Outcome plain = run(*engine, request(nullptr, 40));
    const std::string& text = plain.text.at(0);
    ASSERT_GT(text.size(), 8u);
    Request r = request(nullptr, 40);
    r.stop = {text.substr(5, 3)};
    const Outcome cut = run(*engine, r);
    EXPECT_EQ(cut.text.at(0), text.substr(0, text.find(r.stop[0])));
    EXPECT_EQ(cut.reason.at(0), "stop:" + r.stop[0]);
}

TEST(Engine, ZeroTokensScoresThePrompt) {
    auto engine = load();
    Request r = request(nullptr, 0, 90);
    r.prompt_logprobs = true;
    const Outcome o = run(*engine, r);
    ASSERT_FALSE(o.error);
    EXPECT_EQ(o.prompt_logprob_bits.size(), 90u);
    EXPECT_EQ(o.usage.completion_tokens, 0);
    expect_idle(*engine);
}

TEST(Engine, TooLongIsRefusedAtOnceAndMaxTokensIsClamped) {
    auto engine = load();
    const auto context = static_cast<size_t>(engine->info().context);
    auto sink = std::make_shared<Collector>();
    const auto refused = engine->submit(request(sink, 1, context));
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().kind, ErrorKind::context_length_exceeded);
    const Outcome o = run(*engine, request(nullptr, 1 << 20, context - 3));
    EXPECT_EQ(o.usage.completion_tokens, 3);
    EXPECT_EQ(o.reason.at(0), "length:");
}

TEST(Engine, QueueFullIsAnAnswer) {
    auto engine = load(0);
    auto sink = std::make_shared<Collector>();
    const auto refused = engine->submit(request(sink));
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().kind, ErrorKind::queue_full);
}

TEST(Engine, CancelFreesEverything) {
    auto engine = load();
    for (const size_t tokens : {0, 1, 5}) {
        auto sink = std::make_shared<Collector>();
        const auto key = engine->submit(request(sink, 3000, 700));
        ASSERT_TRUE(key.has_value());
        sink->wait_tokens(tokens);
        engine->cancel(*key);
        engine->cancel(*key);
        const Outcome o = sink->wait();
        ASSERT_TRUE(o.error.has_value());
        EXPECT_EQ(o.error->kind, ErrorKind::cancelled);
        expect_idle(*engine);
    }
    EXPECT_EQ(engine->stats().requests_cancelled, 3);
}

TEST(Engine, DeadlineEndsTheRequest) {
    auto engine = load();
    Request r = request(nullptr, 3000);
    r.deadline = Clock::now() + std::chrono::milliseconds(50);
    const Outcome o = run(*engine, r);
    ASSERT_TRUE(o.error.has_value());
    EXPECT_EQ(o.error->kind, ErrorKind::deadline_exceeded);
    expect_idle(*engine);
}

// Steps that take a millisecond and a tenth of one for each token.
class TimedModel : public test::FakeModel {
  public:
    TimedModel() : FakeModel(std::make_shared<test::Gate>()) {}
    std::span<float> forward(const model::Batch& batch) override {
        std::this_thread::sleep_for(std::chrono::microseconds(1000 + 100 * batch.tokens.size()));
        return FakeModel::forward(batch);
    }
};

// The cost of a prompt token is learned from the smallest chunk on, which has one token as decodes have.
TEST(Engine, ATargetIsUsedOnceTheStepsAreKnown) {
    Options o;
    o.stretch = 0;
    o.target_itl_ms = 30;
    auto engine =
        *Engine::create(std::make_unique<TimedModel>(), test::fake_frontend(), test::fake_info(), o);
    auto stream = std::make_shared<Collector>();
    const auto key = engine->submit(request(stream, 900));
    ASSERT_TRUE(key.has_value());
    ASSERT_TRUE(stream->wait_tokens(5));
    const int64_t before = engine->stats().steps;
    run(*engine, request(nullptr, 1, 600));
    EXPECT_LE(engine->stats().steps - before, 150);
    engine->cancel(*key);
    stream->wait();
}

TEST(Engine, DrainRefusesNewAndFinishesOld) {
    auto engine = load();
    auto sink = std::make_shared<Collector>();
    ASSERT_TRUE(engine->submit(request(sink, 200)).has_value());
    engine->drain();
    EXPECT_EQ(engine->submit(request(std::make_shared<Collector>())).error().kind, ErrorKind::unavailable);
    EXPECT_TRUE(engine->wait_idle(Clock::now() + std::chrono::seconds(60)));
    EXPECT_EQ(sink->wait().usage.completion_tokens, 200);
}

TEST(Engine, ClosingFailsWhatRuns) {
    auto sink = std::make_shared<Collector>();
    {
        auto engine = load();
        ASSERT_TRUE(engine->submit(request(sink, 3000)).has_value());
    }
    const Outcome o = sink->wait();
    ASSERT_TRUE(o.error.has_value());
    EXPECT_EQ(o.error->kind, ErrorKind::unavailable);
}

TEST(Engine, MissingFileAndUnknownIsaAreClearErrors) {
    Options o;
    o.model_path = "no-such-file.gguf";
    const auto missing = Engine::load(o);
    ASSERT_FALSE(missing.has_value());
    EXPECT_NE(missing.error().message.find("no-such-file.gguf"), std::string::npos);
    Options bad;
    bad.isa = "mmx";
    const auto isa = Engine::load(bad);
    ASSERT_FALSE(isa.has_value());
    EXPECT_NE(isa.error().message.find("scalar"), std::string::npos);
}

}  // namespace
}  // namespace sluice::engine
