// Strips: quantised weights reordered, in the same number of bytes, so that 16 neighbouring rows lie in the
// lanes of a vector register. Sums over k then need no sums across lanes, and a vector of weights serves any
// number of activations. Any thread.
//
// A matrix has two planes. The heads come first: for each strip and block the f16 scales of its 16 rows (Q4_K
// and Q5_K: then the f16 scales of the minimums). The bodies follow, for each strip and block:
//  - Q4_K, Q5_K: six-bit scales and minimums in three lines of 64 bytes, each [4][16 rows]:
//      low nibbles of the scales (group g in low, g + 4 in high bits), the same of the minimums,
//      high two bits (2 * (g % 4)) of scales 0-3, scales 4-7, minimums 0-3, minimums 4-7;
//  - Q6_K: int8 scales [16][16 rows];
//  - then the block's arrays of the GGUF format (quant.h) as they are, dword j of all 16 rows in line j:
//      Q4_K, Q4_0, Q8_0: qs; Q5_K: qh, qs; Q6_K: qh, ql.
#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels/dtype.h"
#include "kernels/weight.h"

namespace sluice::kernels {

inline constexpr int64_t kStripRows = 16;

// Bytes of one strip's block in the two planes; both 0 for types that have no strips (floats).
struct StripBlock {
    size_t head, body;
};
constexpr StripBlock strip_block(DType type) {
    const DTypeInfo info = dtype_info(type);
    const size_t head = type == DType::q4_k || type == DType::q5_k ? 64 : 32;
    if (info.block_elems == 1) return {0, 0};
    return {head, kStripRows * info.block_bytes - head};
}

// Whether a matrix can be in strips: a quantised type, and no rows left over.
constexpr bool fits_strips(DType type, int64_t rows) {
    return dtype_info(type).block_elems > 1 && rows % kStripRows == 0;
}

// Where the parts of a matrix in strips lie.
struct StripView {
    const std::byte* heads;         // of the first strip
    const std::byte* bodies;        // of the first strip
    size_t head_bytes, body_bytes;  // from one strip to the next
};
StripView strip_view(const Weight& w);

// Writes strip `strip` of `out`, a matrix of rows x cols, from its 16 rows in GGUF order. Does not overlap.
void write_strip(DType type, int64_t rows, int64_t cols, int64_t strip, const std::byte* gguf_rows,
                 std::byte* out);

// One block of row r of a matrix in strips, as GGUF has it: block_bytes of the type.
void read_strip_block(const Weight& w, int64_t r, int64_t block, std::byte* out);

// Row r of a matrix in any layout as cols f32.
void dequantize(const Weight& w, int64_t r, float* out);

}  // namespace sluice::kernels
