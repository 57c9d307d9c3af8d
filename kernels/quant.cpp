#include "kernels/quant.h"

#include <cstring>

#include "kernels/half.h"

namespace sluice::kernels {
namespace {

// Blocks have no alignment in a file, so each is copied out before its fields are read.
template <class Block, class Unpack>
void each_block(const std::byte* row, float* out, int64_t cols, int64_t block_elems, Unpack&& unpack) {
    for (int64_t b = 0; b < cols / block_elems; ++b) {
        Block block;
        std::memcpy(&block, row + static_cast<size_t>(b) * sizeof(Block), sizeof(Block));
        unpack(block, out + b * block_elems);
    }
}

void unpack(const BlockQ4_0& b, float* y) {
    const float d = f32_from_f16(b.d);
    for (int j = 0; j < 16; ++j) {
        y[j] = d * static_cast<float>((b.qs[j] & 15) - 8);
        y[j + 16] = d * static_cast<float>((b.qs[j] >> 4) - 8);
    }
}

void unpack(const BlockQ8_0& b, float* y) {
    const float d = f32_from_f16(b.d);
    for (int j = 0; j < 32; ++j) y[j] = d * static_cast<float>(b.qs[j]);
}

void unpack(const BlockQ4_K& b, float* y) {
    uint8_t scales[8], mins[8];
    unpack_scales_k4(b.scales, scales, mins);
    const float d = f32_from_f16(b.d), dmin = f32_from_f16(b.dmin);
    for (int i = 0; i < 256; ++i) {
        const int g = i / 32, byte = b.qs[g / 2 * 32 + i % 32];
        const int q = g % 2 == 0 ? byte & 15 : byte >> 4;
        y[i] = d * static_cast<float>(scales[g]) * static_cast<float>(q) - dmin * static_cast<float>(mins[g]);
    }
}

void unpack(const BlockQ5_K& b, float* y) {
    uint8_t scales[8], mins[8];
    unpack_scales_k4(b.scales, scales, mins);
    const float d = f32_from_f16(b.d), dmin = f32_from_f16(b.dmin);
    for (int i = 0; i < 256; ++i) {
        const int g = i / 32, byte = b.qs[g / 2 * 32 + i % 32];
        const int q = (g % 2 == 0 ? byte & 15 : byte >> 4) | (((b.qh[i % 32] >> g) & 1) << 4);
        y[i] = d * static_cast<float>(scales[g]) * static_cast<float>(q) - dmin * static_cast<float>(mins[g]);
    }
}

void unpack(const BlockQ6_K& b, float* y) {
    const float d = f32_from_f16(b.d);
    for (int i = 0; i < 256; ++i) {
        const int half = i / 128, in_half = i % 128, quarter = in_half / 32, lane = in_half % 32;
        const int byte = b.ql[half * 64 + (quarter % 2) * 32 + lane];
        const int low = quarter < 2 ? byte & 15 : byte >> 4;
        const int high = (b.qh[half * 32 + lane] >> (2 * quarter)) & 3;
        y[i] = d * static_cast<float>(b.scales[i / 16]) * static_cast<float>((low | high << 4) - 32);
    }
}

}  // namespace

void dequantize_row(DType type, const std::byte* row, float* out, int64_t cols) {
    const auto blocks = [&]<class Block>(const Block&) {
        each_block<Block>(row, out, cols, dtype_info(type).block_elems,
                          [](const Block& b, float* y) { unpack(b, y); });
    };
    const auto halves = [&](float (*convert)(uint16_t)) {
        for (int64_t i = 0; i < cols; ++i) {
            uint16_t h;
            std::memcpy(&h, row + 2 * i, 2);
            out[i] = convert(h);
        }
    };
    switch (type) {
        case DType::f32:
            std::memcpy(out, row, static_cast<size_t>(cols) * sizeof(float));
            return;
        case DType::f16:
            return halves(f32_from_f16);
        case DType::bf16:
            return halves(f32_from_bf16);
        case DType::q4_0:
            return blocks(BlockQ4_0{});
        case DType::q8_0:
            return blocks(BlockQ8_0{});
        case DType::q4_k:
            return blocks(BlockQ4_K{});
        case DType::q5_k:
            return blocks(BlockQ5_K{});
        case DType::q6_k:
            return blocks(BlockQ6_K{});
    }
}

}  // namespace sluice::kernels
