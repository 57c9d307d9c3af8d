// What differs between instruction sets: one table of functions each, all with the same results bit for bit.
// Everything else of the CPU backend is built once, for the oldest machine. Any thread.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "kernels/dtype.h"
#include "kernels/kv_view.h"
#include "kernels/logits.h"
#include "kernels/weight.h"

// Loops over registers are unrolled whole: an array that is indexed in a loop lives in memory.
#if defined(__clang__)
#define SLUICE_UNROLL _Pragma("unroll")
#else
#define SLUICE_UNROLL _Pragma("GCC unroll 8")
#endif

namespace sluice::kernels::cpu {

inline constexpr int kTileRows = 8;  // outputs that one tile call makes
inline constexpr int kTileCols = 8;  // tokens, at most

// out[c][r] = sum over k of weight row r times activation c, for r < rows <= kTileRows.
struct Tile {
    const std::byte* weight;          // row 0
    size_t row_bytes;                 // from one row to the next
    int rows;                         // rows behind it may be computed as copies of the last one
    const std::byte* const* columns;  // activations in the format of the weight type (activation.h)
    int cols;                         // <= kTileCols
    int64_t k;
    float (*out)[kTileRows];  // [cols]
};

struct StripPlace {
    const std::byte *heads, *bodies;  // both null: unknown
};

// out[c * out_stride + r] = row r of `count` strips from strip `first` on (kernels/strips.h), r < 16 * count,
// times activation c.
struct StripProduct {
    Weight weight;  // in strips
    int64_t first, count;
    const std::byte* const* columns;  // as in Tile
    int64_t cols;
    float* out;
    int64_t out_stride;
    StripPlace next;  // what is read after these: fetched meanwhile
};
using StripKernels = std::array<void (*)(const StripProduct&), kNumDTypes>;  // null: a type without strips

inline constexpr int64_t kMostHeadDim = 512;  // that int32 sums of attend_int8.inl.h have room for
inline constexpr int32_t kSplitTokens = 256;
inline constexpr int32_t kSplitBlocks = kSplitTokens / kBlockTokens;

// One split of attention for query rows that share a KV head. A row takes part in the tokens up to its own
// last position; without one in the split its sum is 0.
struct Attend {
    KvLayer cache;
    int32_t kv_head;
    const int32_t* blocks;  // block table of the sequence
    int32_t first, end;     // blocks of this split
    int rows;
    const float* const* q;  // [rows] of head_dim
    const int32_t* last;    // [rows] position of the row's token
    float scale;
    float*
        results;  // out [rows]: greatest score, sum of weights, then padded(head_dim) sums of weighted values
    int64_t stride;      // floats from one row's result to the next
    std::byte* scratch;  // attend_scratch(head_dim, rows)
};

constexpr int64_t padded(int64_t n) {
    return (n + 15) / 16 * 16;
}
// Bytes for a block's keys or values as f32, the weights of the rows, and in int8 caches for rounded rows and
// weights and the sums of integers.
constexpr int64_t attend_scratch(int64_t head_dim, int64_t rows) {
    return kBlockTokens * padded(head_dim) * 4 + rows * (kSplitTokens * 6 + padded(head_dim) * 6 + 4);
}

struct Isa {
    std::string_view name;
    std::array<void (*)(const Tile&), kNumDTypes> tile;  // by DType
    StripKernels strips;
    void (*quantise_32)(const float* x, int64_t k, std::byte* out);
    void (*quantise_256)(const float* x, int64_t k, std::byte* out);
    void (*rms_norm)(const float* x, const float* weight, float* y, int64_t n, float eps);
    void (*softmax)(const float* x, float* p, int64_t n);
    void (*silu_mul)(const float* gate, const float* up, float* y, int64_t n);
    void (*add_scaled)(float* y, const float* x, float factor, int64_t n);  // y += factor * x, rounded twice
    void (*scale)(const float* x, float* y, float factor, int64_t n);       // y = x * factor
    // The pairs (x[i], x[i + half]), i < half: (a, b) becomes (a * cos[i] - b * sin[i], a * sin[i] + b *
    // cos[i]).
    void (*rotate)(float* x, const float* cos, const float* sin, int64_t half);
    void (*to_f16)(const float* x, uint16_t* y, int64_t n);   // rounded to nearest even
    void (*to_bf16)(const float* x, uint16_t* y, int64_t n);  // rounded to nearest even
    void (*attend)(const Attend&);
    // Joins the partial result (max2, sum2, acc2) of the next split to the one before it.
    void (*merge)(float& maximum, float& sum, float* acc, float max2, float sum2, const float* acc2,
                  int64_t n);
    LogitOps logits;
};

StripKernels strips_scalar();
StripKernels strips_avx2();
StripKernels strips_avx512();
const Isa& isa_scalar();
const Isa& isa_avx2();
const Isa& isa_avx512();

// The table by name; null if unknown or not for this machine.
const Isa* find_isa(std::string_view name);

}  // namespace sluice::kernels::cpu
