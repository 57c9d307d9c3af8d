// The decoder that all supported architectures share: RMS norm, attention with rotary positions over a paged
// cache, and a dense or expert feed-forward. What differs is in Architecture and in which weights exist. On a
// device (kernels/device_memory.h) the batch goes there and logits come back; when it has failed, so has the
// step, and the results mean nothing. Thread: engine.
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
    // On a device the weights lie there (upload.h), and the store. `store` has config.layers layers of
    // config.kv_heads x config.head_dim.
    Transformer(Weights weights, const Config& config, std::unique_ptr<kernels::Backend> backend,
                std::unique_ptr<kvcache::KvStore> store);

    int32_t vocab() const override { return config_.vocab; }
    std::span<float> forward(const Batch& batch) override;
    int32_t hidden() const override { return config_.hidden; }
    std::span<const float> states() const override { return shown_; }
    const ExpertUse* expert_use() const override { return config_.arch.moe ? &use_ : nullptr; }
    void copy_block(int32_t from, int32_t to) override { store_->copy_block(from, to); }
    kernels::Backend& backend() override { return *backend_; }

  private:
    void prepare(const Batch& batch);
    void find_rotation(int64_t token, std::span<const int32_t> positions);
    kernels::BatchView on_device(const kernels::BatchView& where);
    void attention(const LayerWeights& layer, int32_t index, const kernels::BatchView& where);
    void feed_forward(const LayerWeights& layer, int32_t index);
    int32_t* expert_begin(int32_t layer) {
        return expert_begin_.data() + int64_t{layer} * (config_.experts + 1);
    }
    void count_experts();
    void normalise(std::span<const int32_t> rows, kernels::Buffer<float>& out);
    std::span<float> logits(std::span<const int32_t> rows);

    Weights weights_;
    Config config_;
    std::unique_ptr<kernels::Backend> backend_;
    std::unique_ptr<kvcache::KvStore> store_;
    std::vector<double> frequencies_;  // [rope_dim/2] radians a position
    ExpertUse use_;

    // Buffers of one step, kept for the next, where the backend's operations want them. T tokens, R logit
    // rows.
    template <class T>
    using Buffer = kernels::Buffer<T>;
    kernels::DeviceMemory* const device_;  // null: operations work in the host's memory
    int64_t tokens_ = 0;
    Buffer<int32_t> ids_{device_, "ids"}, positions_{device_, "positions"};  // of the batch, on the device
    Buffer<int32_t> table_begin_{device_, "table_begin"}, block_ids_{device_, "block_ids"};
    Buffer<float> x_{device_, "x"}, h_{device_, "h"};  // [T, hidden] residual; its norm before a feed-forward
    Buffer<float> q_{device_, "q"}, attn_{device_, "attn"};       // [T, heads * head_dim]
    Buffer<float> k_{device_, "k"}, v_{device_, "v"};             // [T, kv_heads * head_dim]
    Buffer<float> cos_{device_, "cos"}, sin_{device_, "sin"};     // [T, rope_dim/2]
    Buffer<float> router_logits_{device_, "router logits"};       // [T, experts]
    Buffer<float> expert_weight_{device_, "weights of experts"};  // [T, experts_used]
    Buffer<int32_t> expert_{device_, "experts"}, row_{device_, "rows of experts"};  // likewise
    Buffer<int32_t> expert_begin_{device_, "begins of experts"};                    // [layers, experts + 1]
    Buffer<float> last_{device_, "last"}, logits_{device_, "logits"};               // [R, hidden], [R, vocab]
    Buffer<float> states_{device_, "states"};                                       // [S, hidden]
    std::span<const float> shown_;                                                  // of states_
};

}  // namespace sluice::model
