// Non-owning views of weights. Whoever fills one keeps the bytes alive (engine/model holds the file mapping).
#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels/dtype.h"

namespace sluice::kernels {

// rows: GGUF order, each row row_bytes(type, cols) long. strips: kernels/strips.h. Both have the same size.
enum class Layout : uint8_t { rows, strips };

// One matrix: rows (outputs) x cols (inputs).
struct Weight {
    DType type = DType::f32;
    int64_t rows = 0;
    int64_t cols = 0;
    const std::byte* data = nullptr;
    Layout layout = Layout::rows;

    // Only in GGUF order; strips.h reads rows of strips.
    const std::byte* row(int64_t r) const { return data + static_cast<size_t>(r) * row_bytes(type, cols); }
};

// A stack of equally shaped matrices, one an expert, back to back.
struct ExpertWeight {
    DType type = DType::f32;
    int64_t experts = 0;
    int64_t rows = 0;
    int64_t cols = 0;
    const std::byte* data = nullptr;
    Layout layout = Layout::rows;

    Weight expert(int64_t e) const {
        return {type, rows, cols, data + static_cast<size_t>(e * rows) * row_bytes(type, cols), layout};
    }
};

}  // namespace sluice::kernels
