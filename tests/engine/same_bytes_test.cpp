// The first promise: a request gives the same bytes whatever else runs, is cancelled or preempted, and
// whatever the chunk size, thread count, cache and instruction set are. Logprobs are compared by their bits,
// so a drift that does not change a token is caught too.
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "kernels/backend.h"
#include "tests/support/collector.h"

namespace sluice::engine {
namespace {

using test::Collector;
using test::Outcome;

Options small(int threads = 2) {
    Options o;
    o.threads = threads;
    o.kv_memory_bytes = 64u << 20;
    return o;
}

std::unique_ptr<Engine> load(const Options& o) {
    auto engine = Engine::load(o);
    EXPECT_TRUE(engine.has_value()) << engine.error().message;
    return std::move(*engine);
}

std::vector<int32_t> random_tokens(std::mt19937& rng, size_t count) {
    std::vector<int32_t> tokens(count);
    for (auto& t : tokens) t = static_cast<int32_t>(rng() % 250);  // plain byte tokens
    return tokens;
}

// 64 requests: short and long, greedy and sampled, with shared beginnings, several choices, logprobs, prompt
// scores, embeddings.
std::vector<Request> mixed_requests() {
    std::mt19937 rng(7);
    const std::vector<int32_t> shared = random_tokens(rng, 150);
    std::vector<Request> requests;
    for (size_t i = 0; i < 64; ++i) {
        Request r;
        if (i % 3 == 0) r.prompt = shared;
        const auto own = random_tokens(rng, 1 + rng() % (i % 8 == 0 ? 300 : 70));
        r.prompt.insert(r.prompt.end(), own.begin(), own.end());
        r.max_tokens = static_cast<int32_t>(1 + rng() % 40);
        r.ignore_eos = i % 2 == 0;
        r.sampling.temperature = i % 4 == 0 ? 0.0f : 0.9f;
        r.sampling.seed = 1000 + i;
        r.sampling.top_p = i % 5 == 0 ? 0.8f : 1.0f;
        r.sampling.top_k = i % 7 == 0 ? 20 : 0;
        r.sampling.top_logprobs = 2;
        r.sampling.repetition_penalty = i % 6 == 0 ? 1.1f : 1.0f;
        r.n = i % 9 == 0 ? 3 : 1;
        r.prompt_logprobs = i % 16 == 5;
        if (i % 8 == 3) {
            r.pooling = i % 16 == 3 ? Pooling::mean : Pooling::last;
            r.max_tokens = 0;
            r.n = 1;
        }
        requests.push_back(std::move(r));
    }
    return requests;
}

Outcome alone(Engine& engine, Request request) {
    auto collector = std::make_shared<Collector>();
    request.sink = collector;
    EXPECT_TRUE(engine.submit(std::move(request)).has_value());
    return collector->wait();
}

std::vector<Outcome> one_by_one(Engine& engine, const std::vector<Request>& requests) {
    std::vector<Outcome> out;
    for (const Request& r : requests) out.push_back(alone(engine, r));
    return out;
}

// All at once, with requests in between that are cancelled while they run.
std::vector<Outcome> together(Engine& engine, const std::vector<Request>& requests) {
    std::vector<std::shared_ptr<Collector>> sinks, doomed_sinks;
    std::vector<RequestKey> doomed;
    for (size_t i = 0; i < requests.size(); ++i) {
        Request r = requests[i];
        sinks.push_back(std::make_shared<Collector>());
        r.sink = sinks.back();
        EXPECT_TRUE(engine.submit(std::move(r)).has_value());
        if (i % 4 != 1) continue;
        Request extra = requests[(i * 5) % requests.size()];
        extra.max_tokens = 400;
        extra.pooling = Pooling::none;
        extra.ignore_eos = true;
        doomed_sinks.push_back(std::make_shared<Collector>());
        extra.sink = doomed_sinks.back();
        const auto key = engine.submit(std::move(extra));
        EXPECT_TRUE(key.has_value());
        doomed.push_back(*key);
    }
    for (size_t i = 0; i < doomed.size(); ++i) {
        if (i % 2 == 0) doomed_sinks[i]->wait_tokens(3);
        engine.cancel(doomed[i]);
    }
    std::vector<Outcome> out;
    for (auto& sink : sinks) out.push_back(sink->wait());
    for (auto& sink : doomed_sinks) {
        const Outcome o = sink->wait();
        if (o.error) {
            EXPECT_EQ(o.error->kind, ErrorKind::cancelled) << o.error->message;
        }
    }
    return out;
}

void expect_equal(const std::vector<Outcome>& got, const std::vector<Outcome>& want,
                  const std::string& what) {
    ASSERT_EQ(got.size(), want.size());
    for (size_t i = 0; i < got.size(); ++i) {
        EXPECT_FALSE(got[i].error) << what << ": request " << i << ": " << got[i].error->message;
        EXPECT_TRUE(got[i].same_bytes(want[i]))
            << what << ": request " << i << " differs from what it gives alone";
    }
}

class SameBytes : public ::testing::Test {
  protected:
    static void SetUpTestSuite() {
        Options o = small();
        o.prefix_cache = false;
        auto engine = load(o);
        requests_ = new std::vector<Request>(mixed_requests());
        alone_ = new std::vector<Outcome>(one_by_one(*engine, *requests_));
    }
    static void TearDownTestSuite() {
        delete requests_;
        delete alone_;
    }
    static std::vector<Request>* requests_;
    static std::vector<Outcome>* alone_;
};
std::vector<Request>* SameBytes::requests_ = nullptr;
std::vector<Outcome>* SameBytes::alone_ = nullptr;

TEST_F(SameBytes, SolosAreNotTrivial) {
    std::map<std::string, int> texts;
    std::map<std::vector<uint32_t>, int> embeddings;
    for (const Outcome& o : *alone_) {
        if (o.text.contains(0)) ++texts[o.text.at(0)];
        if (!o.embedding_bits.empty()) ++embeddings[o.embedding_bits];
    }
    EXPECT_GT(texts.size(), 40u) << "the requests answer alike: equality would prove nothing";
    EXPECT_EQ(embeddings.size(), 8u);
}

TEST_F(SameBytes, UnderLoadWithCancels) {
    auto engine = load(small());
    expect_equal(together(*engine, *requests_), *alone_, "under load");
    EXPECT_GT(engine->stats().prefix_hits, 0) << "the shared beginnings were never shared";
}

TEST_F(SameBytes, WithAPoolThatPreempts) {
    Options o = small();
    const auto info = load(o)->info();
    o.kv_memory_bytes = static_cast<uint64_t>(info.kv_bytes / info.kv_blocks) * 40;
    o.stretch = 0;  // prompts as fast as they can be: then the pool is full at some time
    auto engine = load(o);
    ASSERT_EQ(engine->info().kv_blocks, 40);
    expect_equal(together(*engine, *requests_), *alone_, "with preemption");
    EXPECT_GT(engine->stats().preemptions, 0) << "the pool was never full";
    EXPECT_EQ(engine->stats().blocks_used, 0);
}

TEST_F(SameBytes, AcrossChunkSizes) {
    for (const int32_t chunk : {7, 33, 512}) {
        Options o = small();
        o.step_tokens = chunk;
        auto engine = load(o);
        expect_equal(together(*engine, *requests_), *alone_, "chunks of " + std::to_string(chunk));
    }
}

TEST_F(SameBytes, AcrossThreadCounts) {
    for (const int threads : {1, 3}) {
        auto engine = load(small(threads));
        expect_equal(together(*engine, *requests_), *alone_, std::to_string(threads) + " threads");
    }
}

TEST_F(SameBytes, AcrossWeightLayouts) {
    for (const WeightLayout layout : {WeightLayout::repacked, WeightLayout::mapped}) {
        Options o = small();
        o.weights = layout;
        auto engine = load(o);
        EXPECT_EQ(engine->info().weights, layout == WeightLayout::mapped ? "mapped" : "repacked");
        expect_equal(together(*engine, *requests_), *alone_, engine->info().weights);
    }
}

TEST_F(SameBytes, AcrossInstructionSets) {
    const auto isas = kernels::available_cpu_isas();
    if (isas.size() < 3) std::printf("this machine has %zu of 3 instruction sets\n", isas.size());
    for (const std::string& isa : isas) {
        if (isa == "scalar") continue;  // same definition, but too slow for 64 requests: see below
        Options o = small();
        o.isa = isa;
        auto engine = load(o);
        expect_equal(together(*engine, *requests_), *alone_, isa);
    }
}

TEST_F(SameBytes, ScalarAgrees) {
    Options o = small();
    o.isa = "scalar";
    auto engine = load(o);
    for (size_t i = 1; i < 64; i += 21) {
        EXPECT_TRUE(alone(*engine, (*requests_)[i]).same_bytes((*alone_)[i])) << "request " << i;
    }
}

TEST_F(SameBytes, FromTheCacheAsFromScratch) {
    auto engine = load(small());
    const auto first = one_by_one(*engine, *requests_);
    expect_equal(first, *alone_, "first pass");
    const int64_t hits = engine->stats().prefix_hits;
    expect_equal(one_by_one(*engine, *requests_), *alone_, "second pass");
    EXPECT_GT(engine->stats().prefix_hits, hits) << "the second pass computed everything again";
}

}  // namespace
}  // namespace sluice::engine
