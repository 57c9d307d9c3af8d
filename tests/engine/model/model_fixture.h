// A synthetic model on a backend of one's choice, fed with one sequence at a time.
#pragma once
#include <gtest/gtest.h>

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/model/repack.h"
#include "engine/model/transformer.h"
#include "engine/model/upload.h"
#include "tools/tiny_model.h"

namespace sluice::test {

class ModelFixture {
  public:
    ModelFixture(const tools::TinySpec& spec, std::unique_ptr<kernels::Backend> backend,
                 kernels::DType kv_type = kernels::DType::f32, bool repacked = false, int32_t blocks = 32) {
        const auto tiny = tools::TinyModel::make(spec);
        EXPECT_TRUE(tiny.has_value()) << tiny.error().message;
        bytes_ = tiny->bytes();
        const auto file = gguf::File::from_memory(bytes_, "tiny");
        EXPECT_TRUE(file.has_value()) << file.error().message;
        const auto config = model::read_config(**file);
        EXPECT_TRUE(config.has_value()) << config.error().message;
        config_ = *config;
        auto weights = model::bind_weights(*file, config_);
        EXPECT_TRUE(weights.has_value()) << weights.error().message;
        if (repacked) {
            const auto done = model::repack(*weights, {});
            EXPECT_TRUE(done.has_value()) << done.error().message;
        }
        if (backend->device()) {
            const auto done = model::upload(*weights, *backend->device(), {});
            EXPECT_TRUE(done.has_value()) << done.error().message;
        }
        auto store = kvcache::KvStore::make(kv_type, blocks, config_.layers, config_.kv_heads,
                                            config_.head_dim, backend->device());
        for (int32_t b = blocks; b > 0; --b) blocks_.push_back(b - 1);  // not in order of position
        model_ = std::make_unique<model::Transformer>(std::move(*weights), config_, std::move(backend),
                                                      std::move(store));
    }

    // Logits of every token [tokens, vocab], the tokens standing at positions first, first + 1, ...
    std::vector<float> forward(std::span<const int32_t> tokens, int32_t first = 0) {
        std::vector<int32_t> positions, begins, rows;
        for (size_t i = 0; i < tokens.size(); ++i) {
            positions.push_back(first + static_cast<int32_t>(i));
            begins.push_back(0);
            rows.push_back(static_cast<int32_t>(i));
        }
        const auto logits = model_->forward({tokens, {positions, begins, blocks_}, rows});
        return {logits.begin(), logits.end()};
    }
    std::vector<float> forward_in_chunks(std::span<const int32_t> tokens, size_t chunk) {
        std::vector<float> out;
        for (size_t i = 0; i < tokens.size(); i += chunk) {
            const auto part =
                forward(tokens.subspan(i, std::min(chunk, tokens.size() - i)), static_cast<int32_t>(i));
            out.insert(out.end(), part.begin(), part.end());
        }
        return out;
    }

    // The hidden states of every token [tokens, hidden], after the output norm.
    std::vector<float> states(std::span<const int32_t> tokens) {
        std::vector<int32_t> positions, begins(tokens.size(), 0), rows;
        for (size_t i = 0; i < tokens.size(); ++i) rows.push_back(static_cast<int32_t>(i));
        positions = rows;
        model_->forward({tokens, {positions, begins, blocks_}, {}, rows});
        const auto states = model_->states();
        return {states.begin(), states.end()};
    }

    const model::Config& config() const { return config_; }
    model::Transformer& model() { return *model_; }
    // For an engine, which must end before the fixture does.
    std::unique_ptr<model::Transformer> take_model() { return std::move(model_); }

  private:
    std::vector<std::byte> bytes_;  // outlives the file view and the weights
    model::Config config_;
    std::vector<int32_t> blocks_;
    std::unique_ptr<model::Transformer> model_;
};

}  // namespace sluice::test
