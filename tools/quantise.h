// From floats to the blocks of kernels/quant.h, by rounding to the nearest: for fixtures, tests and
// benchmarks. Real files are quantised by tools that search for better scales.
#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels/dtype.h"

namespace sluice::tools {

// Writes row_bytes(type, cols) bytes; cols is a multiple of the type's block.
void quantise_row(kernels::DType type, const float* x, int64_t cols, std::byte* out);

}  // namespace sluice::tools
