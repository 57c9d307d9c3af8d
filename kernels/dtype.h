// Element types of weights and caches, with the block geometry of the GGUF format.
// Format: GGUF specification, ggml block layouts (kernels/quant.h spells out the bytes).
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sluice::kernels {

enum class DType : uint8_t { f32, f16, bf16, q4_0, q8_0, q4_k, q5_k, q6_k };
inline constexpr int kNumDTypes = 8;

struct DTypeInfo {
    std::string_view name;  // as GGUF tools print it
    uint32_t block_elems;   // weights in one block; row lengths are multiples of it
    uint32_t block_bytes;
};

constexpr DTypeInfo dtype_info(DType type) {
    switch (type) {
        case DType::f32:
            return {"F32", 1, 4};
        case DType::f16:
            return {"F16", 1, 2};
        case DType::bf16:
            return {"BF16", 1, 2};
        case DType::q4_0:
            return {"Q4_0", 32, 18};
        case DType::q8_0:
            return {"Q8_0", 32, 34};
        case DType::q4_k:
            return {"Q4_K", 256, 144};
        case DType::q5_k:
            return {"Q5_K", 256, 176};
        case DType::q6_k:
            return {"Q6_K", 256, 210};
    }
    return {};
}

// Bytes of `cols` consecutive weights; cols is a multiple of block_elems.
constexpr size_t row_bytes(DType type, int64_t cols) {
    const DTypeInfo info = dtype_info(type);
    return static_cast<size_t>(cols) / info.block_elems * info.block_bytes;
}

}  // namespace sluice::kernels
