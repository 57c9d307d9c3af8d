// The operations on the device: arguments and launches, each in a .cu file of its own. Pointers are to device
// memory. Shapes, formulas and bits are those of kernels/ops.h and the CPU backend.
#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels/cpu/activation.h"
#include "kernels/cuda/device.h"
#include "kernels/cuda/limits.h"
#include "kernels/cuda/stream.h"
#include "kernels/dtype.h"
#include "kernels/kv_view.h"

namespace sluice::kernels::cuda {

// kernels/ops.h RmsNorm. y may be x.
struct RmsNormArgs {
    Ptr<const float> x;       // [rows, cols]
    Ptr<const float> weight;  // [cols]
    Ptr<float> y;             // [rows, cols]
    int rows, cols;
    float eps;
};
void rms_norm(Stream& stream, const RmsNormArgs& args);

// kernels/ops.h Embed. table: [vocab, cols] in GGUF order, f32, f16, bf16, q8_0 or q4_k.
struct EmbedArgs {
    Ptr<const std::byte> table;
    Ptr<const int> tokens;  // [rows]
    Ptr<float> y;           // [rows, cols]
    int rows, cols;
};
void embed(Stream& stream, DType type, const EmbedArgs& args);

// kernels/kv_view.h KvLayer and BatchView. f16, bf16 or f32; head_dim at most kMostHeadDim.
struct KvArgs {
    DType type;
    int kv_heads, head_dim;
    Ptr<std::byte> keys, values;
};
struct BatchArgs {
    int tokens;
    Ptr<const int> positions, table_begin;  // [tokens]
    Ptr<const int> block_ids;
};

// kernels/ops.h RopeKv.
struct RopeKvArgs {
    Ptr<float> q;             // [tokens, heads, head_dim], changed in place
    Ptr<float> k;             // [tokens, kv_heads, head_dim], changed in place
    Ptr<const float> v;       // [tokens, kv_heads, head_dim]
    Ptr<const float> q_norm;  // [head_dim] or null
    Ptr<const float> k_norm;  // [head_dim] or null
    float eps;
    Ptr<const float> cos, sin;  // [tokens, rope_dim / 2]
    int heads, rope_dim;
    bool interleaved;
    BatchArgs batch;
    KvArgs cache;
};
void rope_kv(Stream& stream, const RopeKvArgs& args);

// kernels/ops.h Attention, for few tokens of many positions: a block for each token, KV head and split of 256
// positions, then the splits of a head merged in ascending order.
inline constexpr int kSplitTokens = 256;
struct AttentionArgs {
    Ptr<const float> q;  // [tokens, heads, head_dim]
    Ptr<float> y;        // [tokens, heads, head_dim]
    int heads;
    float scale;
    BatchArgs batch;
    KvArgs cache;
    int splits;          // enough for the greatest position
    Ptr<float> partial;  // [tokens, heads, splits, head_dim + 2], between the launches
};
void attention(Stream& stream, const AttentionArgs& args);

// kernels/ops.h Route.
struct RouteArgs {
    Ptr<const float> logits;  // [tokens, experts]
    int tokens, experts, top_k;
    bool renormalise;
    float weight_scale;
    Ptr<int> expert;        // out [tokens, top_k], ascending
    Ptr<float> weight;      // out [tokens, top_k]
    Ptr<int> expert_begin;  // out [experts + 1]
    Ptr<int> row;           // out [tokens * top_k]
};
void route(Stream& stream, const RouteArgs& args);

// Activations as integers (kernels/cpu/activation.h), of x or, with `up`, of silu(x) * up.
struct QuantiseArgs {
    Ptr<const float> x;   // [rows, cols]
    Ptr<const float> up;  // the same, or null
    Ptr<std::byte> y;     // [rows] of act_bytes(format, cols)
    int rows, cols;
};
void quantise(Stream& stream, cpu::ActFormat format, const QuantiseArgs& args);

// Rows of experts times activations. y[s] = W_e x[s / slots_per_x] for every slot s of expert e.
struct ExpertArgs {
    Ptr<const std::byte> weights;  // [experts, rows, cols] in GGUF order; 16-aligned
    int experts, rows, cols;
    Ptr<const std::byte> x;  // quantised for the type of the weights
    int slots_per_x;  // top_k where the slots of a token share its activation, 1 where each has its own
    Ptr<const int> expert_begin;  // [experts + 1]
    Ptr<const int> row;           // [slots] grouped by expert
    Ptr<float> y;                 // out [slots, rows]
};
// For few slots an expert, and for many: the same bits. q8_0 or q4_k.
void expert_gemv(Stream& stream, DType type, const ExpertArgs& args);
void expert_gemm(Stream& stream, DType type, const ExpertArgs& args);

// kernels/ops.h LinearPart: y = x W^T (+ bias) (+ y). f32, f16, bf16, q8_0 or q4_k.
struct LinearArgs {
    DType type;
    Ptr<const std::byte> weight;     // [out, in] in GGUF order; 16-aligned
    Ptr<const float> bias;           // [out] or null
    Ptr<const float> x;              // [rows, in]; float weights read it,
    Ptr<const std::byte> quantised;  // quantised ones the same as integers,
    Ptr<const int> begin;            // {0, rows}: the one expert has all of them,
    Ptr<const int> row;              // 0, 1, .. rows - 1: in their order
    Ptr<float> product;              // [rows, out], between the launches; only where something is added
    Ptr<float> y;                    // out [rows, out]
    bool accumulate;
    int rows, in, out;
};
void linear(Stream& stream, const LinearArgs& args);

// y[t] += the sum of weight[t, j] * x[t * top_k + j], ascending j
struct CombineArgs {
    Ptr<const float> x;       // [tokens * top_k, cols]
    Ptr<const float> weight;  // [tokens, top_k]
    Ptr<float> y;             // [tokens, cols]
    int tokens, top_k, cols;
};
void combine(Stream& stream, const CombineArgs& args);

// kernels/ops.h MoeFfn: all of the above.
struct MoeFfnArgs {
    Ptr<const float> x;  // [tokens, hidden]
    Ptr<float> y;        // [tokens, hidden], added to
    RouteArgs route;
    DType type;                           // of all three
    Ptr<const std::byte> gate, up, down;  // [experts, ffn, hidden], the same, [experts, hidden, ffn]
    int hidden, ffn;
    // What lies between the launches:
    Ptr<std::byte> x_quantised, middle_quantised;  // [tokens], [slots]
    Ptr<float> gated, upped, outcome;              // [slots, ffn], the same, [slots, hidden]
};
void moe_ffn(Stream& stream, const MoeFfnArgs& args);

}  // namespace sluice::kernels::cuda
