#include "engine/model/transformer.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace sluice::model {
namespace {

// Values of the batch where operations read them.
std::span<const int32_t> sent(kernels::DeviceMemory* device, std::span<const int32_t> values,
                              kernels::Buffer<int32_t>& room) {
    if (!device) return values;
    const auto size = std::ssize(values);
    room.grow(size);
    std::ranges::copy(values, room.host(size));
    room.send(size);
    return {room.data(), values.size()};
}

}  // namespace

Transformer::Transformer(Weights weights, const Config& config, std::unique_ptr<kernels::Backend> backend,
                         std::unique_ptr<kvcache::KvStore> store)
    : weights_(std::move(weights)),
      config_(config),
      backend_(std::move(backend)),
      store_(std::move(store)),
      device_(backend_->device()) {
    for (int32_t i = 0; i < config_.rope_dim / 2; ++i) {
        const double f = std::pow(config_.rope_base, -2.0 * i / config_.rope_dim) / config_.rope_scale;
        frequencies_.push_back(weights_.rope_freqs ? f / static_cast<double>(weights_.rope_freqs[i]) : f);
    }
    if (!config_.arch.moe) return;
    use_.layers = config_.layers;
    use_.experts = config_.experts;
    use_.distinct.assign(static_cast<size_t>(config_.layers), 0);
    use_.chosen.assign(use_.distinct.size() * static_cast<size_t>(config_.experts), 0);
}

std::span<float> Transformer::forward(const Batch& batch) {
    prepare(batch);
    const std::span<const int32_t> ids = sent(device_, batch.tokens, ids_);
    const kernels::BatchView where = on_device(batch.where);
    if (device_ && device_->failed()) return {};
    backend_->embed({weights_.embedding, ids, x_.data()});
    for (int32_t i = 0; i < config_.layers; ++i) {
        const LayerWeights& layer = weights_.layers[static_cast<size_t>(i)];
        attention(layer, i, where);
        feed_forward(layer, i);
    }
    if (config_.arch.moe && tokens_ > 0) count_experts();
    ++use_.steps;
    use_.tokens += tokens_;
    normalise(batch.state_rows, states_);
    const int64_t shown = std::ssize(batch.state_rows) * config_.hidden;
    states_.receive(shown);
    shown_ = {states_.host(shown), static_cast<size_t>(shown)};
    return logits(batch.logit_rows);
}

// Room for the batch, and the rotations of its positions: double, so that long contexts keep their angles.
void Transformer::prepare(const Batch& batch) {
    tokens_ = static_cast<int64_t>(batch.tokens.size());
    const auto rows = static_cast<int64_t>(batch.logit_rows.size());
    const int64_t q_size = tokens_ * config_.heads * config_.head_dim;
    const int64_t kv_size = tokens_ * config_.kv_heads * config_.head_dim;
    const int64_t half = config_.rope_dim / 2;
    for (auto* v : {&x_, &h_}) v->grow(tokens_ * config_.hidden);
    for (auto* v : {&q_, &attn_}) v->grow(q_size);
    for (auto* v : {&k_, &v_}) v->grow(kv_size);
    for (auto* v : {&cos_, &sin_}) {
        v->grow(tokens_ * half);
        v->host(tokens_ * half);
    }
    router_logits_.grow(tokens_ * config_.experts);
    expert_weight_.grow(tokens_ * config_.experts_used);
    for (auto* v : {&expert_, &row_}) v->grow(tokens_ * config_.experts_used);
    expert_begin_.grow(int64_t{config_.layers} * (config_.experts + 1));
    logits_.grow(rows * config_.vocab);
    backend_->parallel(tokens_, [&](int64_t t) { find_rotation(t, batch.where.positions); });
    for (auto* v : {&cos_, &sin_}) v->send(tokens_ * half);
}

kernels::BatchView Transformer::on_device(const kernels::BatchView& where) {
    kernels::BatchView out{sent(device_, where.positions, positions_),
                           sent(device_, where.table_begin, table_begin_),
                           sent(device_, where.block_ids, block_ids_)};
    if (!where.positions.empty()) out.end = 1 + *std::ranges::max_element(where.positions);
    return out;
}

void Transformer::find_rotation(int64_t token, std::span<const int32_t> positions) {
    const int32_t half = config_.rope_dim / 2;
    float *cos = cos_.host(0) + token * half, *sin = sin_.host(0) + token * half;
    for (int32_t i = 0; i < half; ++i) {
        const double angle = positions[static_cast<size_t>(token)] * frequencies_[static_cast<size_t>(i)];
        cos[i] = static_cast<float>(std::cos(angle));
        sin[i] = static_cast<float>(std::sin(angle));
    }
}

// x += O(attention(rope(norm(Q h)), rope(norm(K h)), V h))
void Transformer::attention(const LayerWeights& l, int32_t index, const kernels::BatchView& where) {
    const Config& c = config_;
    const std::array<kernels::LinearPart, 3> qkv{
        {{l.q, l.q_bias, q_.data()}, {l.k, l.k_bias, k_.data()}, {l.v, l.v_bias, v_.data()}}};
    backend_->linear({x_.data(), tokens_, qkv, l.attn_norm, c.norm_eps});
    const kernels::KvLayer cache = store_->layer(index);
    const float* q_norm = c.arch.qk_norm ? l.q_norm : nullptr;
    const float* k_norm = c.arch.qk_norm ? l.k_norm : nullptr;
    backend_->rope_kv({q_.data(), k_.data(), v_.data(), q_norm, k_norm, c.norm_eps, cos_.data(), sin_.data(),
                       c.heads, c.rope_dim, c.arch.interleaved_rope, where, cache});
    const float scale = 1.0f / std::sqrt(static_cast<float>(c.head_dim));
    backend_->attention({q_.data(), attn_.data(), c.heads, scale, where, cache});
    const std::array<kernels::LinearPart, 1> out{{{l.o, nullptr, x_.data(), true}}};
    backend_->linear({attn_.data(), tokens_, out});
}

void Transformer::feed_forward(const LayerWeights& l, int32_t index) {
    backend_->rms_norm({x_.data(), l.ffn_norm, h_.data(), tokens_, config_.hidden, config_.norm_eps});
    if (!config_.arch.moe) {
        backend_->dense_ffn({h_.data(), x_.data(), tokens_, l.gate, l.up, l.down});
        return;
    }
    const std::array<kernels::LinearPart, 1> router{{{l.router, nullptr, router_logits_.data()}}};
    backend_->linear({h_.data(), tokens_, router});
    const kernels::Route route{router_logits_.data(),
                               tokens_,
                               config_.experts,
                               config_.experts_used,
                               true,
                               config_.expert_weight_scale,
                               expert_.data(),
                               expert_weight_.data(),
                               expert_begin(index),
                               row_.data()};
    backend_->moe_ffn({h_.data(), x_.data(), route, l.gate_exps, l.up_exps, l.down_exps});
}

// From where each expert's rows begin, which the grouping has found anyway.
void Transformer::count_experts() {
    const auto experts = static_cast<size_t>(config_.experts);
    const int64_t begins = int64_t{config_.layers} * (config_.experts + 1);
    expert_begin_.receive(begins);
    const int32_t* begin = expert_begin_.host(begins);
    for (size_t layer = 0; layer < use_.distinct.size(); ++layer, begin += experts + 1) {
        int64_t* chosen = use_.chosen.data() + layer * experts;
        int64_t distinct = 0;
        for (size_t e = 0; e < experts; ++e) {
            const int32_t tokens = begin[e + 1] - begin[e];
            chosen[e] += tokens;
            distinct += tokens > 0;
        }
        use_.distinct[layer] += distinct;
    }
}

// The output norm of these rows of x.
void Transformer::normalise(std::span<const int32_t> rows, Buffer<float>& out) {
    const int64_t count = std::ssize(rows), hidden = config_.hidden;
    out.grow(count * hidden);
    if (device_ && device_->failed()) return;
    for (int64_t r = 0; r < count; ++r) {
        const float* from = x_.data() + rows[static_cast<size_t>(r)] * hidden;
        float* to = out.data() + r * hidden;
        if (device_) {
            device_->copy(reinterpret_cast<std::byte*>(to), reinterpret_cast<const std::byte*>(from),
                          static_cast<size_t>(hidden) * sizeof(float));
        } else {
            std::copy_n(from, hidden, to);
        }
    }
    backend_->rms_norm({out.data(), weights_.output_norm, out.data(), count, hidden, config_.norm_eps});
}

// Only the rows that are sampled.
std::span<float> Transformer::logits(std::span<const int32_t> rows) {
    const int64_t count = std::ssize(rows), size = count * config_.vocab;
    normalise(rows, last_);
    const std::array<kernels::LinearPart, 1> out{{{weights_.output, nullptr, logits_.data()}}};
    backend_->linear({last_.data(), count, out});
    logits_.receive(size);
    return {logits_.host(size), static_cast<size_t>(size)};
}

}  // namespace sluice::model
