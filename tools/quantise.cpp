#include "tools/quantise.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/half.h"
#include "kernels/quant.h"

namespace sluice::tools {
namespace {

using namespace kernels;

int nearest(float x, int low, int high) {
    return std::clamp(static_cast<int>(std::lrintf(x)), low, high);
}
float inverse(float x) {
    return x == 0.0f ? 0.0f : 1.0f / x;
}
float greatest_magnitude(const float* x, int n) {
    float amax = 0.0f;
    for (int i = 0; i < n; ++i) amax = std::max(amax, std::fabs(x[i]));
    return amax;
}

void quantise(const float* x, BlockQ8_0& b) {
    b.d = f16_from_f32(greatest_magnitude(x, 32) / 127.0f);
    const float id = inverse(f32_from_f16(b.d));
    for (int i = 0; i < 32; ++i) b.qs[i] = static_cast<int8_t>(nearest(x[i] * id, -127, 127));
}

void quantise(const float* x, BlockQ4_0& b) {
    b.d = f16_from_f32(greatest_magnitude(x, 32) / 7.5f);
    const float id = inverse(f32_from_f16(b.d));
    for (int i = 0; i < 16; ++i) {
        const int low = nearest(x[i] * id, -8, 7) + 8, high = nearest(x[i + 16] * id, -8, 7) + 8;
        b.qs[i] = static_cast<uint8_t>(low | high << 4);
    }
}

// Scales, minimums and quants 0..levels of the eight groups that Q4_K and Q5_K have.
struct Groups {
    uint16_t d, dmin;
    uint8_t scales[12] = {};
    uint8_t q[256];
};

void pack_scales(const int* scale, const int* min, uint8_t* packed) {
    for (int j = 0; j < 4; ++j) {
        packed[j] = static_cast<uint8_t>(scale[j] | scale[j + 4] >> 4 << 6);
        packed[j + 4] = static_cast<uint8_t>(min[j] | min[j + 4] >> 4 << 6);
        packed[j + 8] = static_cast<uint8_t>((scale[j + 4] & 15) | (min[j + 4] & 15) << 4);
    }
}

Groups quantise_groups(const float* x, int levels) {
    Groups out;
    float range[8], low[8];
    for (int g = 0; g < 8; ++g) {
        const auto [a, b] = std::minmax_element(x + 32 * g, x + 32 * g + 32);
        low[g] = std::max(0.0f, -*a);
        range[g] = (std::max(*b, 0.0f) + low[g]) / static_cast<float>(levels);
    }
    out.d = f16_from_f32(*std::max_element(range, range + 8) / 63.0f);
    out.dmin = f16_from_f32(*std::max_element(low, low + 8) / 63.0f);
    const float d = f32_from_f16(out.d), dmin = f32_from_f16(out.dmin);
    int scale[8], min[8];
    for (int g = 0; g < 8; ++g) {
        scale[g] = nearest(range[g] * inverse(d), 0, 63);
        min[g] = nearest(low[g] * inverse(dmin), 0, 63);
        const float step = inverse(d * static_cast<float>(scale[g])),
                    offset = dmin * static_cast<float>(min[g]);
        for (int i = 32 * g; i < 32 * g + 32; ++i)
            out.q[i] = static_cast<uint8_t>(nearest((x[i] + offset) * step, 0, levels));
    }
    pack_scales(scale, min, out.scales);
    return out;
}

void pack_nibbles(const uint8_t* q, uint8_t* qs) {
    for (int p = 0; p < 4; ++p)
        for (int i = 0; i < 32; ++i)
            qs[32 * p + i] = static_cast<uint8_t>((q[64 * p + i] & 15) | (q[64 * p + 32 + i] & 15) << 4);
}

void quantise(const float* x, BlockQ4_K& b) {
    const Groups g = quantise_groups(x, 15);
    b.d = g.d;
    b.dmin = g.dmin;
    std::memcpy(b.scales, g.scales, sizeof b.scales);
    pack_nibbles(g.q, b.qs);
}

void quantise(const float* x, BlockQ5_K& b) {
    const Groups g = quantise_groups(x, 31);
    b.d = g.d;
    b.dmin = g.dmin;
    std::memcpy(b.scales, g.scales, sizeof b.scales);
    pack_nibbles(g.q, b.qs);
    std::memset(b.qh, 0, sizeof b.qh);
    for (int i = 0; i < 256; ++i)
        b.qh[i % 32] = static_cast<uint8_t>(b.qh[i % 32] | (g.q[i] >> 4) << (i / 32));
}

void quantise(const float* x, BlockQ6_K& b) {
    float range[16];
    for (int g = 0; g < 16; ++g) range[g] = greatest_magnitude(x + 16 * g, 16) / 31.5f;
    b.d = f16_from_f32(*std::max_element(range, range + 16) / 127.0f);
    const float d = f32_from_f16(b.d);
    std::memset(b.ql, 0, sizeof b.ql);
    std::memset(b.qh, 0, sizeof b.qh);
    for (int i = 0; i < 256; ++i) {
        const int g = i / 16;
        b.scales[g] = static_cast<int8_t>(nearest(range[g] * inverse(d), 0, 127));
        const int q = nearest(x[i] * inverse(d * static_cast<float>(b.scales[g])), -32, 31) + 32;
        const int half = i / 128, quarter = i % 128 / 32, lane = i % 32;
        uint8_t& low = b.ql[half * 64 + quarter % 2 * 32 + lane];
        uint8_t& high = b.qh[half * 32 + lane];
        low = static_cast<uint8_t>(low | (q & 15) << (quarter / 2 * 4));
        high = static_cast<uint8_t>(high | (q >> 4) << (2 * quarter));
    }
}

template <class Block, int elems>
void blocks(const float* x, int64_t cols, std::byte* out) {
    for (int64_t i = 0; i < cols / elems; ++i) {
        Block b;
        quantise(x + i * elems, b);
        std::memcpy(out + static_cast<size_t>(i) * sizeof(Block), &b, sizeof b);
    }
}

}  // namespace

void quantise_row(DType type, const float* x, int64_t cols, std::byte* out) {
    const auto halves = [&](auto convert) {
        for (int64_t i = 0; i < cols; ++i) {
            const uint16_t h = convert(x[i]);
            std::memcpy(out + 2 * i, &h, 2);
        }
    };
    switch (type) {
        case DType::f32:
            std::memcpy(out, x, static_cast<size_t>(cols) * 4);
            return;
        case DType::f16:
            return halves(f16_from_f32);
        case DType::bf16:
            return halves(bf16_from_f32);
        case DType::q4_0:
            return blocks<BlockQ4_0, 32>(x, cols, out);
        case DType::q8_0:
            return blocks<BlockQ8_0, 32>(x, cols, out);
        case DType::q4_k:
            return blocks<BlockQ4_K, 256>(x, cols, out);
        case DType::q5_k:
            return blocks<BlockQ5_K, 256>(x, cols, out);
        case DType::q6_k:
            return blocks<BlockQ6_K, 256>(x, cols, out);
    }
}

}  // namespace sluice::tools
