// The tensors of one model as kernel views, with shapes checked against the config. Holds the memory that
// they point into.
#pragma once
#include <memory>
#include <vector>

#include "engine/gguf/file.h"
#include "engine/model/config.h"
#include "kernels/weight.h"

namespace sluice::model {

struct LayerWeights {
    const float* attn_norm = nullptr;  // [hidden]
    kernels::Weight q, k, v,
        o;  // [heads*head_dim, hidden], [kv_heads*head_dim, hidden] x2, [hidden, heads*head_dim]
    const float* q_bias = nullptr;  // null: none
    const float* k_bias = nullptr;
    const float* v_bias = nullptr;
    const float* q_norm = nullptr;  // [head_dim], architectures with qk_norm
    const float* k_norm = nullptr;
    const float* ffn_norm = nullptr;  // [hidden]
    kernels::Weight gate, up, down;   // dense layers
    kernels::Weight router;           // expert layers: [experts, hidden]
    kernels::ExpertWeight gate_exps, up_exps, down_exps;
};

struct Weights {
    std::shared_ptr<const gguf::File> file;   // every pointer below borrows from it,
    std::shared_ptr<const std::byte> strips;  // or from here once repacked (repack.h)
    kernels::Weight embedding;                // [vocab, hidden]
    const float* output_norm = nullptr;       // [hidden]
    kernels::Weight output;                   // [vocab, hidden]; the embedding when the file has none (tied)
    const float* rope_freqs = nullptr;        // [rope_dim/2] divisors of the frequencies (Llama 3), or null
    std::vector<LayerWeights> layers;
};

// bad_file naming the tensor: missing, wrong shape, wrong type (norms and biases must be F32; row lengths
// must be multiples of the block).
Result<Weights> bind_weights(std::shared_ptr<const gguf::File> file, const Config& config);

}  // namespace sluice::model
