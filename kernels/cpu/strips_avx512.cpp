// Strips with AVX-512 VNNI: a register is one line, 4 weights of each of 16 rows. A tile is one strip or two,
// times up to six activations, whose sums all stay in registers. Integer sums are exact, and floats are
// combined as in isa_scalar.cpp, so the bits are the same.
#include <immintrin.h>

#include <cstring>

#include "kernels/cpu/activation.h"
#include "kernels/cpu/isa.h"
#include "kernels/strips.h"

// Keeps the compiler from reordering across it, which would cost registers.
#define SLUICE_PIN(v) asm volatile("" : "+v"(v))

namespace sluice::kernels::cpu {
namespace {

constexpr int kMostColumns = 6;

constexpr size_t kAhead = 8192;  // bytes that are fetched before they are needed, with a single strip

struct StripTile {
    const std::byte *head[2], *body[2];
    size_t ahead;                   // bytes from what is read to what is fetched meanwhile,
    size_t fetch_begin, fetch_end;  // of which each tile of activations fetches a part
    const std::byte *end, *next;    // where the bodies end, and what is read then
    const std::byte* next_head[2];  // of the strips that come after these
    int64_t blocks;
    const std::byte* const* columns;
    float* out;  // [columns][out_stride]
    int64_t out_stride;
};

__m512i load(const void* p) {
    return _mm512_loadu_si512(p);
}
__m128i load_16(const void* p) {
    return _mm_loadu_si128(static_cast<const __m128i*>(p));
}
// Four activations, or a pair of sums, for all rows.
__m512i spread(const void* p) {
    int32_t four;
    std::memcpy(&four, p, sizeof four);
    return _mm512_set1_epi32(four);
}
__m512 halves(const std::byte* head) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(head)));
}
// While the bytes from `from` on are read: into the nearest cache for one strip, for two into the next,
// because both pairs are more than the nearest holds.
template <int S>
[[gnu::always_inline]] inline void fetch(const StripTile& t, const std::byte* from) {
    const std::byte* at = from + t.ahead;
    if (at >= t.end) at = t.next + (at - t.end);
    for (size_t line = t.fetch_begin; line < t.fetch_end; line += 64)
        _mm_prefetch(reinterpret_cast<const char*>(at + line), S == 1 ? _MM_HINT_T0 : _MM_HINT_T1);
}

// Meanwhile the head of block b of the strips that come next: a line of memory that nothing else foresees.
template <size_t kHead, int S>
[[gnu::always_inline]] inline void fetch_heads(const StripTile& t, size_t b) {
    SLUICE_UNROLL
    for (int s = 0; s < S; ++s)
        _mm_prefetch(reinterpret_cast<const char*>(t.next_head[s] + b * kHead), _MM_HINT_T0);
}

// Block b of the tile's column c.
template <class Act>
const Act& act(const StripTile& t, int c, int64_t b) {
    return reinterpret_cast<const Act*>(t.columns[c])[b];
}

// The six-bit scales and minimums of strip s of a Q4_K or Q5_K block. pairs[i] are the minimums of groups 2i
// and 2i + 1 as int16.
template <int S>
[[gnu::always_inline]] inline void unpack_scales(const std::byte* body, int s, __m512i (*scale)[S],
                                                 __m512i (*pairs)[S]) {
    alignas(64) uint8_t bytes[2][8][16];
    const __m512i low = _mm512_set1_epi8(15), three = _mm512_set1_epi8(3);
    const __m512i by_lane =
        _mm512_set_epi64(0x0006000600060006, 0x0006000600060006, 0x0004000400040004, 0x0004000400040004,
                         0x0002000200020002, 0x0002000200020002, 0, 0);
    SLUICE_UNROLL
    for (int kind = 0; kind < 2; ++kind) {
        const __m512i nibbles = load(body + 64 * kind);
        SLUICE_UNROLL
        for (int half = 0; half < 2; ++half) {
            const __m512i top = _mm512_broadcast_i32x4(load_16(body + 128 + 32 * kind + 16 * half));
            const __m512i bits = _mm512_and_si512(_mm512_srlv_epi16(top, by_lane), three);
            const __m512i value = _mm512_and_si512(_mm512_srli_epi16(nibbles, 4 * half), low);
            _mm512_store_si512(bytes[kind][4 * half], _mm512_or_si512(value, _mm512_slli_epi16(bits, 4)));
        }
    }
    SLUICE_UNROLL
    for (int g = 0; g < 8; ++g) scale[g][s] = _mm512_cvtepu8_epi32(load_16(bytes[0][g]));
    SLUICE_UNROLL
    for (int i = 0; i < 4; ++i) {
        const __m512i even = _mm512_cvtepu8_epi32(load_16(bytes[1][2 * i]));
        const __m512i odd = _mm512_cvtepu8_epi32(load_16(bytes[1][2 * i + 1]));
        pairs[i][s] = _mm512_or_si512(even, _mm512_slli_epi32(odd, 16));
    }
}

// dot[c][s] += the line of strip s, bytes of up to 63 or 255, times dword `at` of the activations.
template <int C, int S>
[[gnu::always_inline]] inline void add_line(const __m512i* w, const int8_t* const* q, int at,
                                            __m512i (*dot)[S]) {
    SLUICE_UNROLL
    for (int c = 0; c < C; ++c) {
        const __m512i x = spread(q[c] + 4 * at);
        SLUICE_UNROLL
        for (int s = 0; s < S; ++s) dot[c][s] = _mm512_dpbusd_epi32(dot[c][s], w[s], x);
    }
}

template <int C, int S>
[[gnu::always_inline]] inline void add_scaled(const __m512i (*dot)[S], const __m512i* scale,
                                              __m512i (*sum)[S]) {
    SLUICE_UNROLL
    for (int c = 0; c < C; ++c) {
        SLUICE_UNROLL
        for (int s = 0; s < S; ++s)
            sum[c][s] = _mm512_add_epi32(sum[c][s], _mm512_mullo_epi32(dot[c][s], scale[s]));
    }
}

// acc = fma(d * activation's d, sum, acc): the end of a block without minimums.
template <int C, int S, class Act, size_t kHead>
[[gnu::always_inline]] inline void add_block(const StripTile& t, int64_t b, const __m512i (*sum)[S],
                                             __m512 (*acc)[S]) {
    fetch_heads<kHead, S>(t, static_cast<size_t>(b));
    SLUICE_UNROLL
    for (int s = 0; s < S; ++s) {
        const __m512 d = halves(t.head[s] + static_cast<size_t>(b) * kHead);
        SLUICE_UNROLL
        for (int c = 0; c < C; ++c) {
            const __m512 scale = _mm512_mul_ps(d, _mm512_set1_ps(act<Act>(t, c, b).d));
            acc[c][s] = _mm512_fmadd_ps(scale, _mm512_cvtepi32_ps(sum[c][s]), acc[c][s]);
        }
    }
}

template <int C, int S>
[[gnu::always_inline]] inline void store(const StripTile& t, const __m512 (*acc)[S]) {
    SLUICE_UNROLL
    for (int c = 0; c < C; ++c) {
        SLUICE_UNROLL
        for (int s = 0; s < S; ++s) _mm512_storeu_ps(t.out + c * t.out_stride + s * kStripRows, acc[c][s]);
    }
}

// Q4_K and Q5_K.
template <bool kFifth>
struct Groups32 {
    static constexpr DType kType = kFifth ? DType::q5_k : DType::q4_k;
    static constexpr size_t kBody = strip_block(kType).body, kHead = strip_block(kType).head;
    static constexpr size_t kFetch = kBody / 4;  // bytes that are read between two fetches
    static constexpr size_t kHigh = 192, kQuants = kHigh + (kFifth ? 512 : 0);

    // Group g of the block: the low nibbles of lines 8 * (g / 2) .. for even g, the high ones for odd g.
    template <int C, int S, int kOdd>
    [[gnu::always_inline]] static void group(const std::byte* const* body, int g, const int8_t* const* q,
                                             __m512i (*dot)[S]) {
        const __m512i low = _mm512_set1_epi8(15), fifth = _mm512_set1_epi8(16);
        const __m128i shift = _mm_cvtsi32_si128(g);
        SLUICE_UNROLL
        for (int j = 0; j < 8; ++j) {
            __m512i w[S];
            SLUICE_UNROLL
            for (int s = 0; s < S; ++s) {
                const __m512i line = load(body[s] + kQuants + 64 * static_cast<size_t>(g / 2 * 8 + j));
                w[s] = _mm512_and_si512(kOdd ? _mm512_srli_epi16(line, 4) : line, low);
                if constexpr (kFifth) {
                    const __m512i high = load(body[s] + kHigh + 64 * static_cast<size_t>(j));
                    const __m512i bit = _mm512_slli_epi16(_mm512_srl_epi16(high, shift), 4);
                    w[s] = _mm512_ternarylogic_epi32(w[s], bit, fifth, 0xf8);  // w | (bit & fifth)
                }
            }
            add_line<C, S>(w, q, 8 * g + j, dot);
        }
    }

    template <int C, int S>
    static void tile(const StripTile& t) {
        __m512 acc[C][S] = {};
        for (int64_t b = 0; b < t.blocks; ++b) {
            const auto at = static_cast<size_t>(b);
            const std::byte* body[S];
            const int8_t* q[C];
            __m512i sum[C][S] = {}, scale[8][S], pairs[4][S];
            SLUICE_UNROLL
            for (int s = 0; s < S; ++s) {
                body[s] = t.body[s] + at * kBody;
                unpack_scales<S>(body[s], s, scale, pairs);
            }
            SLUICE_UNROLL
            for (int c = 0; c < C; ++c) q[c] = act<Act256>(t, c, b).q;
            for (int g = 0; g < 8; g += 2) {
                for (int s = 0; s < S; ++s) fetch<S>(t, body[s] + kBody / 8 * static_cast<size_t>(g));
                __m512i dot[C][S] = {};
                group<C, S, 0>(body, g, q, dot);
                add_scaled<C, S>(dot, scale[g], sum);
                __m512i odd[C][S] = {};
                group<C, S, 1>(body, g + 1, q, odd);
                add_scaled<C, S>(odd, scale[g + 1], sum);
            }
            fetch_heads<kHead, S>(t, at);
            __m512 d[S], dmin[S];
            SLUICE_UNROLL
            for (int s = 0; s < S; ++s) {
                d[s] = halves(t.head[s] + at * kHead);
                dmin[s] = halves(t.head[s] + at * kHead + 32);
            }
            SLUICE_UNROLL
            for (int c = 0; c < C; ++c) {
                const Act256& a = act<Act256>(t, c, b);
                const __m512 da = _mm512_set1_ps(a.d);
                __m512i mins[S] = {};
                SLUICE_UNROLL
                for (int i = 0; i < 4; ++i) {
                    const __m512i sums = spread(a.sum32 + 2 * i);
                    SLUICE_UNROLL
                    for (int s = 0; s < S; ++s) mins[s] = _mm512_dpwssd_epi32(mins[s], pairs[i][s], sums);
                }
                SLUICE_UNROLL
                for (int s = 0; s < S; ++s) {
                    const __m512 next =
                        _mm512_fmadd_ps(_mm512_mul_ps(d[s], da), _mm512_cvtepi32_ps(sum[c][s]), acc[c][s]);
                    acc[c][s] =
                        _mm512_fnmadd_ps(_mm512_mul_ps(dmin[s], da), _mm512_cvtepi32_ps(mins[s]), next);
                    SLUICE_PIN(acc[c][s]);
                }
            }
        }
        store<C, S>(t, acc);
    }
};

struct Groups16 {  // Q6_K
    static constexpr DType kType = DType::q6_k;
    static constexpr size_t kBody = strip_block(kType).body, kHead = strip_block(kType).head;
    static constexpr size_t kFetch = kBody / 8;
    static constexpr size_t kHigh = 256, kLow = kHigh + 1024;

    // Quarter 0..3 of half `h`: groups 8 * h + 2 * quarter and the next, of 16 weights each.
    template <int C, int S, int kQuarter>
    [[gnu::always_inline]] static void quarter(const StripTile& t, const std::byte* const* body, int h,
                                               const int8_t* const* q, const int32_t (*offset)[16],
                                               __m512i (*sum)[S]) {
        for (int s = 0; s < S; ++s) fetch<S>(t, body[s] + kFetch * static_cast<size_t>(4 * h + kQuarter));
        const __m512i low = _mm512_set1_epi8(15), top = _mm512_set1_epi8(0x30);
        for (int j0 = 0; j0 < 8; j0 += 4) {
            const int group = 8 * h + 2 * kQuarter + j0 / 4;
            __m512i dot[C][S], scale[S];
            SLUICE_UNROLL
            for (int c = 0; c < C; ++c) {
                SLUICE_UNROLL
                for (int s = 0; s < S; ++s) dot[c][s] = _mm512_set1_epi32(offset[c][group]);
            }
            SLUICE_UNROLL
            for (int j = 0; j < 4; ++j) {
                __m512i w[S];
                SLUICE_UNROLL
                for (int s = 0; s < S; ++s) {
                    const auto lines = static_cast<size_t>(j0 + j);
                    const std::byte* quants = body[s] + kLow + 64 * (static_cast<size_t>(16 * h) + lines);
                    const __m512i nibbles = load(quants + 512 * (kQuarter % 2));
                    const __m512i high = load(body[s] + kHigh + 64 * (static_cast<size_t>(8 * h) + lines));
                    const __m512i bits = kQuarter == 0   ? _mm512_slli_epi16(high, 4)
                                         : kQuarter == 1 ? _mm512_slli_epi16(high, 2)
                                         : kQuarter == 2 ? high
                                                         : _mm512_srli_epi16(high, 2);
                    w[s] = _mm512_and_si512(kQuarter < 2 ? nibbles : _mm512_srli_epi16(nibbles, 4), low);
                    w[s] = _mm512_ternarylogic_epi32(w[s], bits, top, 0xf8);  // w | (bits & top)
                }
                add_line<C, S>(w, q, 32 * h + 8 * kQuarter + j0 + j, dot);
            }
            SLUICE_UNROLL
            for (int s = 0; s < S; ++s) scale[s] = _mm512_cvtepi8_epi32(load_16(body[s] + 16 * group));
            add_scaled<C, S>(dot, scale, sum);
        }
    }

    template <int C, int S>
    static void tile(const StripTile& t) {
        __m512 acc[C][S] = {};
        for (int64_t b = 0; b < t.blocks; ++b) {
            const auto at = static_cast<size_t>(b);
            const std::byte* body[S];
            const int8_t* q[C];
            alignas(64) int32_t offset[C][16];  // the weights are q - 32
            __m512i sum[C][S] = {};
            SLUICE_UNROLL
            for (int s = 0; s < S; ++s) body[s] = t.body[s] + at * kBody;
            SLUICE_UNROLL
            for (int c = 0; c < C; ++c) {
                const Act256& a = act<Act256>(t, c, b);
                q[c] = a.q;
                const __m256i sums = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(a.sum16));
                const __m512i wide = _mm512_slli_epi32(_mm512_cvtepi16_epi32(sums), 5);
                _mm512_store_si512(offset[c], _mm512_sub_epi32(_mm512_setzero_si512(), wide));
            }
            for (int h = 0; h < 2; ++h) {
                quarter<C, S, 0>(t, body, h, q, offset, sum);
                quarter<C, S, 1>(t, body, h, q, offset, sum);
                quarter<C, S, 2>(t, body, h, q, offset, sum);
                quarter<C, S, 3>(t, body, h, q, offset, sum);
            }
            add_block<C, S, Act256, kHead>(t, b, sum, acc);
        }
        store<C, S>(t, acc);
    }
};

// Q4_0 and Q8_0: a line of Q8_0 counts as quants + 128.
template <DType type>
struct Blocks32 {
    static constexpr DType kType = type;
    static constexpr size_t kBody = strip_block(kType).body, kHead = strip_block(kType).head;
    static constexpr size_t kFetch = kBody;
    static constexpr int kOffset = kType == DType::q8_0 ? 128 : 8;

    static __m512i line(const std::byte* body, int j) {
        if constexpr (kType == DType::q8_0)
            return _mm512_xor_si512(load(body + 64 * j), _mm512_set1_epi8(-128));
        const __m512i both = load(body + 64 * (j % 4));
        return _mm512_and_si512(j < 4 ? both : _mm512_srli_epi16(both, 4), _mm512_set1_epi8(15));
    }

    template <int C, int S>
    static void tile(const StripTile& t) {
        __m512 acc[C][S] = {};
        for (int64_t b = 0; b < t.blocks; ++b) {
            const std::byte* body[S];
            const int8_t* q[C];
            __m512i dot[C][S];
            SLUICE_UNROLL
            for (int s = 0; s < S; ++s) {
                body[s] = t.body[s] + static_cast<size_t>(b) * kBody;
                fetch<S>(t, body[s]);
            }
            SLUICE_UNROLL
            for (int c = 0; c < C; ++c) {
                const Act32& a = act<Act32>(t, c, b);
                q[c] = a.q;
                SLUICE_UNROLL
                for (int s = 0; s < S; ++s) dot[c][s] = _mm512_set1_epi32(-kOffset * a.sum);
            }
            SLUICE_UNROLL
            for (int j = 0; j < 8; ++j) {
                __m512i w[S];
                SLUICE_UNROLL
                for (int s = 0; s < S; ++s) w[s] = line(body[s], j);
                add_line<C, S>(w, q, j, dot);
            }
            add_block<C, S, Act32, kHead>(t, b, dot, acc);
        }
        store<C, S>(t, acc);
    }
};

template <class Kind, int S>
constexpr std::array<void (*)(const StripTile&), kMostColumns> kTiles = {
    Kind::template tile<1, S>, Kind::template tile<2, S>, Kind::template tile<3, S>,
    Kind::template tile<4, S>, Kind::template tile<5, S>, Kind::template tile<6, S>};

// All columns of one strip or two, in tiles of about equal width.
template <class Kind>
void multiply(const StripProduct& p) {
    constexpr auto kLines = static_cast<int64_t>((Kind::kFetch + 63) / 64);
    const StripView view = strip_view(p.weight);
    const StripPlace after = p.next.bodies ? p.next : StripPlace{view.heads, view.bodies};
    const int64_t tiles = (p.cols + kMostColumns - 1) / kMostColumns;
    for (int64_t i = 0; i < p.count;) {
        const bool two = p.cols > 2 && i + 1 < p.count;
        const int strips = two ? 2 : 1;
        StripTile t{};
        for (int s = 0; s < strips; ++s) {
            const auto strip = static_cast<size_t>(p.first + i + s);
            t.head[s] = view.heads + strip * view.head_bytes;
            t.body[s] = view.bodies + strip * view.body_bytes;
            t.next_head[s] = i + strips < p.count ? t.head[s] + static_cast<size_t>(strips) * view.head_bytes
                                                  : after.heads + static_cast<size_t>(s) * view.head_bytes;
        }
        t.end = view.bodies + static_cast<size_t>(p.first + p.count) * view.body_bytes;
        t.next = after.bodies;
        t.ahead = two ? 2 * view.body_bytes : kAhead;
        t.blocks = p.weight.cols / dtype_info(Kind::kType).block_elems;
        t.out_stride = p.out_stride;
        for (int64_t n = 0; n < tiles; ++n) {
            const int64_t begin = n * p.cols / tiles, end = (n + 1) * p.cols / tiles;
            t.fetch_begin = static_cast<size_t>(n * kLines / tiles) * 64;
            t.fetch_end = static_cast<size_t>((n + 1) * kLines / tiles) * 64;
            t.columns = p.columns + begin;
            t.out = p.out + begin * p.out_stride + i * kStripRows;
            const auto columns = static_cast<size_t>(end - begin - 1);
            (two ? kTiles<Kind, 2> : kTiles<Kind, 1>)[columns](t);
        }
        i += strips;
    }
}

}  // namespace

StripKernels strips_avx512() {
    return {nullptr,
            nullptr,
            nullptr,
            multiply<Blocks32<DType::q4_0>>,
            multiply<Blocks32<DType::q8_0>>,
            multiply<Groups32<false>>,
            multiply<Groups32<true>>,
            multiply<Groups16>};
}

}  // namespace sluice::kernels::cpu
