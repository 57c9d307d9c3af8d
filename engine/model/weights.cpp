#include "engine/model/weights.h"

#include <cstdint>
#include <string>
#include <utility>

namespace sluice::model {
namespace {

using kernels::DType;

std::string shape_text(const std::vector<int64_t>& shape) {
    std::string out;
    for (const int64_t n : shape) out += (out.empty() ? "[" : ", ") + std::to_string(n);
    return out + "]";
}

// Looks tensors up and checks them; keeps the first error.
class Binder {
  public:
    explicit Binder(const gguf::File& file) : file_(file) {}

    // null on error, or when absent and optional.
    const gguf::Tensor* find(const std::string& name, const std::vector<int64_t>& shape,
                             bool optional = false) {
        const gguf::Tensor* t = file_.find(name);
        if (!t) {
            if (!optional) fail(name, "is missing");
            return nullptr;
        }
        if (t->shape != shape) {
            fail(name, "has shape " + shape_text(t->shape) + ", expected " + shape_text(shape));
            return nullptr;
        }
        return t;
    }
    kernels::Weight matrix(const std::string& name, int64_t rows, int64_t cols, bool optional = false) {
        const gguf::Tensor* t = find(name, {rows, cols}, optional);
        return t ? kernels::Weight{t->type, rows, cols, t->data.data()} : kernels::Weight{};
    }
    kernels::ExpertWeight experts(const std::string& name, int64_t experts, int64_t rows, int64_t cols) {
        const gguf::Tensor* t = find(name, {experts, rows, cols});
        return t ? kernels::ExpertWeight{t->type, experts, rows, cols, t->data.data()}
                 : kernels::ExpertWeight{};
    }
    const float* vector(const std::string& name, int64_t size, bool optional = false) {
        const gguf::Tensor* t = find(name, {size}, optional);
        if (!t) return nullptr;
        if (t->type != DType::f32 || reinterpret_cast<uintptr_t>(t->data.data()) % alignof(float) != 0) {
            fail(name,
                 "must be F32, aligned to 4 bytes; it is " + std::string(kernels::dtype_info(t->type).name));
            return nullptr;
        }
        return reinterpret_cast<const float*>(t->data.data());
    }
    void refuse(const std::string& name, const std::string& why) {
        if (!file_.find(name)) return;
        fail(name, why);
        error_.kind = ErrorKind::unsupported;
    }
    bool failed() const { return failed_; }
    const Error& error() const { return error_; }

  private:
    void fail(const std::string& name, const std::string& what) {
        if (!failed_) error_ = {ErrorKind::bad_file, file_.path() + ": tensor " + name + " " + what, name};
        failed_ = true;
    }

    const gguf::File& file_;
    bool failed_ = false;
    Error error_;
};

void bind_ffn(Binder& b, const Config& c, const std::string& p, LayerWeights& l) {
    l.ffn_norm = b.vector(p + "ffn_norm.weight", c.hidden);
    if (!c.arch.moe) {
        l.gate = b.matrix(p + "ffn_gate.weight", c.ffn, c.hidden);
        l.up = b.matrix(p + "ffn_up.weight", c.ffn, c.hidden);
        l.down = b.matrix(p + "ffn_down.weight", c.hidden, c.ffn);
        return;
    }
    b.refuse(p + "ffn_gate_up_exps.weight",
             "merges gate and up, which is not supported: convert with separate tensors");
    l.router = b.matrix(p + "ffn_gate_inp.weight", c.experts, c.hidden);
    l.gate_exps = b.experts(p + "ffn_gate_exps.weight", c.experts, c.ffn, c.hidden);
    l.up_exps = b.experts(p + "ffn_up_exps.weight", c.experts, c.ffn, c.hidden);
    l.down_exps = b.experts(p + "ffn_down_exps.weight", c.experts, c.hidden, c.ffn);
}

LayerWeights bind_layer(Binder& b, const Config& c, int32_t index) {
    const std::string p = "blk." + std::to_string(index) + ".";
    const int64_t q_size = int64_t{c.heads} * c.head_dim, kv_size = int64_t{c.kv_heads} * c.head_dim;
    LayerWeights l;
    b.refuse(p + "attn_qkv.weight",
             "merges q, k and v, which is not supported: convert with separate tensors");
    l.attn_norm = b.vector(p + "attn_norm.weight", c.hidden);
    l.q = b.matrix(p + "attn_q.weight", q_size, c.hidden);
    l.k = b.matrix(p + "attn_k.weight", kv_size, c.hidden);
    l.v = b.matrix(p + "attn_v.weight", kv_size, c.hidden);
    l.o = b.matrix(p + "attn_output.weight", c.hidden, q_size);
    l.q_bias = b.vector(p + "attn_q.bias", q_size, true);
    l.k_bias = b.vector(p + "attn_k.bias", kv_size, true);
    l.v_bias = b.vector(p + "attn_v.bias", kv_size, true);
    b.refuse(p + "attn_output.bias", "is a bias that this architecture is served without");
    if (c.arch.qk_norm) {
        l.q_norm = b.vector(p + "attn_q_norm.weight", c.head_dim);
        l.k_norm = b.vector(p + "attn_k_norm.weight", c.head_dim);
    }
    bind_ffn(b, c, p, l);
    return l;
}

}  // namespace

Result<Weights> bind_weights(std::shared_ptr<const gguf::File> file, const Config& config) {
    Binder b(*file);
    Weights w;
    w.embedding = b.matrix("token_embd.weight", config.vocab, config.hidden);
    w.output_norm = b.vector("output_norm.weight", config.hidden);
    w.output = b.matrix("output.weight", config.vocab, config.hidden, true);
    if (!w.output.data) w.output = w.embedding;
    w.rope_freqs = b.vector("rope_freqs.weight", config.rope_dim / 2, true);
    for (int32_t i = 0; i < config.layers && !b.failed(); ++i) w.layers.push_back(bind_layer(b, config, i));
    if (b.failed()) return b.error();
    w.file = std::move(file);
    return w;
}

}  // namespace sluice::model
