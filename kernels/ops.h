// One argument struct per operation: shapes, formula, and who may alias whom. All pointers are borrowed for
// the call. Row-major; a trailing comment gives the shape. T = tokens (rows) of the batch, any number >= 0.
//
// Numerics that every backend keeps (they make results independent of batch, chunking and threads):
//  - an output element has one definition; sums over k never split over threads or tiles;
//  - quantised weights x int8 activations: exact integers inside a block, then f32 fma by ascending block;
//  - float weights: 16 partial sums (k mod 16), f32 fma by ascending k, added by one fixed tree;
//  - experts add up in ascending expert id; attention splits the tokens at multiples of 256:
//    weights relative to the maximum of the split, values by ascending token, splits merged in ascending
//    order.
#pragma once
#include <cstdint>
#include <span>

#include "kernels/kv_view.h"
#include "kernels/weight.h"

namespace sluice::kernels {

// y[t] = table[tokens[t]] as f32
struct Embed {
    Weight table;                     // [vocab, hidden]
    std::span<const int32_t> tokens;  // [T], each in 0..vocab-1
    float* y;                         // [T, hidden]
};

// y[r] = x[r] / sqrt(mean(x[r]^2) + eps) * weight. y may be x.
struct RmsNorm {
    const float* x;       // [rows, cols]
    const float* weight;  // [cols]
    float* y;             // [rows, cols]
    int64_t rows, cols;
    float eps;
};

// y = x W^T (+ bias) (+ y). Several matrices that share one input are given together.
struct LinearPart {
    Weight weight;                // [out, in]
    const float* bias = nullptr;  // [out] or null
    float* y = nullptr;           // [T, out]
    bool accumulate = false;      // add to what y holds
};
struct Linear {
    const float* x;  // [T, in]
    int64_t tokens;
    std::span<const LinearPart> parts;
    const float* norm = nullptr;  // [in]: the input is RmsNorm of x with these weights; null: x itself
    float eps = 0;
};

// What heads need between their projections and attention: RmsNorm of each head of q and k, rotation of the
// first rope_dim elements (RoPE, arXiv 2104.09864), and keys and values at their slots of the cache, rounded
// to its type (nearest even). Pairs are (i, i + rope_dim/2), or (2i, 2i+1) when interleaved (llama GGUF
// files).
struct RopeKv {
    float* q;             // [T, heads, head_dim], changed in place
    float* k;             // [T, kv_heads, head_dim], changed in place
    const float* v;       // [T, kv_heads, head_dim]
    const float* q_norm;  // [head_dim]; null: no norm
    const float* k_norm;  // [head_dim]; null: no norm
    float eps;
    const float* cos;  // [T, rope_dim/2]
    const float* sin;  // [T, rope_dim/2]
    int64_t heads, rope_dim;
    bool interleaved;
    BatchView batch;
    KvLayer cache;
};

// y[t,h] = softmax(scale * q[t,h] . K) V over positions 0..positions[t]; head h reads KV head h / (heads /
// kv_heads).
struct Attention {
    const float* q;  // [T, heads, head_dim]
    float* y;        // [T, heads, head_dim]
    int64_t heads;
    float scale;
    BatchView batch;
    KvLayer cache;
};

// Fused router: softmax over experts, top k (ties: lower id), renormalise, then the permutation that groups
// (token, choice) pairs by expert. Only indices move; activations stay where they are.
struct Route {
    const float* logits;  // [T, experts]
    int64_t tokens, experts, top_k;
    bool renormalise;       // weights of a token sum to 1
    float weight_scale;     // multiplies every weight
    int32_t* expert;        // out [T, top_k], ascending expert id
    float* weight;          // out [T, top_k]
    int32_t* expert_begin;  // out [experts + 1], exclusive prefix sum of rows per expert
    int32_t* row;           // out [T * top_k], t * top_k + j, grouped by expert, ascending inside a group
};

// y[t] += sum over chosen experts e, ascending: weight[t,e] * Down_e(silu(Gate_e x[t]) * Up_e x[t])
struct MoeFfn {
    const float* x;               // [T, hidden]
    float* y;                     // [T, hidden], added to; not x
    Route route;                  // done first
    ExpertWeight gate, up, down;  // [experts, ffn, hidden], the same, [experts, hidden, ffn]
};

// y[t] += Down(silu(Gate x[t]) * Up x[t])
struct DenseFfn {
    const float* x;  // [T, hidden]
    float* y;        // [T, hidden], added to; not x
    int64_t tokens;
    Weight gate, up, down;  // [ffn, hidden], the same, [hidden, ffn]
};

}  // namespace sluice::kernels
