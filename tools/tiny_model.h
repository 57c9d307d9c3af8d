// Synthetic models of any shape as GGUF bytes: random weights, but a vocabulary, merges and a chat template
// that work. The same spec gives the same bytes on every machine (integer randomness, no libm).
//
// Weights are scaled so that the model behaves like a trained one where tests look: each layer adds about a
// third of the stream's size, attention is peaked, and each token has two likely successors between which
// the layers decide. Flat logits would flip under rounding that no real model notices.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/result.h"

namespace sluice::tools {

struct TinySpec {
    std::string name = "tiny";
    std::string arch = "qwen3moe";  // or qwen3, qwen2, llama
    std::string type = "F32";   // of all matrices, as GGUF prints it; Q4_K_M: the usual mix of Q4_K and Q6_K
    std::string pre = "qwen2";  // pre-tokeniser: or llama-bpe
    int32_t layers = 2;
    int32_t hidden = 64;
    int32_t heads = 4;
    int32_t kv_heads = 2;
    int32_t head_dim = 0;  // 0: hidden / heads
    int32_t ffn = 96;      // of a dense layer, or of one expert
    int32_t experts = 8;   // qwen3moe only
    int32_t experts_used = 2;
    int32_t context = 4096;
    int32_t vocab = 0;  // at least so many tokens; those beyond the built-in pieces are never chosen
    bool tied = false;  // no output matrix
    uint64_t seed = 1;
};

class TinyModel {
  public:
    // invalid_request naming what does not fit together.
    static Result<TinyModel> make(const TinySpec& spec);

    uint64_t size() const { return size_; }
    void write(std::byte* out) const;  // size() bytes; uses all cores
    std::vector<std::byte> bytes() const;

  private:
    struct Matrix {
        std::string name;
        std::string type;
        std::vector<int64_t> shape;  // slowest first
        float scale;                 // standard deviation; vectors: their mean
        uint64_t offset = 0;
    };
    void add(std::string name, std::vector<int64_t> shape, float scale, std::string type);
    void plan();
    void place();
    std::string type_of(const std::string& name, int32_t layer) const;
    void row(const Matrix& m, uint64_t tensor, int64_t row, float* out) const;
    void output_row(int64_t token, float* out) const;

    TinySpec spec_;
    int64_t pieces_ = 0;  // tokens that mean something
    int64_t vocab_ = 0;   // tokens
    std::vector<Matrix> tensors_;
    std::string head_;  // everything before the tensor data
    uint64_t size_ = 0;
};

}  // namespace sluice::tools
