// The oracle: each operation as its formula in ops.h reads, in double, with activations left as floats.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "kernels/backend.h"
#include "kernels/cpu/isa.h"
#include "kernels/cpu/rope_kv.h"
#include "kernels/half.h"
#include "kernels/route.h"
#include "kernels/strips.h"

namespace sluice::kernels {
namespace {

std::vector<float> weights_of(const Weight& w) {
    std::vector<float> out(static_cast<size_t>(w.rows * w.cols));
    for (int64_t r = 0; r < w.rows; ++r) dequantize(w, r, out.data() + r * w.cols);
    return out;
}

double dot(const float* a, const float* b, int64_t n) {
    double sum = 0;
    for (int64_t i = 0; i < n; ++i) sum += double{a[i]} * double{b[i]};
    return sum;
}

std::vector<float> multiply(const Weight& w, const float* x) {
    const std::vector<float> values = weights_of(w);
    std::vector<float> y(static_cast<size_t>(w.rows));
    for (int64_t r = 0; r < w.rows; ++r)
        y[static_cast<size_t>(r)] = static_cast<float>(dot(values.data() + r * w.cols, x, w.cols));
    return y;
}

// Down(silu(Gate x) * Up x)
std::vector<float> feed_forward(const Weight& gate, const Weight& up, const Weight& down, const float* x) {
    std::vector<float> g = multiply(gate, x);
    const std::vector<float> u = multiply(up, x);
    for (size_t i = 0; i < g.size(); ++i) {
        const double v = g[i];
        g[i] = static_cast<float>(v / (1.0 + std::exp(-v)) * u[i]);
    }
    return multiply(down, g.data());
}

// Element `index` of a tile, which belongs to the token in `slot`.
double cached(const KvLayer& cache, const std::byte* tile, int64_t index, int64_t slot) {
    if (cache.type == DType::f32 || cache.type == DType::q8_0) {
        const std::byte* at = tile + (cache.type == DType::f32 ? index * 4 : cache.tile_elems() + slot * 4);
        float value;
        std::memcpy(&value, at, sizeof value);
        return cache.type == DType::f32 ? value : double{value} * static_cast<int8_t>(tile[index]);
    }
    uint16_t half;
    std::memcpy(&half, tile + index * 2, sizeof half);
    return cache.type == DType::f16 ? f32_from_f16(half) : f32_from_bf16(half);
}

class ReferenceBackend final : public Backend {
  public:
    std::string_view name() const override { return "reference"; }
    int num_threads() const override { return 1; }
    OpCounters counters() const override { return counters_; }

    const LogitOps& logit_ops() const override { return cpu::isa_scalar().logits; }
    void parallel(int64_t tasks, const std::function<void(int64_t)>& body) override {
        for (int64_t i = 0; i < tasks; ++i) body(i);
    }

    void embed(const Embed& op) override {
        for (size_t t = 0; t < op.tokens.size(); ++t)
            dequantize(op.table, op.tokens[t], op.y + static_cast<int64_t>(t) * op.table.cols);
    }
    void rms_norm(const RmsNorm& op) override {
        for (int64_t r = 0; r < op.rows; ++r) {
            const float* x = op.x + r * op.cols;
            const double scale =
                1.0 / std::sqrt(dot(x, x, op.cols) / static_cast<double>(op.cols) + double{op.eps});
            for (int64_t i = 0; i < op.cols; ++i)
                op.y[r * op.cols + i] = static_cast<float>(x[i] * scale * op.weight[i]);
        }
    }
    void linear(const Linear& op) override {
        const int64_t in = op.parts.empty() ? 0 : op.parts[0].weight.cols;
        std::vector<float> x(op.x, op.x + op.tokens * in);
        if (op.norm) rms_norm({op.x, op.norm, x.data(), op.tokens, in, op.eps});
        for (const LinearPart& part : op.parts) {
            for (int64_t t = 0; t < op.tokens; ++t) {
                const std::vector<float> v = multiply(part.weight, x.data() + t * in);
                for (int64_t r = 0; r < part.weight.rows; ++r) {
                    float& y = part.y[t * part.weight.rows + r];
                    y = v[static_cast<size_t>(r)] + (part.bias ? part.bias[r] : 0.0f) +
                        (part.accumulate ? y : 0.0f);
                }
            }
        }
    }
    void rope_kv(const RopeKv& op) override {
        const int64_t tokens = op.batch.num_tokens(), dim = op.cache.head_dim;
        if (op.q_norm) rms_norm({op.q, op.q_norm, op.q, tokens * op.heads, dim, op.eps});
        if (op.k_norm) rms_norm({op.k, op.k_norm, op.k, tokens * op.cache.kv_heads, dim, op.eps});
        RopeKv rest = op;
        rest.q_norm = rest.k_norm = nullptr;
        for (int64_t t = 0; t < tokens; ++t) cpu::rope_kv_token(cpu::isa_scalar(), rest, t);
    }
    void attention(const Attention& op) override {
        for (int64_t t = 0; t < op.batch.num_tokens(); ++t)
            for (int64_t h = 0; h < op.heads; ++h) attend(op, t, h);
    }
    void route(const Route& op) override {
        for (int64_t t = 0; t < op.tokens; ++t) {
            const float* x = op.logits + t * op.experts;
            const double greatest = *std::max_element(x, x + op.experts);
            std::vector<double> e(static_cast<size_t>(op.experts));
            double sum = 0;
            for (int64_t i = 0; i < op.experts; ++i)
                sum += e[static_cast<size_t>(i)] = std::exp(x[i] - greatest);
            std::vector<float> p;
            for (const double v : e) p.push_back(static_cast<float>(v / sum));
            choose_experts(op, t, p.data());
        }
        group_by_expert(op);
    }
    void moe_ffn(const MoeFfn& op) override {
        ++counters_.moe_ffn;
        const Route& r = op.route;
        route(r);
        for (int64_t t = 0; t < r.tokens; ++t) {
            for (int64_t j = t * r.top_k; j < (t + 1) * r.top_k; ++j) {
                const int32_t e = r.expert[j];
                add(feed_forward(op.gate.expert(e), op.up.expert(e), op.down.expert(e),
                                 op.x + t * op.gate.cols),
                    r.weight[j], op.y + t * op.down.rows);
            }
        }
    }
    void dense_ffn(const DenseFfn& op) override {
        ++counters_.dense_ffn;
        for (int64_t t = 0; t < op.tokens; ++t)
            add(feed_forward(op.gate, op.up, op.down, op.x + t * op.gate.cols), 1.0f,
                op.y + t * op.down.rows);
    }

  private:
    static void add(const std::vector<float>& v, float weight, float* y) {
        for (size_t i = 0; i < v.size(); ++i) y[i] += weight * v[i];
    }

    static void attend(const Attention& op, int64_t t, int64_t head) {
        const KvLayer& cache = op.cache;
        const int64_t dim = cache.head_dim;
        const auto kv_head = static_cast<int32_t>(head / (op.heads / cache.kv_heads));
        const int32_t position = op.batch.positions[static_cast<size_t>(t)];
        const float* q = op.q + (t * op.heads + head) * dim;
        const auto tile = [&](int32_t p) {
            const auto entry =
                static_cast<size_t>(op.batch.table_begin[static_cast<size_t>(t)] + p / kBlockTokens);
            return cache.tile(op.batch.block_ids[entry], kv_head);
        };
        std::vector<double> weight;
        for (int32_t p = 0; p <= position; ++p) {
            double score = 0;
            for (int64_t d = 0; d < dim; ++d)
                score += double{q[d]} * cached(cache, cache.keys + tile(p), cache.key_at(p % kBlockTokens, d),
                                               p % kBlockTokens);
            weight.push_back(score * op.scale);
        }
        const double greatest = *std::max_element(weight.begin(), weight.end());
        double sum = 0;
        for (double& w : weight) sum += w = std::exp(w - greatest);
        for (int64_t d = 0; d < dim; ++d) {
            double y = 0;
            for (int32_t p = 0; p <= position; ++p)
                y += weight[static_cast<size_t>(p)] * cached(cache, cache.values + tile(p),
                                                             cache.value_at(p % kBlockTokens, d),
                                                             p % kBlockTokens);
            op.y[(t * op.heads + head) * dim + d] = static_cast<float>(y / sum);
        }
    }

    OpCounters counters_;
};

}  // namespace

std::unique_ptr<Backend> make_reference_backend() {
    return std::make_unique<ReferenceBackend>();
}

}  // namespace sluice::kernels
