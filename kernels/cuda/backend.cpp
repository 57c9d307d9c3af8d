// Operations as launches. Buffers between launches grow to the largest batch seen.
#include "kernels/cuda/backend.h"

#include <numeric>
#include <utility>

#include "kernels/check.h"
#include "kernels/cuda/kernels.h"
#include "kernels/cuda/sim/sim_memory.h"

namespace sluice::kernels::cuda {
namespace {

using cpu::ActFormat;

int narrow(int64_t n) {
    SLUICE_CHECK(n >= 0 && n <= INT32_MAX);
    return static_cast<int>(n);
}

int64_t bytes_of(ActFormat format, int64_t cols) {
    return static_cast<int64_t>(cpu::act_bytes(format, cols));
}

class CudaBackend final : public Backend {
  public:
    CudaBackend(const SimOptions& options, std::unique_ptr<Backend> host)
        : host_(std::move(host)),
          memory_({options.order, sim::Order::forward, false, 1}, options.memory_bytes) {}

    std::string_view name() const override { return "cuda/sim"; }
    int num_threads() const override { return host_->num_threads(); }
    OpCounters counters() const override { return counters_; }
    DeviceMemory* device() override { return &memory_; }
    const LogitOps& logit_ops() const override { return host_->logit_ops(); }
    void parallel(int64_t tasks, const std::function<void(int64_t)>& body) override {
        host_->parallel(tasks, body);
    }

    void embed(const Embed& op) override;
    void rms_norm(const RmsNorm& op) override;
    void linear(const Linear& op) override;
    void rope_kv(const RopeKv& op) override;
    void attention(const Attention& op) override;
    void route(const Route& op) override;
    void moe_ffn(const MoeFfn& op) override;
    void dense_ffn(const DenseFfn& op) override;

  private:
    template <class T>
    Ptr<T> at(T* address) {
        return memory_.at(address);
    }
    template <class T>
    Ptr<T> at(Buffer<T>& buffer, int64_t size) {
        buffer.grow(size);
        return buffer.data() ? memory_.at(buffer.data()) : nullptr;
    }
    Stream& stream() { return memory_.stream(); }

    void order_rows(int rows);
    Ptr<const std::byte> quantised(ActFormat format, const float* x, const float* up, int rows, int cols);
    void multiply(const LinearPart& part, const float* x, Ptr<const std::byte> quantised, int rows);
    BatchArgs batch(const BatchView& view);
    KvArgs cache(const KvLayer& layer);
    RouteArgs route_args(const Route& op);

    std::unique_ptr<Backend> host_;
    sim::SimMemory memory_;
    OpCounters counters_;

    Buffer<float> normed_{&memory_, "normed"};                           // [rows, in]
    Buffer<float> product_{&memory_, "product"};                         // [rows, out]
    Buffer<float> partial_{&memory_, "partial"};                         // of attention
    Buffer<float> gated_{&memory_, "gated"}, upped_{&memory_, "upped"};  // [slots, ffn]
    Buffer<float> outcome_{&memory_, "outcome"};                         // [slots, hidden]
    Buffer<std::byte> x_32_{&memory_, "x in 8 bits, blocks of 32"};      // activations
    Buffer<std::byte> x_256_{&memory_, "x in 8 bits, blocks of 256"};    // likewise
    Buffer<std::byte> middle_{&memory_, "silu(gate) * up in 8 bits"};    // [slots, ffn]
    Buffer<int32_t> row_{&memory_, "row"}, begin_{&memory_, "begin"};    // of the one expert
    int rows_ = 0;                                                       // that `begin` says
    int64_t ordered_ = 0;                                                // rows that `row` has
};

void CudaBackend::embed(const Embed& op) {
    if (memory_.failed()) return;
    cuda::embed(stream(), op.table.type,
                {at(op.table.data), at(op.tokens.data()), at(op.y), narrow(std::ssize(op.tokens)),
                 narrow(op.table.cols)});
}

void CudaBackend::rms_norm(const RmsNorm& op) {
    if (memory_.failed() || op.rows == 0) return;
    cuda::rms_norm(stream(), {at(op.x), at(op.weight), at(op.y), narrow(op.rows), narrow(op.cols), op.eps});
}

// All rows, in their order, belong to the one expert that a linear layer is.
void CudaBackend::order_rows(int rows) {
    row_.grow(rows);
    begin_.grow(2);
    if (ordered_ < rows) {
        std::iota(row_.host(rows), row_.host(rows) + rows, 0);
        row_.send(rows);
        ordered_ = memory_.failed() ? 0 : rows;
    }
    if (rows_ == rows) return;
    begin_.host(2)[0] = 0;
    begin_.host(2)[1] = rows;
    begin_.send(2);
    rows_ = memory_.failed() ? 0 : rows;
}

// x, or silu(x) * up, as integers. Null for weights that want floats.
Ptr<const std::byte> CudaBackend::quantised(ActFormat format, const float* x, const float* up, int rows,
                                            int cols) {
    if (format == ActFormat::f32) return nullptr;
    Buffer<std::byte>& room = up != nullptr ? middle_ : format == ActFormat::blocks_32 ? x_32_ : x_256_;
    const Ptr<std::byte> y = at(room, rows * bytes_of(format, cols));
    if (memory_.failed()) return nullptr;
    quantise(stream(), format, {at(x), at(up), y, rows, cols});
    return y;
}

void CudaBackend::multiply(const LinearPart& part, const float* x, Ptr<const std::byte> quantised, int rows) {
    LinearArgs a;
    a.type = part.weight.type;
    a.accumulate = part.accumulate;
    a.rows = rows, a.in = narrow(part.weight.cols), a.out = narrow(part.weight.rows);
    if (part.bias || part.accumulate) a.product = at(product_, int64_t{rows} * a.out);
    if (memory_.failed()) return;
    a.weight = at(part.weight.data);
    a.bias = at(part.bias);
    a.x = at(x);
    a.quantised = quantised;
    a.begin = at(begin_.data());
    a.row = at(row_.data());
    a.y = at(part.y);
    cuda::linear(stream(), a);
}

void CudaBackend::linear(const Linear& op) {
    if (memory_.failed() || op.tokens == 0 || op.parts.empty()) return;
    const int rows = narrow(op.tokens), in = narrow(op.parts[0].weight.cols);
    order_rows(rows);
    const float* x = op.x;
    if (op.norm) {
        normed_.grow(int64_t{rows} * in);
        rms_norm({op.x, op.norm, normed_.data(), rows, in, op.eps});
        x = normed_.data();
    }
    Ptr<const std::byte> inputs[3];
    for (const LinearPart& part : op.parts) {
        const ActFormat format = cpu::act_format(part.weight.type);
        Ptr<const std::byte>& input = inputs[static_cast<size_t>(format)];
        if (memory_.failed()) return;
        if (!input) input = quantised(format, x, nullptr, rows, in);
        multiply(part, x, input, rows);
    }
}

BatchArgs CudaBackend::batch(const BatchView& view) {
    return {narrow(view.num_tokens()), at(view.positions.data()), at(view.table_begin.data()),
            at(view.block_ids.data())};
}
KvArgs CudaBackend::cache(const KvLayer& layer) {
    return {layer.type, layer.kv_heads, layer.head_dim, at(layer.keys), at(layer.values)};
}

void CudaBackend::rope_kv(const RopeKv& op) {
    if (memory_.failed() || op.batch.num_tokens() == 0) return;
    cuda::rope_kv(stream(),
                  {at(op.q), at(op.k), at(op.v), at(op.q_norm), at(op.k_norm), op.eps, at(op.cos), at(op.sin),
                   narrow(op.heads), narrow(op.rope_dim), op.interleaved, batch(op.batch), cache(op.cache)});
}

void CudaBackend::attention(const Attention& op) {
    if (memory_.failed() || op.batch.num_tokens() == 0) return;
    SLUICE_CHECK(op.batch.end > 0);
    const int splits = (op.batch.end - 1) / kSplitTokens + 1;
    const auto partial = at(partial_, op.batch.num_tokens() * op.heads * splits * (op.cache.head_dim + 2));
    if (memory_.failed()) return;
    cuda::attention(stream(), {at(op.q), at(op.y), narrow(op.heads), op.scale, batch(op.batch),
                               cache(op.cache), splits, partial});
}

RouteArgs CudaBackend::route_args(const Route& op) {
    return {at(op.logits),   narrow(op.tokens), narrow(op.experts), narrow(op.top_k),    op.renormalise,
            op.weight_scale, at(op.expert),     at(op.weight),      at(op.expert_begin), at(op.row)};
}

void CudaBackend::route(const Route& op) {
    if (memory_.failed()) return;
    cuda::route(stream(), route_args(op));
}

void CudaBackend::moe_ffn(const MoeFfn& op) {
    ++counters_.moe_ffn;
    if (memory_.failed() || op.route.tokens == 0) return;
    const ActFormat format = cpu::act_format(op.gate.type);
    const int64_t tokens = op.route.tokens, slots = tokens * op.route.top_k;
    const int64_t hidden = op.gate.cols, ffn = op.gate.rows;
    auto& x_room = format == ActFormat::blocks_32 ? x_32_ : x_256_;
    MoeFfnArgs a;
    a.type = op.gate.type;
    a.hidden = narrow(hidden), a.ffn = narrow(ffn);
    a.x_quantised = at(x_room, tokens * bytes_of(format, hidden));
    a.middle_quantised = at(middle_, slots * bytes_of(format, ffn));
    a.gated = at(gated_, slots * ffn);
    a.upped = at(upped_, slots * ffn);
    a.outcome = at(outcome_, slots * hidden);
    if (memory_.failed()) return;
    a.x = at(op.x);
    a.y = at(op.y);
    a.route = route_args(op.route);
    a.gate = at(op.gate.data), a.up = at(op.up.data), a.down = at(op.down.data);
    cuda::moe_ffn(stream(), a);
}

void CudaBackend::dense_ffn(const DenseFfn& op) {
    ++counters_.dense_ffn;
    if (memory_.failed() || op.tokens == 0) return;
    const int rows = narrow(op.tokens), ffn = narrow(op.gate.rows);
    gated_.grow(int64_t{rows} * ffn);
    upped_.grow(int64_t{rows} * ffn);
    const LinearPart parts[2] = {{op.gate, nullptr, gated_.data()}, {op.up, nullptr, upped_.data()}};
    linear({op.x, rows, parts});
    if (memory_.failed()) return;
    const ActFormat format = cpu::act_format(op.down.type);
    const auto middle = quantised(format, gated_.data(), upped_.data(), rows, ffn);
    multiply({op.down, nullptr, op.y, true}, nullptr, middle, rows);
}

}  // namespace

std::unique_ptr<Backend> make_sim_backend(const SimOptions& options) {
    auto host = make_cpu_backend(options.host);
    if (!host) return nullptr;
    return std::make_unique<CudaBackend>(options, std::move(host));
}

}  // namespace sluice::kernels::cuda
