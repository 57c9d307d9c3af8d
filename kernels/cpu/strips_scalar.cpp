// Strips without vectors: each row is put together as GGUF has it and goes through the plain tile. Slow, and
// the definition of what the others compute.
#include <vector>

#include "kernels/cpu/isa.h"
#include "kernels/strips.h"

namespace sluice::kernels::cpu {
namespace {

void multiply(const StripProduct& p) {
    const Weight& w = p.weight;
    const DTypeInfo info = dtype_info(w.type);
    const auto tile = isa_scalar().tile[static_cast<size_t>(w.type)];
    std::vector<std::byte> row(row_bytes(w.type, w.cols));
    float out[kTileCols][kTileRows];
    for (int64_t r = 0; r < p.count * kStripRows; ++r) {
        for (int64_t b = 0; b < w.cols / info.block_elems; ++b)
            read_strip_block(w, p.first * kStripRows + r, b,
                             row.data() + static_cast<size_t>(b) * info.block_bytes);
        for (int64_t c = 0; c < p.cols; c += kTileCols) {
            const int cols = static_cast<int>(p.cols - c < kTileCols ? p.cols - c : kTileCols);
            tile({row.data(), row.size(), 1, p.columns + c, cols, w.cols, out});
            for (int i = 0; i < cols; ++i) p.out[(c + i) * p.out_stride + r] = out[i][0];
        }
    }
}

}  // namespace

StripKernels strips_scalar() {
    return {nullptr, nullptr, nullptr, multiply, multiply, multiply, multiply, multiply};
}

}  // namespace sluice::kernels::cpu
