#include "engine/model/config.h"

#include <algorithm>
#include <string>

namespace sluice::model {
namespace {

constexpr int64_t kMaxLayers = 1024, kMaxHidden = 1 << 17, kMaxHeads = 1024, kMaxHeadDim = 256,
                  kMaxFfn = 1 << 20;
constexpr int64_t kMaxExperts = 4096, kMaxExpertsUsed = 64, kMaxVocab = 1 << 22, kMaxContext = 1 << 24;

// Reads the keys of one architecture ("qwen3moe.block_count") with bounds.
class Keys {
  public:
    Keys(const gguf::File& file, std::string_view arch) : file_(file), prefix_(std::string(arch) + ".") {}

    bool has(const std::string& key) const { return file_.metadata(prefix_ + key) != nullptr; }

    // The first error stays; later reads are then without meaning.
    int32_t integer(const std::string& key, int64_t low, int64_t high) {
        const auto v = file_.integer(prefix_ + key);
        if (!v) return fail(v.error());
        if (*v < low || *v > high) {
            return fail(bad(key, "is " + std::to_string(*v) + "; it must be " + std::to_string(low) + " to " +
                                     std::to_string(high)));
        }
        return static_cast<int32_t>(*v);
    }
    int32_t integer_or(const std::string& key, int64_t fallback, int64_t low, int64_t high) {
        return has(key) ? integer(key, low, high) : static_cast<int32_t>(fallback);
    }
    double positive_or(const std::string& key, double fallback) {
        if (!has(key)) return fallback;
        const auto v = file_.number(prefix_ + key);
        if (!v) return fail(v.error());
        if (!(*v > 0)) return fail(bad(key, "must be greater than 0"));
        return *v;
    }
    Error bad(const std::string& key, const std::string& what) const {
        return {ErrorKind::bad_file, file_.path() + ": key " + prefix_ + key + " " + what, prefix_ + key};
    }
    Error unsupported(const std::string& key, const std::string& what) const {
        return {ErrorKind::unsupported, file_.path() + ": key " + prefix_ + key + " " + what, prefix_ + key};
    }
    int32_t fail(Error e) {
        if (!failed_) error_ = std::move(e);
        failed_ = true;
        return 1;
    }
    bool failed() const { return failed_; }
    const Error& error() const { return error_; }
    std::string text(const std::string& key) const {
        const auto v = file_.string(prefix_ + key);
        return v ? *v : std::string();
    }

  private:
    const gguf::File& file_;
    std::string prefix_;
    bool failed_ = false;
    Error error_;
};

void read_rope(Keys& keys, Config& c) {
    c.rope_base = keys.positive_or("rope.freq_base", 10000.0);
    c.rope_dim = keys.integer_or("rope.dimension_count", c.head_dim, 2, kMaxHeadDim);
    if (c.rope_dim > c.head_dim || c.rope_dim % 2 != 0) {
        keys.fail(keys.bad("rope.dimension_count",
                           "must be even and at most the head size " + std::to_string(c.head_dim)));
    }
    const std::string scaling = keys.text("rope.scaling.type");
    const double factor = keys.positive_or("rope.scaling.factor", 1.0);
    if (scaling.empty() || scaling == "none" || factor == 1.0) return;
    if (scaling != "linear") {
        keys.fail(
            keys.unsupported("rope.scaling.type", "is '" + scaling + "'; supported are none and linear"));
    }
    c.rope_scale = factor;
}

void read_ffn(Keys& keys, Config& c) {
    if (!c.arch.moe) {
        if (keys.integer_or("expert_count", 0, 0, kMaxExperts) > 0) {
            keys.fail(keys.unsupported("expert_count",
                                       "gives experts to an architecture that is served without them"));
        }
        c.ffn = keys.integer("feed_forward_length", 1, kMaxFfn);
        return;
    }
    c.experts = keys.integer("expert_count", 1, kMaxExperts);
    c.experts_used = keys.integer("expert_used_count", 1, std::min<int64_t>(kMaxExpertsUsed, c.experts));
    c.ffn = keys.integer("expert_feed_forward_length", 1, kMaxFfn);
    c.expert_weight_scale = static_cast<float>(keys.positive_or("expert_weights_scale", 1.0));
}

}  // namespace

Result<Config> read_config(const gguf::File& file) {
    const auto name = file.string("general.architecture");
    if (!name) return name.error();
    const auto arch = find_architecture(*name);
    if (!arch) {
        Error e = arch.error();
        e.message = file.path() + ": " + e.message;
        return e;
    }
    Config c;
    c.arch = *arch;
    Keys keys(file, *name);
    c.layers = keys.integer("block_count", 1, kMaxLayers);
    c.hidden = keys.integer("embedding_length", 1, kMaxHidden);
    c.heads = keys.integer("attention.head_count", 1, kMaxHeads);
    c.kv_heads = keys.integer_or("attention.head_count_kv", c.heads, 1, kMaxHeads);
    c.context = keys.integer("context_length", 1, kMaxContext);
    if (c.heads % c.kv_heads != 0)
        keys.fail(keys.bad("attention.head_count_kv", "does not divide the number of heads"));
    c.head_dim = keys.integer_or("attention.key_length", c.hidden / c.heads, 2, kMaxHeadDim);
    if (c.head_dim < 2 || c.head_dim > kMaxHeadDim || c.head_dim % 2 != 0) {
        keys.fail(
            keys.bad("attention.key_length", "must be even and at most " + std::to_string(kMaxHeadDim)));
    }
    if (keys.integer_or("attention.value_length", c.head_dim, 1, kMaxHeadDim) != c.head_dim) {
        keys.fail(keys.unsupported("attention.value_length", "differs from the key length"));
    }
    c.norm_eps = static_cast<float>(keys.positive_or("attention.layer_norm_rms_epsilon", 1e-6));
    read_rope(keys, c);
    read_ffn(keys, c);
    if (keys.failed()) return keys.error();

    const gguf::Tensor* embedding = file.find("token_embd.weight");
    if (!embedding || embedding->shape.size() != 2 || embedding->shape[0] > kMaxVocab) {
        return Error{ErrorKind::bad_file, file.path() + ": tensor token_embd.weight is missing or no matrix",
                     "token_embd.weight"};
    }
    c.vocab = static_cast<int32_t>(embedding->shape[0]);
    const auto tokens = file.strings("tokenizer.ggml.tokens");
    if (!tokens) return tokens.error();
    if (static_cast<int64_t>(tokens->size()) != c.vocab) {
        return Error{ErrorKind::bad_file,
                     file.path() + ": token_embd.weight has " + std::to_string(c.vocab) +
                         " rows but tokenizer.ggml.tokens has " + std::to_string(tokens->size()) + " entries",
                     "tokenizer.ggml.tokens"};
    }
    return c;
}

}  // namespace sluice::model
