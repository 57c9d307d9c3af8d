// Built with -mavx512f -mavx512bw -mavx512dq -mavx512vl on top of AVX2's; reached only through isa_avx512().
#include "kernels/cpu/attend_int8.inl.h"
#include "kernels/cpu/isa.h"
#include "kernels/cpu/logits.inl.h"
#include "kernels/cpu/simd_avx512.inl.h"
#include "kernels/cpu/tile_float.inl.h"
#include "kernels/cpu/tile_x86.inl.h"
#include "kernels/cpu/vector_ops.inl.h"

namespace sluice::kernels::cpu {
namespace {

__m512i load(const void* p) {
    return _mm512_loadu_si512(p);
}
__m512i twice(const void* p) {
    return _mm512_broadcast_i64x4(_mm256_loadu_si256(static_cast<const __m256i*>(p)));
}
// Shift counts for 16-bit lanes: `low` in the first 256 bits, `high` in the others.
__m512i halves16(int low, int high) {
    return _mm512_inserti64x4(_mm512_set1_epi16(static_cast<short>(low)),
                              _mm256_set1_epi16(static_cast<short>(high)), 1);
}
__m256i fold(__m512i v) {
    return _mm256_add_epi32(_mm512_castsi512_si256(v), _mm512_extracti64x4_epi64(v, 1));
}

// As in isa_avx2.cpp, two groups a register.
template <int C>
[[gnu::always_inline]] inline void dot_groups(const __m512i* q, const __m512i* scale, const Act256* const* a,
                                              __m256i* out) {
    __m512i sum[C];
    SLUICE_UNROLL
    for (int c = 0; c < C; ++c) sum[c] = _mm512_setzero_si512();
    SLUICE_UNROLL
    for (int p = 0; p < 4; ++p) {
        const __m512i quants = q[p], factor = scale[p];
        SLUICE_UNROLL
        for (int c = 0; c < C; ++c) {
            const __m512i pairs = _mm512_maddubs_epi16(quants, load(a[c]->q + 64 * p));
            sum[c] = _mm512_add_epi32(sum[c], _mm512_madd_epi16(pairs, factor));
        }
    }
    SLUICE_UNROLL
    for (int c = 0; c < C; ++c) out[c] = fold(sum[c]);
}

// Eight groups of 32 unsigned quants with one scale and one minimum each; groups 2p and 2p + 1 share a
// register.
struct GroupsOf32 {
    static constexpr bool kHasMin = true;
    static constexpr size_t kScaleAt = 0;
    __m512i q[4], scale[4];
    __m128i mins;

    void set_nibbles(const uint8_t* qs) {
        for (int p = 0; p < 4; ++p)
            q[p] =
                _mm512_and_si512(_mm512_srlv_epi16(twice(qs + 32 * p), halves16(0, 4)), _mm512_set1_epi8(15));
    }
    void set_scales(const std::byte* block) {
        const __m256i both = scales_and_mins(block);
        mins = _mm256_extracti128_si256(both, 1);
        const __m512i scales = _mm512_broadcast_i32x4(_mm256_castsi256_si128(both));
        for (int p = 0; p < 4; ++p)
            scale[p] = _mm512_shuffle_epi8(
                scales, halves16((4 * p + 1) << 8 | 4 * p, (4 * p + 3) << 8 | (4 * p + 2)));
    }
    template <int C>
    [[gnu::always_inline]] void dots(const Act256* const* a, __m256i* sum) const {
        dot_groups<C>(q, scale, a, sum);
    }
    __m128i min_dot(const Act256& a) const {
        return _mm_madd_epi16(mins, _mm_loadu_si128(reinterpret_cast<const __m128i*>(a.sum32)));
    }
};

struct Q4K : GroupsOf32 {
    static constexpr size_t kBytes = sizeof(BlockQ4_K);
    explicit Q4K(const std::byte* bytes) {
        const auto* b = reinterpret_cast<const BlockQ4_K*>(bytes);
        set_nibbles(b->qs);
        set_scales(bytes);
    }
};

struct Q5K : GroupsOf32 {
    static constexpr size_t kBytes = sizeof(BlockQ5_K);
    explicit Q5K(const std::byte* bytes) {
        const auto* b = reinterpret_cast<const BlockQ5_K*>(bytes);
        set_nibbles(b->qs);
        const __m512i high = twice(b->qh);
        for (int p = 0; p < 4; ++p) {
            const __m512i fifth =
                _mm512_and_si512(_mm512_srlv_epi16(high, halves16(2 * p, 2 * p + 1)), _mm512_set1_epi8(1));
            q[p] = _mm512_or_si512(q[p], _mm512_slli_epi16(fifth, 4));
        }
        set_scales(bytes);
    }
};

struct Q6K {
    static constexpr bool kHasMin = false;
    static constexpr size_t kBytes = sizeof(BlockQ6_K);
    static constexpr size_t kScaleAt = 208;
    __m512i q[4], scale[4];
    __m256i scales16;

    explicit Q6K(const std::byte* bytes) {
        const auto* b = reinterpret_cast<const BlockQ6_K*>(bytes);
        const __m512i low = _mm512_set1_epi8(15), three = _mm512_set1_epi8(3);
        for (int h = 0; h < 2; ++h) {
            const __m512i nibbles = load(b->ql + 64 * h), top = twice(b->qh + 32 * h);
            for (int pair = 0; pair < 2; ++pair) {
                const __m512i nibble = pair == 0 ? nibbles : _mm512_srli_epi16(nibbles, 4);
                const __m512i bits = _mm512_srlv_epi16(top, halves16(4 * pair, 4 * pair + 2));
                q[2 * h + pair] = _mm512_or_si512(_mm512_and_si512(nibble, low),
                                                  _mm512_slli_epi16(_mm512_and_si512(bits, three), 4));
            }
        }
        const __m128i s = _mm_loadu_si128(reinterpret_cast<const __m128i*>(b->scales));
        scales16 = _mm256_cvtepi8_epi16(s);
        const __m512i lane =
            _mm512_set_epi64(0x0303030303030303, 0x0303030303030303, 0x0202020202020202, 0x0202020202020202,
                             0x0101010101010101, 0x0101010101010101, 0, 0);
        for (int p = 0; p < 4; ++p) {
            const __m512i pick = _mm512_add_epi8(lane, _mm512_set1_epi8(static_cast<char>(4 * p)));
            scale[p] = _mm512_srai_epi16(_mm512_shuffle_epi8(_mm512_broadcast_i32x4(s), pick), 8);
        }
    }
    // sum of scale * q * a, less 32 * scale * sum16: the weights are q - 32.
    template <int C>
    [[gnu::always_inline]] void dots(const Act256* const* a, __m256i* sum) const {
        dot_groups<C>(q, scale, a, sum);
        SLUICE_UNROLL
        for (int c = 0; c < C; ++c) {
            const __m256i sums = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(a[c]->sum16));
            sum[c] = _mm256_sub_epi32(sum[c], _mm256_slli_epi32(_mm256_madd_epi16(scales16, sums), 5));
        }
    }
};

}  // namespace

const Isa& isa_avx512() {
    using V = avx512::F32;
    static const Isa isa{
        "avx512",
        {tile_float<V, DType::f32>, tile_float<V, DType::f16>, tile_float<V, DType::bf16>, tile_32<BlockQ4_0>,
         tile_32<BlockQ8_0>, tile_256<Q4K>, tile_256<Q5K>, tile_256<Q6K>},
        strips_avx512(),
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
        attend<V, avx512::I32, avx512::Pairs>,
        merge<V>,
        logit_ops<V>()};
    return isa;
}

}  // namespace sluice::kernels::cpu
