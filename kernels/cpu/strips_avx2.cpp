// Strips with AVX2: a line, 4 weights of each of 16 rows, is two registers of 8 rows. A tile is one strip
// times up to four activations; products add up in int16 as long as they cannot overflow, then one
// multiply-add sums pairs and applies the scale. Integer sums are exact, and floats are combined as in
// isa_scalar.cpp, so the bits are the same.
//
// maddubs adds two products |quant| * 127: at most 15 * 127 * 2 = 3,810 for Q4 (8 of them: 30,480), 7,874 for
// Q5 (4: 31,496), 16,002 for Q6 (2: 32,004), 128 * 127 * 2 = 32,512 for Q8_0 (1), all below 32,768.
#include <immintrin.h>

#include <cstring>

#include "kernels/cpu/activation.h"
#include "kernels/cpu/isa.h"
#include "kernels/strips.h"

// Keeps the compiler from reordering sums, which would cost registers.
#define SLUICE_PIN(v) asm("" : "+x"(v))

namespace sluice::kernels::cpu {
namespace {

constexpr int kMostColumns = 4;
constexpr int kHalves = 2;  // of a line

constexpr size_t kAhead = 8192;  // bytes that are fetched before they are needed

struct StripTile {
    const std::byte *head, *body;
    size_t ahead;                   // bytes from what is read to what is fetched meanwhile,
    size_t fetch_begin, fetch_end;  // of which each tile of activations fetches a part
    const std::byte *end, *next;    // where the bodies end, and what is read then
    const std::byte* next_head;     // of the strip that comes after this
    int64_t blocks;
    const std::byte* const* columns;
    float* out;  // [columns][out_stride]
    int64_t out_stride;
};

__m256i load(const std::byte* p) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}
__m128i load_16(const std::byte* p) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
}
// Four activations, or a pair of sums, for all rows.
__m256i spread(const void* p) {
    int32_t four;
    std::memcpy(&four, p, sizeof four);
    return _mm256_set1_epi32(four);
}
__m256 halves(const std::byte* head, int h) {
    return _mm256_cvtph_ps(load_16(head + 16 * h));
}
// While the bytes from `from` on are read.
[[gnu::always_inline]] inline void fetch(const StripTile& t, const std::byte* from) {
    const std::byte* at = from + t.ahead;
    if (at >= t.end) at = t.next + (at - t.end);
    for (size_t line = t.fetch_begin; line < t.fetch_end; line += 64)
        _mm_prefetch(reinterpret_cast<const char*>(at + line), _MM_HINT_T0);
}

// Meanwhile the head of block b of the strip that comes next: a line of memory that nothing else foresees.
template <size_t kHead>
void fetch_head(const StripTile& t, size_t b) {
    _mm_prefetch(reinterpret_cast<const char*>(t.next_head + b * kHead), _MM_HINT_T0);
}

// Block b of the tile's column c.
template <class Act>
const Act& act(const StripTile& t, int c, int64_t b) {
    return reinterpret_cast<const Act*>(t.columns[c])[b];
}

// Bytes (a, b) of each row as int16 pairs.
void interleave(__m128i a, __m128i b, __m256i* out) {
    out[0] = _mm256_cvtepu8_epi16(_mm_unpacklo_epi8(a, b));
    out[1] = _mm256_cvtepu8_epi16(_mm_unpackhi_epi8(a, b));
}

// The six-bit scales of a Q4_K or Q5_K block, twice in each int32, and the minimums of groups 2i and 2i + 1.
struct GroupScales {
    __m256i scale[8][kHalves], pairs[4][kHalves];

    explicit GroupScales(const std::byte* body) {
        for (int g = 0; g < 4; g += 2) {
            __m256i low, high;  // groups g and g + 1, g + 4 and g + 5
            values(body, 0, g, low, high);
            twice(low, scale + g);
            twice(high, scale + g + 4);
            values(body, 1, g, low, high);
            interleave(_mm256_castsi256_si128(low), _mm256_extracti128_si256(low, 1), pairs[g / 2]);
            interleave(_mm256_castsi256_si128(high), _mm256_extracti128_si256(high, 1), pairs[g / 2 + 2]);
        }
    }
    // Scales or minimums of two groups and of the two that share their bytes, 16 rows each.
    static void values(const std::byte* body, int kind, int g, __m256i& low, __m256i& high) {
        const __m256i nibble = _mm256_set1_epi8(15), three = _mm256_set1_epi8(3);
        const __m256i nibbles = load(body + 64 * kind + 16 * g);
        const __m256i first = _mm256_set1_epi32(2 * g), second = _mm256_set1_epi32(2 * g + 2);
        const __m256i shift = _mm256_blend_epi32(first, second, 0xf0);
        const auto bits = [&](int half) {
            const __m256i top = _mm256_broadcastsi128_si256(load_16(body + 128 + 32 * kind + 16 * half));
            return _mm256_slli_epi16(_mm256_and_si256(_mm256_srlv_epi32(top, shift), three), 4);
        };
        low = _mm256_or_si256(_mm256_and_si256(nibbles, nibble), bits(0));
        high = _mm256_or_si256(_mm256_and_si256(_mm256_srli_epi16(nibbles, 4), nibble), bits(1));
    }
    // Each byte of two groups as a pair of int16.
    static void twice(__m256i values, __m256i (*out)[kHalves]) {
        for (int h = 0; h < kHalves; ++h) {
            const __m256i bytes =
                h == 0 ? _mm256_unpacklo_epi8(values, values) : _mm256_unpackhi_epi8(values, values);
            out[0][h] = _mm256_cvtepu8_epi16(_mm256_castsi256_si128(bytes));
            out[1][h] = _mm256_cvtepu8_epi16(_mm256_extracti128_si256(bytes, 1));
        }
    }
};

// dot[c][h] += the line, as bytes of up to 63, times dword `at` of the activations.
template <int C>
[[gnu::always_inline]] inline void add_line(const __m256i* w, const int8_t* const* q, int at,
                                            __m256i (*dot)[kHalves]) {
    SLUICE_UNROLL
    for (int c = 0; c < C; ++c) {
        const __m256i x = spread(q[c] + 4 * at);
        SLUICE_UNROLL
        for (int h = 0; h < kHalves; ++h) {
            __m256i pairs = _mm256_maddubs_epi16(w[h], x);
            SLUICE_PIN(pairs);
            dot[c][h] = _mm256_add_epi16(dot[c][h], pairs);
            SLUICE_PIN(dot[c][h]);
        }
    }
}

// sum += scale * dot, and dot = 0.
template <int C>
[[gnu::always_inline]] inline void add_scaled(__m256i (*dot)[kHalves], const __m256i* scale,
                                              __m256i (*sum)[kHalves]) {
    SLUICE_UNROLL
    for (int c = 0; c < C; ++c) {
        SLUICE_UNROLL
        for (int h = 0; h < kHalves; ++h) {
            sum[c][h] = _mm256_add_epi32(sum[c][h], _mm256_madd_epi16(dot[c][h], scale[h]));
            dot[c][h] = _mm256_setzero_si256();
        }
    }
}

// acc = fma(d * activation's d, sum, acc)
template <int C, class Act, size_t kHead>
[[gnu::always_inline]] inline void add_block(const StripTile& t, int64_t b, const __m256i (*sum)[kHalves],
                                             __m256 (*acc)[kHalves]) {
    fetch_head<kHead>(t, static_cast<size_t>(b));
    SLUICE_UNROLL
    for (int h = 0; h < kHalves; ++h) {
        const __m256 d = halves(t.head + static_cast<size_t>(b) * kHead, h);
        SLUICE_UNROLL
        for (int c = 0; c < C; ++c) {
            const __m256 scale = _mm256_mul_ps(d, _mm256_set1_ps(act<Act>(t, c, b).d));
            acc[c][h] = _mm256_fmadd_ps(scale, _mm256_cvtepi32_ps(sum[c][h]), acc[c][h]);
        }
    }
}

template <int C>
[[gnu::always_inline]] inline void store(const StripTile& t, const __m256 (*acc)[kHalves]) {
    for (int c = 0; c < C; ++c)
        for (int h = 0; h < kHalves; ++h) _mm256_storeu_ps(t.out + c * t.out_stride + 8 * h, acc[c][h]);
}

// Q4_K and Q5_K.
template <bool kFifth>
struct Groups32 {
    static constexpr DType kType = kFifth ? DType::q5_k : DType::q4_k;
    static constexpr size_t kBody = strip_block(kType).body, kHead = strip_block(kType).head;
    static constexpr size_t kFetch = kBody / 4;  // bytes that are read between two fetches
    static constexpr size_t kHigh = 192, kQuants = kHigh + (kFifth ? 512 : 0);
    static constexpr int kLines = kFifth ? 4 : 8;  // that int16 can sum

    // Group g of the block: the low nibbles of lines 8 * (g / 2) .. for even g, the high ones for odd g.
    template <int C, int kOdd>
    [[gnu::always_inline]] static void group(const std::byte* body, int g, const int8_t* const* q,
                                             const __m256i* scale, __m256i (*sum)[kHalves]) {
        const __m256i low = _mm256_set1_epi8(15), fifth = _mm256_set1_epi8(16);
        const __m128i shift = _mm_cvtsi32_si128(g);
        __m256i dot[C][kHalves] = {};
        SLUICE_UNROLL
        for (int j = 0; j < 8; ++j) {
            __m256i w[kHalves];
            SLUICE_UNROLL
            for (int h = 0; h < kHalves; ++h) {
                const __m256i line = load(body + kQuants + 64 * static_cast<size_t>(g / 2 * 8 + j) + 32 * h);
                w[h] = _mm256_and_si256(kOdd ? _mm256_srli_epi16(line, 4) : line, low);
                if constexpr (kFifth) {
                    const __m256i high = load(body + kHigh + 64 * static_cast<size_t>(j) + 32 * h);
                    const __m256i bit = _mm256_slli_epi16(_mm256_srl_epi16(high, shift), 4);
                    w[h] = _mm256_or_si256(w[h], _mm256_and_si256(bit, fifth));
                }
            }
            add_line<C>(w, q, 8 * g + j, dot);
            if (j % kLines == kLines - 1) add_scaled<C>(dot, scale, sum);
        }
    }

    template <int C>
    static void tile(const StripTile& t) {
        __m256 acc[C][kHalves] = {};
        for (int64_t b = 0; b < t.blocks; ++b) {
            const std::byte* body = t.body + static_cast<size_t>(b) * kBody;
            const std::byte* head = t.head + static_cast<size_t>(b) * kHead;
            const GroupScales scales(body);
            const int8_t* q[C];
            for (int c = 0; c < C; ++c) q[c] = act<Act256>(t, c, b).q;
            __m256i sum[C][kHalves] = {};
            for (int g = 0; g < 8; g += 2) {
                fetch(t, body + kBody / 8 * static_cast<size_t>(g));
                group<C, 0>(body, g, q, scales.scale[g], sum);
                group<C, 1>(body, g + 1, q, scales.scale[g + 1], sum);
            }
            add_block<C, Act256, kHead>(t, b, sum, acc);
            const __m256 dmin[kHalves] = {halves(head + 32, 0), halves(head + 32, 1)};
            SLUICE_UNROLL
            for (int c = 0; c < C; ++c) {
                const Act256& a = act<Act256>(t, c, b);
                __m256i mins[kHalves] = {};
                SLUICE_UNROLL
                for (int i = 0; i < 4; ++i) {
                    const __m256i sums = spread(a.sum32 + 2 * i);
                    SLUICE_UNROLL
                    for (int h = 0; h < kHalves; ++h)
                        mins[h] = _mm256_add_epi32(mins[h], _mm256_madd_epi16(scales.pairs[i][h], sums));
                }
                const __m256 da = _mm256_set1_ps(a.d);
                SLUICE_UNROLL
                for (int h = 0; h < kHalves; ++h)
                    acc[c][h] =
                        _mm256_fnmadd_ps(_mm256_mul_ps(dmin[h], da), _mm256_cvtepi32_ps(mins[h]), acc[c][h]);
            }
        }
        store<C>(t, acc);
    }
};

struct Groups16 {  // Q6_K
    static constexpr DType kType = DType::q6_k;
    static constexpr size_t kBody = strip_block(kType).body, kHead = strip_block(kType).head;
    static constexpr size_t kFetch = kBody / 8;
    static constexpr size_t kHigh = 256, kLow = kHigh + 1024;

    static void scales_of(const std::byte* body, int group, __m256i* scale) {
        const __m128i s = load_16(body + 16 * group);
        scale[0] = _mm256_cvtepi8_epi16(_mm_unpacklo_epi8(s, s));
        scale[1] = _mm256_cvtepi8_epi16(_mm_unpackhi_epi8(s, s));
    }

    // Quarter 0..3 of half `h`: groups 8 * h + 2 * quarter and the next, of 16 weights each.
    template <int C, int kQuarter>
    [[gnu::always_inline]] static void quarter(const StripTile& t, const std::byte* body, int h,
                                               const int8_t* const* q, __m256i (*sum)[kHalves]) {
        fetch(t, body + kFetch * static_cast<size_t>(4 * h + kQuarter));
        const __m256i low = _mm256_set1_epi8(15), top = _mm256_set1_epi8(0x30);
        for (int j0 = 0; j0 < 8; j0 += 4) {
            __m256i dot[C][kHalves] = {}, scale[kHalves];
            scales_of(body, 8 * h + 2 * kQuarter + j0 / 4, scale);
            SLUICE_UNROLL
            for (int j = 0; j < 4; ++j) {
                __m256i w[kHalves];
                SLUICE_UNROLL
                for (int half = 0; half < kHalves; ++half) {
                    const size_t line = static_cast<size_t>(j0 + j) * 64 + 32 * static_cast<size_t>(half);
                    const __m256i nibbles =
                        load(body + kLow + 1024 * static_cast<size_t>(h) + 512 * (kQuarter % 2) + line);
                    const __m256i high = load(body + kHigh + 512 * static_cast<size_t>(h) + line);
                    const __m256i bits = kQuarter == 0   ? _mm256_slli_epi16(high, 4)
                                         : kQuarter == 1 ? _mm256_slli_epi16(high, 2)
                                         : kQuarter == 2 ? high
                                                         : _mm256_srli_epi16(high, 2);
                    w[half] = _mm256_or_si256(
                        _mm256_and_si256(kQuarter < 2 ? nibbles : _mm256_srli_epi16(nibbles, 4), low),
                        _mm256_and_si256(bits, top));
                }
                add_line<C>(w, q, 32 * h + 8 * kQuarter + j0 + j, dot);
                if (j % 2 == 1) add_scaled<C>(dot, scale, sum);
            }
        }
    }

    template <int C>
    static void tile(const StripTile& t) {
        __m256 acc[C][kHalves] = {};
        for (int64_t b = 0; b < t.blocks; ++b) {
            const std::byte* body = t.body + static_cast<size_t>(b) * kBody;
            const int8_t* q[C];
            for (int c = 0; c < C; ++c) q[c] = act<Act256>(t, c, b).q;
            __m256i sum[C][kHalves] = {};
            for (int i = 0; i < 8; ++i) {  // the weights are q - 32
                const __m128i even = load_16(body + 32 * i), odd = load_16(body + 32 * i + 16);
                const __m256i pair[kHalves] = {_mm256_cvtepi8_epi16(_mm_unpacklo_epi8(even, odd)),
                                               _mm256_cvtepi8_epi16(_mm_unpackhi_epi8(even, odd))};
                for (int c = 0; c < C; ++c) {
                    const __m256i sums = spread(act<Act256>(t, c, b).sum16 + 2 * i);
                    for (int h = 0; h < kHalves; ++h)
                        sum[c][h] = _mm256_sub_epi32(sum[c][h], _mm256_madd_epi16(pair[h], sums));
                }
            }
            for (int c = 0; c < C; ++c)
                for (int h = 0; h < kHalves; ++h) sum[c][h] = _mm256_slli_epi32(sum[c][h], 5);
            for (int h = 0; h < 2; ++h) {
                quarter<C, 0>(t, body, h, q, sum);
                quarter<C, 1>(t, body, h, q, sum);
                quarter<C, 2>(t, body, h, q, sum);
                quarter<C, 3>(t, body, h, q, sum);
            }
            add_block<C, Act256, kHead>(t, b, sum, acc);
        }
        store<C>(t, acc);
    }
};

struct Blocks4 {  // Q4_0: the weights are q - 8
    static constexpr DType kType = DType::q4_0;
    static constexpr size_t kBody = strip_block(kType).body, kHead = strip_block(kType).head, kFetch = kBody;

    template <int C>
    static void tile(const StripTile& t) {
        const __m256i low = _mm256_set1_epi8(15),
                      ones[kHalves] = {_mm256_set1_epi16(1), _mm256_set1_epi16(1)};
        __m256 acc[C][kHalves] = {};
        for (int64_t b = 0; b < t.blocks; ++b) {
            const std::byte* body = t.body + static_cast<size_t>(b) * kBody;
            fetch(t, body);
            const int8_t* q[C];
            __m256i dot[C][kHalves] = {}, sum[C][kHalves];
            for (int c = 0; c < C; ++c) {
                q[c] = act<Act32>(t, c, b).q;
                for (int h = 0; h < kHalves; ++h) sum[c][h] = _mm256_set1_epi32(-8 * act<Act32>(t, c, b).sum);
            }
            SLUICE_UNROLL
            for (int j = 0; j < 8; ++j) {
                __m256i w[kHalves];
                SLUICE_UNROLL
                for (int h = 0; h < kHalves; ++h) {
                    const __m256i both = load(body + 64 * (j % 4) + 32 * h);
                    w[h] = _mm256_and_si256(j < 4 ? both : _mm256_srli_epi16(both, 4), low);
                }
                add_line<C>(w, q, j, dot);
            }
            add_scaled<C>(dot, ones, sum);
            add_block<C, Act32, kHead>(t, b, sum, acc);
        }
        store<C>(t, acc);
    }
};

struct Blocks8 {  // Q8_0: |w| times the activation with w's sign
    static constexpr DType kType = DType::q8_0;
    static constexpr size_t kBody = strip_block(kType).body, kHead = strip_block(kType).head, kFetch = kBody;

    template <int C>
    static void tile(const StripTile& t) {
        const __m256i ones = _mm256_set1_epi16(1);
        __m256 acc[C][kHalves] = {};
        for (int64_t b = 0; b < t.blocks; ++b) {
            const std::byte* body = t.body + static_cast<size_t>(b) * kBody;
            fetch(t, body);
            __m256i sum[C][kHalves] = {};
            SLUICE_UNROLL
            for (int j = 0; j < 8; ++j) {
                const __m256i w[kHalves] = {load(body + 64 * j), load(body + 64 * j + 32)};
                const __m256i size[kHalves] = {_mm256_abs_epi8(w[0]), _mm256_abs_epi8(w[1])};
                SLUICE_UNROLL
                for (int c = 0; c < C; ++c) {
                    const __m256i x = spread(act<Act32>(t, c, b).q + 4 * j);
                    SLUICE_UNROLL
                    for (int h = 0; h < kHalves; ++h) {
                        const __m256i pairs = _mm256_maddubs_epi16(size[h], _mm256_sign_epi8(x, w[h]));
                        sum[c][h] = _mm256_add_epi32(sum[c][h], _mm256_madd_epi16(pairs, ones));
                        SLUICE_PIN(sum[c][h]);
                    }
                }
            }
            add_block<C, Act32, kHead>(t, b, sum, acc);
        }
        store<C>(t, acc);
    }
};

template <class Kind>
constexpr std::array<void (*)(const StripTile&), kMostColumns> kTiles = {
    Kind::template tile<1>, Kind::template tile<2>, Kind::template tile<3>, Kind::template tile<4>};

// All columns of one strip, in tiles of about equal width.
template <class Kind>
void multiply(const StripProduct& p) {
    constexpr auto kLines = static_cast<int64_t>((Kind::kFetch + 63) / 64);
    const StripView view = strip_view(p.weight);
    const StripPlace after = p.next.bodies ? p.next : StripPlace{view.heads, view.bodies};
    const int64_t tiles = (p.cols + kMostColumns - 1) / kMostColumns;
    for (int64_t i = 0; i < p.count; ++i) {
        const auto strip = static_cast<size_t>(p.first + i);
        StripTile t{};
        t.head = view.heads + strip * view.head_bytes;
        t.body = view.bodies + strip * view.body_bytes;
        t.next_head = i + 1 < p.count ? t.head + view.head_bytes : after.heads;
        t.end = view.bodies + static_cast<size_t>(p.first + p.count) * view.body_bytes;
        t.next = after.bodies;
        t.ahead = tiles == 1 ? kAhead : view.body_bytes;
        t.blocks = p.weight.cols / dtype_info(Kind::kType).block_elems;
        t.out_stride = p.out_stride;
        for (int64_t n = 0; n < tiles; ++n) {
            const int64_t begin = n * p.cols / tiles, end = (n + 1) * p.cols / tiles;
            t.fetch_begin = static_cast<size_t>(n * kLines / tiles) * 64;
            t.fetch_end = static_cast<size_t>((n + 1) * kLines / tiles) * 64;
            t.columns = p.columns + begin;
            t.out = p.out + begin * p.out_stride + i * kStripRows;
            kTiles<Kind>[static_cast<size_t>(end - begin - 1)](t);
        }
    }
}

}  // namespace

StripKernels strips_avx2() {
    return {nullptr,
            nullptr,
            nullptr,
            multiply<Blocks4>,
            multiply<Blocks8>,
            multiply<Groups32<false>>,
            multiply<Groups32<true>>,
            multiply<Groups16>};
}

}  // namespace sluice::kernels::cpu
