// The blocks of quantised GGUF tensors, byte for byte, and their exact values as floats.
// Formats: ggml's block layouts (github.com/ggml-org/ggml, k-quants by I. Kawrakow, llama.cpp PR 1684).
#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels/dtype.h"

namespace sluice::kernels {

// 32 weights: d * (q - 8); byte j holds weight j in its low and weight j + 16 in its high nibble.
struct BlockQ4_0 {
    uint16_t d;  // f16
    uint8_t qs[16];
};
// 32 weights: d * q.
struct BlockQ8_0 {
    uint16_t d;
    int8_t qs[32];
};
// 256 weights in 8 groups of 32: d * scale_g * q - dmin * min_g. Scales and mins are 6-bit numbers packed
// into 12 bytes (unpack_scales_k4). Bytes 32p .. 32p+31 of qs hold group 2p in low and group 2p+1 in high
// nibbles.
struct BlockQ4_K {
    uint16_t d, dmin;
    uint8_t scales[12];
    uint8_t qs[128];
};
// As Q4_K with a fifth bit: bit g of qh[i] belongs to weight i of group g.
struct BlockQ5_K {
    uint16_t d, dmin;
    uint8_t scales[12];
    uint8_t qh[32];
    uint8_t qs[128];
};
// 256 weights in 16 groups of 16: d * scale_g * (q - 32), q of 6 bits. In each half of 128: ql has the low
// nibbles of weights 0..31 | 64..95 and 32..63 | 96..127 (low | high), qh two bits each for weights i, i+32,
// i+64, i+96.
struct BlockQ6_K {
    uint8_t ql[128];
    uint8_t qh[64];
    int8_t scales[16];
    uint16_t d;
};

static_assert(sizeof(BlockQ4_0) == dtype_info(DType::q4_0).block_bytes);
static_assert(sizeof(BlockQ8_0) == dtype_info(DType::q8_0).block_bytes);
static_assert(sizeof(BlockQ4_K) == dtype_info(DType::q4_k).block_bytes);
static_assert(sizeof(BlockQ5_K) == dtype_info(DType::q5_k).block_bytes);
static_assert(sizeof(BlockQ6_K) == dtype_info(DType::q6_k).block_bytes);

// The eight 6-bit scales and mins of Q4_K and Q5_K: groups 0-3 in the low six bits of bytes 0-3 (scales) and
// 4-7 (mins); groups 4-7 in the nibbles of bytes 8-11, their top two bits in the top of bytes 0-3 and 4-7.
inline void unpack_scales_k4(const uint8_t* packed, uint8_t* scales, uint8_t* mins) {
    for (int j = 0; j < 4; ++j) {
        scales[j] = packed[j] & 63;
        mins[j] = packed[j + 4] & 63;
        scales[j + 4] = static_cast<uint8_t>((packed[j + 8] & 15) | ((packed[j] >> 6) << 4));
        mins[j + 4] = static_cast<uint8_t>((packed[j + 8] >> 4) | ((packed[j + 4] >> 6) << 4));
    }
}

// cols weights of a row as f32; cols is a multiple of the type's block.
void dequantize_row(DType type, const std::byte* row, float* out, int64_t cols);

}  // namespace sluice::kernels
