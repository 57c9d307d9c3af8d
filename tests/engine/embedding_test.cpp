// Embeddings are what the model's hidden states say: against a forward pass of our own, bit for bit.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <fstream>
#include <memory>
#include <random>

#include "engine/engine.h"
#include "engine/pool.h"
#include "tests/engine/model/model_fixture.h"
#include "tests/support/collector.h"

namespace sluice::engine {
namespace {

class ModelFile {
  public:
    explicit ModelFile(const tools::TinySpec& spec)
        : path(testing::TempDir() + "embedding-" + std::to_string(::getpid()) + ".gguf") {
        const auto bytes = tools::TinyModel::make(spec)->bytes();
        std::ofstream(path, std::ios::binary)
            .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    }
    ~ModelFile() { ::unlink(path.c_str()); }
    ModelFile(const ModelFile&) = delete;

    const std::string path;
};

std::vector<int32_t> prompt(size_t count, unsigned seed) {
    std::mt19937 rng(seed);
    std::vector<int32_t> out(count);
    for (int32_t& token : out) token = static_cast<int32_t>(rng() % 250);
    return out;
}

test::Outcome embed(Engine& engine, const std::vector<int32_t>& tokens, Pooling how) {
    auto collector = std::make_shared<test::Collector>();
    Request request;
    request.prompt = tokens;
    request.pooling = how;
    request.sink = collector;
    EXPECT_TRUE(engine.submit(std::move(request)).has_value());
    return collector->wait();
}

// Sum or last row, by position; then to length 1.
std::vector<uint32_t> expected(const std::vector<float>& states, size_t hidden, Pooling how) {
    std::vector<double> sum(hidden);
    const size_t rows = states.size() / hidden;
    for (size_t r = how == Pooling::last ? rows - 1 : 0; r < rows; ++r)
        for (size_t i = 0; i < hidden; ++i) sum[i] += static_cast<double>(states[r * hidden + i]);
    double squares = 0;
    for (const double value : sum) squares += value * value;
    std::vector<uint32_t> out;
    for (const double value : sum) out.push_back(test::bits(static_cast<float>(value / std::sqrt(squares))));
    return out;
}

TEST(Embedding, IsThePooledForwardPass) {
    const tools::TinySpec spec;
    const ModelFile file(spec);
    test::ModelFixture direct(spec, kernels::make_cpu_backend({1, ""}));
    const auto hidden = static_cast<size_t>(direct.config().hidden);
    for (const int32_t chunk : {7, 256}) {
        Options options;
        options.model_path = file.path;
        options.kv_type = kernels::DType::f32;
        options.kv_memory_bytes = 16u << 20;
        options.step_tokens = chunk;
        options.threads = 2;
        const auto engine = Engine::load(options);
        ASSERT_TRUE(engine) << engine.error().message;
        for (const size_t count : {1u, 31u, 32u, 200u}) {
            const auto tokens = prompt(count, 5);  // each begins like the one before: cached
            const auto states = direct.states(tokens);
            ASSERT_EQ(states.size(), count * hidden);
            for (const Pooling how : {Pooling::mean, Pooling::last, Pooling::mean}) {
                const test::Outcome outcome = embed(**engine, tokens, how);
                EXPECT_FALSE(outcome.error);
                EXPECT_EQ(outcome.embedding_bits, expected(states, hidden, how)) << count << " by " << chunk;
                EXPECT_EQ(outcome.usage.prompt_tokens, static_cast<int32_t>(count));
                EXPECT_EQ(outcome.usage.completion_tokens, 0);
            }
        }
        EXPECT_GT((*engine)->stats().prefix_hits, 0) << "the last state alone needs no others computed";
    }
}

TEST(Pool, PassesOverWhatComesAgain) {
    const std::vector<float> states{3, 0, 0, 4, 9, 9};
    Pool whole(Pooling::mean), pieces(Pooling::mean);
    whole.add(0, states, 2);
    pieces.add(0, std::span(states).first(4), 2);
    pieces.add(0, std::span(states).first(2), 2);  // preempted: from the beginning
    pieces.add(1, std::span(states).subspan(2), 2);
    EXPECT_EQ(pieces.positions(), 3);
    EXPECT_EQ(*whole.unit(), *pieces.unit());
    EXPECT_FLOAT_EQ((*whole.unit())[0], 12 / std::sqrt(12.0f * 12 + 13 * 13));
}

TEST(Pool, WhatIsNoVectorIsAnError) {
    for (const float value : {0.0f, std::nanf(""), INFINITY}) {
        Pool pool(Pooling::last);
        pool.add(0, std::vector<float>{value, 0}, 2);
        ASSERT_FALSE(pool.unit());
        EXPECT_EQ(pool.unit().error().kind, ErrorKind::internal);
    }
}

}  // namespace
}  // namespace sluice::engine
