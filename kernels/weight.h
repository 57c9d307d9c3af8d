// Non-owning views of weights. Whoever fills one keeps the bytes alive (engine/model holds the file mapping).
#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels/dtype.h"

namespace sluice::kernels {

// One matrix in GGUF row order: rows (outputs) x cols (inputs), each row row_bytes(type, cols) long.
// Only backends look at `data`, so a backend may define other layouts of the same size.
struct Weight {
    DType type = DType::f32;
    int64_t rows = 0;
    int64_t cols = 0;
    const std::byte* data = nullptr;

    const std::byte* row(int64_t r) const { return data + static_cast<size_t>(r) * row_bytes(type, cols); }
};

// A stack of equally shaped matrices, one an expert, back to back.
struct ExpertWeight {
    DType type = DType::f32;
    int64_t experts = 0;
    int64_t rows = 0;
    int64_t cols = 0;
    const std::byte* data = nullptr;

    Weight expert(int64_t e) const {
        return {type, rows, cols, data + static_cast<size_t>(e * rows) * row_bytes(type, cols)};
    }
};

}  // namespace sluice::kernels
