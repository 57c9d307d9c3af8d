#include "tools/tiny_model.h"

#include <tbb/parallel_for.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "kernels/dtype.h"
#include "tools/gguf_writer.h"
#include "tools/quantise.h"
#include "tools/tiny_vocab.h"

namespace sluice::tools {
namespace {

using kernels::DType;

// splitmix64 (Steele, Lea, Flood 2014): one step is one well mixed number.
uint64_t mix(uint64_t& state) {
    uint64_t z = state += 0x9E3779B97F4A7C15ull;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
}

// Nearly normal with standard deviation 1: four uniform 16-bit parts of one number.
float normal(uint64_t& state) {
    const uint64_t r = mix(state);
    const int sum = static_cast<int>((r & 0xffff) + (r >> 16 & 0xffff) + (r >> 32 & 0xffff) + (r >> 48));
    return static_cast<float>(sum - 2 * 65535) * (1.0f / 37837.2f);
}

float inverse_root(int64_t n) {
    return 1.0f / std::sqrt(static_cast<float>(n));
}

bool known_type(const std::string& name, DType& type) {
    for (int i = 0; i < kernels::kNumDTypes; ++i) {
        type = static_cast<DType>(i);
        if (kernels::dtype_info(type).name == name) return true;
    }
    return false;
}

DType to_dtype(const std::string& name) {
    DType type = DType::f32;
    known_type(name, type);
    return type;
}

constexpr uint64_t kAlignment = 32;
uint64_t aligned(uint64_t n) {
    return (n + kAlignment - 1) / kAlignment * kAlignment;
}

Error wrong(const std::string& what) {
    return {ErrorKind::invalid_request, "make_tiny_gguf: " + what};
}

}  // namespace

// Files quantised as Q4_K_M keep half of the value and down matrices, and the output, in Q6_K.
std::string TinyModel::type_of(const std::string& name, int32_t layer) const {
    if (spec_.type != "Q4_K_M") return spec_.type;
    const bool better = layer % 2 == 0;
    if (name == "output" || ((name == "attn_v" || name == "ffn_down") && better)) return "Q6_K";
    return "Q4_K";
}

void TinyModel::add(std::string name, std::vector<int64_t> shape, float scale, std::string type) {
    tensors_.push_back({std::move(name), std::move(type), std::move(shape), scale});
}

void TinyModel::plan() {
    const TinySpec& s = spec_;
    const int64_t dim = s.head_dim, q = s.heads * dim, kv = s.kv_heads * dim;
    const bool moe = s.arch == "qwen3moe", qk_norm = moe || s.arch == "qwen3";
    const float in = inverse_root(s.hidden), sharp = 3.0f;  // scores of attention then differ by about 3
    // What a layer adds beside a stream of size 1. A tied embedding is small, or every token would be
    // followed by itself.
    const float part = s.tied ? 1.0f : 0.3f;
    add("token_embd.weight", {vocab_, s.hidden}, s.tied ? 3.0f * in : 1.0f, type_of("token_embd", 0));
    for (int32_t i = 0; i < s.layers; ++i) {
        const std::string p = "blk." + std::to_string(i) + ".";
        const auto matrix = [&](const std::string& name, std::vector<int64_t> shape, float scale) {
            add(p + name + ".weight", std::move(shape), scale,
                type_of(name.substr(0, name.find("_exps")), i));
        };
        add(p + "attn_norm.weight", {s.hidden}, 1.0f, "F32");
        matrix("attn_q", {q, s.hidden}, qk_norm ? in : in * sharp);
        matrix("attn_k", {kv, s.hidden}, in);
        matrix("attn_v", {kv, s.hidden}, in);
        matrix("attn_output", {s.hidden, q}, part * inverse_root(q));
        if (s.arch == "qwen2") {
            for (const char* name : {"attn_q.bias", "attn_k.bias", "attn_v.bias"})
                add(p + name, {name[5] == 'q' ? q : kv}, 0.0f, "F32");
        }
        if (qk_norm) {
            add(p + "attn_q_norm.weight", {dim}, sharp, "F32");
            add(p + "attn_k_norm.weight", {dim}, 1.0f, "F32");
        }
        add(p + "ffn_norm.weight", {s.hidden}, 1.0f, "F32");
        const float down = part / 0.6f * inverse_root(s.ffn);  // silu(g) * u has size 0.6
        if (!moe) {
            matrix("ffn_gate", {s.ffn, s.hidden}, in);
            matrix("ffn_up", {s.ffn, s.hidden}, in);
            matrix("ffn_down", {s.hidden, s.ffn}, down);
            continue;
        }
        // The router prefers few of the chosen experts, so their sum is of the size of about three.
        const int32_t effective = std::min(s.experts_used, 3);
        add(p + "ffn_gate_inp.weight", {s.experts, s.hidden}, 2.5f * in, "F32");
        matrix("ffn_gate_exps", {s.experts, s.ffn, s.hidden}, in);
        matrix("ffn_up_exps", {s.experts, s.ffn, s.hidden}, in);
        matrix("ffn_down_exps", {s.experts, s.hidden, s.ffn},
               down * std::sqrt(static_cast<float>(effective)));
    }
    add("output_norm.weight", {s.hidden}, 1.0f, "F32");
    if (!s.tied) add("output.weight", {vocab_, s.hidden}, 1.0f, type_of("output", 0));
}

Result<TinyModel> TinyModel::make(const TinySpec& spec) {
    TinyModel model;
    model.spec_ = spec;
    TinySpec& s = model.spec_;
    constexpr std::array kArchs{"qwen3moe", "qwen3", "qwen2", "llama"};
    if (std::find(kArchs.begin(), kArchs.end(), s.arch) == kArchs.end())
        return wrong("unknown --arch " + s.arch);
    DType type;
    if (s.type != "Q4_K_M" && !known_type(s.type, type)) return wrong("unknown --type " + s.type);
    for (const int32_t n :
         {s.layers, s.hidden, s.heads, s.kv_heads, s.ffn, s.experts, s.experts_used, s.context})
        if (n < 1) return wrong("sizes must be positive");
    if (s.head_dim == 0) s.head_dim = s.hidden / s.heads;
    if (s.experts_used > s.experts) return wrong("--experts-used is more than --experts");
    if (s.heads % s.kv_heads != 0) return wrong("--kv-heads does not divide --heads");
    model.pieces_ = static_cast<int64_t>(tiny_vocab().tokens.size());
    model.vocab_ = std::max<int64_t>(model.pieces_, s.vocab);
    model.plan();
    for (const Matrix& m : model.tensors_) {
        const auto block = kernels::dtype_info(to_dtype(m.type)).block_elems;
        if (m.shape.back() % block != 0)
            return wrong(m.name + " has rows of " + std::to_string(m.shape.back()) + "; " + m.type +
                         " wants a multiple of " + std::to_string(block));
    }
    model.place();
    return model;
}

// Header, metadata and tensor table; offsets of the data.
void TinyModel::place() {
    const TinySpec& s = spec_;
    const TinyVocab vocab = tiny_vocab(s.vocab);
    GgufHead head;
    head.text("general.architecture", s.arch);
    head.text("general.name", s.name);
    const std::string p = s.arch + ".";
    head.number(p + "block_count", s.layers);
    head.number(p + "context_length", s.context);
    head.number(p + "embedding_length", s.hidden);
    head.number(p + "attention.head_count", s.heads);
    head.number(p + "attention.head_count_kv", s.kv_heads);
    head.number(p + "attention.key_length", s.head_dim);
    head.number(p + "attention.value_length", s.head_dim);
    head.real(p + "attention.layer_norm_rms_epsilon", 1e-6f);
    head.real(p + "rope.freq_base", 1e6f);
    head.number(p + "feed_forward_length", s.ffn);
    if (s.arch == "qwen3moe") {
        head.number(p + "expert_count", s.experts);
        head.number(p + "expert_used_count", s.experts_used);
        head.number(p + "expert_feed_forward_length", s.ffn);
    }
    head.text("tokenizer.ggml.model", "gpt2");
    head.text("tokenizer.ggml.pre", s.pre);
    head.texts("tokenizer.ggml.tokens", vocab.tokens);
    head.numbers("tokenizer.ggml.token_type", vocab.types);
    head.texts("tokenizer.ggml.merges", vocab.merges);
    head.number("tokenizer.ggml.eos_token_id", vocab.im_end);
    head.number("tokenizer.ggml.padding_token_id", vocab.end_of_text);
    head.text("tokenizer.chat_template", tiny_chat_template());
    uint64_t offset = 0;
    for (Matrix& m : tensors_) {
        m.offset = offset;
        const DType type = to_dtype(m.type);
        head.tensor(m.name, m.shape, type, offset);
        uint64_t rows = 1;
        for (size_t i = 0; i + 1 < m.shape.size(); ++i) rows *= static_cast<uint64_t>(m.shape[i]);
        offset = aligned(offset + rows * kernels::row_bytes(type, m.shape.back()));
    }
    head_ = head.finish(kAlignment);
    size_ = head_.size() + offset;
}

void TinyModel::row(const Matrix& m, uint64_t tensor, int64_t row, float* out) const {
    uint64_t state = spec_.seed * 0x100000001B3ull + tensor * 0x10001ull;
    state = mix(state) + static_cast<uint64_t>(row);
    mix(state);
    const bool vector = m.shape.size() == 1;
    for (int64_t i = 0; i < m.shape.back(); ++i) {
        const float r = normal(state);
        out[i] = vector ? m.scale + 0.1f * r : m.scale * r;  // vectors: norms near their scale, biases near 0
    }
    if (m.name == "output.weight") output_row(row, out);
}

// Points the output of `token` at the embeddings of two tokens before it: about 5 and 3 standard deviations
// of the other logits. Only what can be printed, or ends the text, follows anything.
void TinyModel::output_row(int64_t token, float* out) const {
    const bool readable = (token >= ' ' && token <= '~') || token == '\n' ||
                          (token >= 256 && token < pieces_ - 3) || token == pieces_ - 1;
    const float noise = readable ? 3.0f * inverse_root(spec_.hidden) : 0.3f * inverse_root(spec_.hidden);
    for (int64_t i = 0; i < spec_.hidden; ++i) out[i] *= noise;
    std::vector<float> before(static_cast<size_t>(spec_.hidden));
    for (int64_t previous = 0; previous < pieces_; ++previous) {
        for (int choice = 0; choice < 2; ++choice) {
            uint64_t state =
                spec_.seed * 977 + static_cast<uint64_t>(previous) * 2 + static_cast<uint64_t>(choice);
            int64_t next =
                static_cast<int64_t>(mix(state) % static_cast<uint64_t>('~' - ' ' + 1 + pieces_ - 3 - 256)) +
                ' ';
            if (next > '~') next += 256 - '~' - 1;
            if (next != token) continue;
            row(tensors_[0], 0, previous, before.data());
            const float pull = (choice == 0 ? 16.0f : 9.5f) / static_cast<float>(spec_.hidden);
            for (int64_t i = 0; i < spec_.hidden; ++i) out[i] += pull * before[static_cast<size_t>(i)];
        }
    }
}

void TinyModel::write(std::byte* out) const {
    std::memcpy(out, head_.data(), head_.size());
    std::memset(out + head_.size(), 0, static_cast<size_t>(size_) - head_.size());
    for (size_t t = 0; t < tensors_.size(); ++t) {
        const Matrix& m = tensors_[t];
        const DType type = to_dtype(m.type);
        const int64_t cols = m.shape.back();
        int64_t rows = 1;
        for (size_t i = 0; i + 1 < m.shape.size(); ++i) rows *= m.shape[i];
        std::byte* data = out + head_.size() + m.offset;
        tbb::parallel_for(int64_t{0}, rows, [&](int64_t r) {
            std::vector<float> values(static_cast<size_t>(cols));
            row(m, t, r, values.data());
            quantise_row(type, values.data(), cols,
                         data + static_cast<size_t>(r) * kernels::row_bytes(type, cols));
        });
    }
}

std::vector<std::byte> TinyModel::bytes() const {
    std::vector<std::byte> out(static_cast<size_t>(size_));
    write(out.data());
    return out;
}

}  // namespace sluice::tools
