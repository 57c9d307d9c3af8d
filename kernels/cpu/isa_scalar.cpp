// Plain loops, for machines without AVX2 and as the easy-to-read definition of what the others compute.
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "kernels/cpu/attend_int8.inl.h"
#include "kernels/cpu/isa.h"
#include "kernels/cpu/logits.inl.h"
#include "kernels/cpu/simd_scalar.inl.h"
#include "kernels/cpu/tile_float.inl.h"
#include "kernels/cpu/vector_ops.inl.h"
#include "kernels/quant.h"

namespace sluice::kernels::cpu {
namespace {

// A block of 256 weights as integers: weight i of group i / (256 / groups) is d * scale * q - dmin * min.
struct Integers {
    int q[256];
    int scale[16], min[16] = {};
    int groups = 8;
    float d = 0, dmin = 0;
};

void unpack_groups(const uint8_t* packed, const uint8_t* qs, Integers& out) {
    uint8_t scales[8], mins[8];
    unpack_scales_k4(packed, scales, mins);
    for (int g = 0; g < 8; ++g) {
        out.scale[g] = scales[g];
        out.min[g] = mins[g];
        for (int i = 0; i < 32; ++i) out.q[g * 32 + i] = (qs[g / 2 * 32 + i] >> (g % 2 * 4)) & 15;
    }
}
void unpack(const BlockQ4_K& b, Integers& out) {
    unpack_groups(b.scales, b.qs, out);
    out.d = f32_from_f16(b.d);
    out.dmin = f32_from_f16(b.dmin);
}
void unpack(const BlockQ5_K& b, Integers& out) {
    unpack_groups(b.scales, b.qs, out);
    for (int i = 0; i < 256; ++i) out.q[i] |= ((b.qh[i % 32] >> (i / 32)) & 1) << 4;
    out.d = f32_from_f16(b.d);
    out.dmin = f32_from_f16(b.dmin);
}
void unpack(const BlockQ6_K& b, Integers& out) {
    out.groups = 16;
    for (int g = 0; g < 16; ++g) out.scale[g] = b.scales[g];
    for (int i = 0; i < 256; ++i) {
        const int half = i / 128, quarter = i % 128 / 32, lane = i % 32;
        const int low = (b.ql[half * 64 + quarter % 2 * 32 + lane] >> (quarter / 2 * 4)) & 15;
        out.q[i] = (low | ((b.qh[half * 32 + lane] >> (2 * quarter)) & 3) << 4) - 32;
    }
    out.d = f32_from_f16(b.d);
}

template <class Block>
void tile_256(const Tile& t) {
    for (int c = 0; c < t.cols; ++c)
        for (int r = 0; r < kTileRows; ++r) t.out[c][r] = 0;
    for (int r = 0; r < t.rows; ++r) {
        const auto* row = reinterpret_cast<const Block*>(t.weight + static_cast<size_t>(r) * t.row_bytes);
        for (int64_t b = 0; b < t.k / 256; ++b) {
            Integers w;
            unpack(row[b], w);
            const int width = 256 / w.groups;
            for (int c = 0; c < t.cols; ++c) {
                const Act256& a = reinterpret_cast<const Act256*>(t.columns[c])[b];
                int sum = 0, mins = 0;
                for (int i = 0; i < 256; ++i) {
                    sum += w.scale[i / width] * w.q[i] * a.q[i];
                    mins += w.min[i / width] * a.q[i];
                }
                float& acc = t.out[c][r];
                acc = std::fma(w.d * a.d, static_cast<float>(sum), acc);
                if (w.groups == 8) acc = std::fma(-(w.dmin * a.d), static_cast<float>(mins), acc);
            }
        }
    }
}

int quant(const BlockQ8_0& b, int i) {
    return b.qs[i];
}
int quant(const BlockQ4_0& b, int i) {
    return (i < 16 ? b.qs[i] & 15 : b.qs[i - 16] >> 4) - 8;
}

template <class Block>
void tile_32(const Tile& t) {
    for (int c = 0; c < t.cols; ++c) {
        const auto* a = reinterpret_cast<const Act32*>(t.columns[c]);
        for (int r = 0; r < t.rows; ++r) {
            const auto* w = reinterpret_cast<const Block*>(t.weight + static_cast<size_t>(r) * t.row_bytes);
            float acc = 0;
            for (int64_t b = 0; b < t.k / 32; ++b) {
                int sum = 0;
                for (int i = 0; i < 32; ++i) sum += quant(w[b], i) * a[b].q[i];
                acc = std::fma(f32_from_f16(w[b].d) * a[b].d, static_cast<float>(sum), acc);
            }
            t.out[c][r] = acc;
        }
    }
}

}  // namespace

const Isa& isa_scalar() {
    using V = scalar::F32;
    static const Isa isa{
        "scalar",
        {tile_float<V, DType::f32>, tile_float<V, DType::f16>, tile_float<V, DType::bf16>, tile_32<BlockQ4_0>,
         tile_32<BlockQ8_0>, tile_256<BlockQ4_K>, tile_256<BlockQ5_K>, tile_256<BlockQ6_K>},
        strips_scalar(),
        quantise_32<V>,
        quantise_256<V>,
        rms_norm<V>,
        softmax<V>,
        silu_mul<V>,
        add_scaled<V>,
        scale<V>,
        rotate<V>,
        to_f16<V>,
        to_bf16<V>,
        attend<V, scalar::I32, scalar::Pairs>,
        merge<V>,
        logit_ops<V>()};
    return isa;
}

#if defined(__x86_64__)
// clang 16 does not know it by name.
static bool has_f16c() {
    unsigned a = 0, b = 0, c = 0, d = 0;
    return __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_F16C) != 0;
}
#endif

const Isa* find_isa(std::string_view name) {
    if (name == "scalar") return &isa_scalar();
#if defined(__x86_64__)
    const bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c();
    if (name == "avx2" && has_avx2) return &isa_avx2();
    if (name == "avx512" && has_avx2 && __builtin_cpu_supports("avx512f") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni"))
        return &isa_avx512();
#endif
    return nullptr;
}

}  // namespace sluice::kernels::cpu
