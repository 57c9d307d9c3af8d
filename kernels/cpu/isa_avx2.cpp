// Built with -mavx2 -mfma -mf16c; reached only through isa_avx2().
#include "kernels/cpu/attend_int8.inl.h"
#include "kernels/cpu/isa.h"
#include "kernels/cpu/logits.inl.h"
#include "kernels/cpu/simd_avx2.inl.h"
#include "kernels/cpu/tile_float.inl.h"
#include "kernels/cpu/tile_x86.inl.h"
#include "kernels/cpu/vector_ops.inl.h"

namespace sluice::kernels::cpu {
namespace {

__m256i load(const void* p) {
    return _mm256_loadu_si256(static_cast<const __m256i*>(p));
}

// Both nibbles of 32 bytes: groups 2p and 2p + 1 of a k-quant.
void nibbles(const uint8_t* qs, __m256i* out) {
    const __m256i low = _mm256_set1_epi8(15);
    for (int p = 0; p < 4; ++p) {
        const __m256i bytes = load(qs + 32 * p);
        out[2 * p] = _mm256_and_si256(bytes, low);
        out[2 * p + 1] = _mm256_and_si256(_mm256_srli_epi16(bytes, 4), low);
    }
}

// sum over the eight groups of 32: scale times (quants . activations), for C columns at a time, so that a
// group's quants and scale are loaded once for all of them. |quant| <= 63 keeps maddubs below 2^15: exact.
template <int C>
[[gnu::always_inline]] inline void dot_groups(const __m256i* q, const __m256i* scale, const Act256* const* a,
                                              __m256i* sum) {
    SLUICE_UNROLL
    for (int c = 0; c < C; ++c) sum[c] = _mm256_setzero_si256();
    SLUICE_UNROLL
    for (int g = 0; g < 8; ++g) {
        const __m256i quants = q[g], factor = scale[g];
        SLUICE_UNROLL
        for (int c = 0; c < C; ++c) {
            const __m256i pairs = _mm256_maddubs_epi16(quants, load(a[c]->q + 32 * g));
            sum[c] = _mm256_add_epi32(sum[c], _mm256_madd_epi16(pairs, factor));
        }
    }
}

// Eight groups of 32 unsigned quants with one scale each, and a minimum each.
struct GroupsOf32 {
    static constexpr bool kHasMin = true;
    static constexpr size_t kScaleAt = 0;
    __m256i q[8], scale[8];
    __m128i mins;

    void set_scales(const std::byte* block) {
        const __m256i both = scales_and_mins(block);
        mins = _mm256_extracti128_si256(both, 1);
        const __m256i scales = _mm256_permute2x128_si256(both, both, 0);
        for (int g = 0; g < 8; ++g)
            scale[g] =
                _mm256_shuffle_epi8(scales, _mm256_set1_epi16(static_cast<short>((2 * g + 1) << 8 | 2 * g)));
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
        nibbles(b->qs, q);
        set_scales(bytes);
    }
};

struct Q5K : GroupsOf32 {
    static constexpr size_t kBytes = sizeof(BlockQ5_K);
    explicit Q5K(const std::byte* bytes) {
        const auto* b = reinterpret_cast<const BlockQ5_K*>(bytes);
        nibbles(b->qs, q);
        const __m256i high = load(b->qh), bit = _mm256_set1_epi8(1);
        for (int g = 0; g < 8; ++g) {
            const __m256i fifth = _mm256_and_si256(_mm256_srl_epi16(high, _mm_cvtsi32_si128(g)), bit);
            q[g] = _mm256_or_si256(q[g], _mm256_slli_epi16(fifth, 4));
        }
        set_scales(bytes);
    }
};

struct Q6K {
    static constexpr bool kHasMin = false;
    static constexpr size_t kBytes = sizeof(BlockQ6_K);
    static constexpr size_t kScaleAt = 208;
    __m256i q[8], scale[8], scales16;

    explicit Q6K(const std::byte* bytes) {
        const auto* b = reinterpret_cast<const BlockQ6_K*>(bytes);
        const __m256i low = _mm256_set1_epi8(15), three = _mm256_set1_epi8(3);
        for (int h = 0; h < 2; ++h) {
            const __m256i first = load(b->ql + 64 * h), second = load(b->ql + 64 * h + 32),
                          top = load(b->qh + 32 * h);
            const auto join = [&](__m256i nibble, __m256i bits) {
                return _mm256_or_si256(_mm256_and_si256(nibble, low),
                                       _mm256_slli_epi16(_mm256_and_si256(bits, three), 4));
            };
            q[4 * h] = join(first, top);
            q[4 * h + 1] = join(second, _mm256_srli_epi16(top, 2));
            q[4 * h + 2] = join(_mm256_srli_epi16(first, 4), _mm256_srli_epi16(top, 4));
            q[4 * h + 3] = join(_mm256_srli_epi16(second, 4), _mm256_srli_epi16(top, 6));
        }
        const __m128i s = _mm_loadu_si128(reinterpret_cast<const __m128i*>(b->scales));
        scales16 = _mm256_cvtepi8_epi16(s);
        const __m256i s2 = _mm256_broadcastsi128_si256(s);
        for (int g = 0; g < 8; ++g) {
            const __m256i pick = _mm256_set_m128i(_mm_set1_epi8(static_cast<char>(2 * g + 1)),
                                                  _mm_set1_epi8(static_cast<char>(2 * g)));
            scale[g] = _mm256_srai_epi16(_mm256_shuffle_epi8(s2, pick), 8);
        }
    }
    // sum of scale * q * a, less 32 * scale * sum16: the weights are q - 32.
    template <int C>
    [[gnu::always_inline]] void dots(const Act256* const* a, __m256i* sum) const {
        dot_groups<C>(q, scale, a, sum);
        SLUICE_UNROLL
        for (int c = 0; c < C; ++c) {
            const __m256i offset = _mm256_madd_epi16(scales16, load(a[c]->sum16));
            sum[c] = _mm256_sub_epi32(sum[c], _mm256_slli_epi32(offset, 5));
        }
    }
};

}  // namespace

const Isa& isa_avx2() {
    using V = avx2::F32;
    static const Isa isa{
        "avx2",
        {tile_float<V, DType::f32>, tile_float<V, DType::f16>, tile_float<V, DType::bf16>, tile_32<BlockQ4_0>,
         tile_32<BlockQ8_0>, tile_256<Q4K>, tile_256<Q5K>, tile_256<Q6K>},
        strips_avx2(),
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
        attend<V, avx2::I32, avx2::Pairs>,
        merge<V>,
        logit_ops<V>()};
    return isa;
}

}  // namespace sluice::kernels::cpu
