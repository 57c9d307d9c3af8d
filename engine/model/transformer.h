// The decoder that all supported architectures share: RMS norm, attention with rotary positions over a paged
// cache, and a dense or expert feed-forward. What differs is in Architecture and in which weights exist.
// Thread: engine.
#pragma once
#include <memory>
#include <vector>

#include "engine/model/config.h"
#include "engine/model/model.h"
#include "engine/model/weights.h"
#include "kernels/backend.h"
#include "kvcache/kv_store.h"

namespace sluice::model {

class Transformer : public Model {
  public:
    // `store` has config.layers layers of config.kv_heads x config.head_dim.
    Transformer(Weights weights, const Config& config, std::unique_ptr<kernels::Backend> backend,
                std::unique_ptr<kvcache::KvStore> store);

    int32_t vocab() const override { return config_.vocab; }
    std::span<float> forward(const Batch& batch) override;
    int32_t hidden() const override { return config_.hidden; }
    std::span<const float> states() const override { return {states_.data(), shown_}; }
    const ExpertUse* expert_use() const override { return config_.arch.moe ? &use_ : nullptr; }
    void copy_block(int32_t from, int32_t to) override { store_->copy_block(from, to); }
    kernels::Backend& backend() override { return *backend_; }

  private:
    void prepare(const Batch& batch);
    void find_rotation(int64_t token, std::span<const int32_t> positions);
    void attention(const LayerWeights& layer, int32_t index, const kernels::BatchView& where);
    void feed_forward(const LayerWeights& layer, int32_t index);
    void count_experts(int32_t layer);
    void normalise(std::span<const int32_t> rows, std::vector<float>& out);
    std::span<float> logits(std::span<const int32_t> rows);

    Weights weights_;
    Config config_;
    std::unique_ptr<kernels::Backend> backend_;
    std::unique_ptr<kvcache::KvStore> store_;
    std::vector<double> frequencies_;  // [rope_dim/2] radians a position
    ExpertUse use_;

    // Buffers of one step, kept for the next. T tokens, R logit rows.
    int64_t tokens_ = 0;
    std::vector<float> x_, h_;             // [T, hidden] residual stream; its norm before a feed-forward
    std::vector<float> q_, k_, v_, attn_;  // [T, heads * head_dim], [T, kv_heads * head_dim] x2, as q
    std::vector<float> cos_, sin_;         // [T, rope_dim/2]
    std::vector<float> router_logits_;     // [T, experts]
    std::vector<float> expert_weight_;     // [T, experts_used]
    std::vector<int32_t> expert_, row_;    // [T, experts_used]
    std::vector<int32_t> expert_begin_;    // [experts + 1]
    std::vector<float> last_, logits_;     // [R, hidden], [R, vocab]
    std::vector<float> states_;            // [S, hidden]
    size_t shown_ = 0;                     // of states_
};

}  // namespace sluice::model
