// LogitOps over the F32 of one instruction set, and its registers of doubles. The sum of a chunk has 8
// partial sums, k mod 8, and one fixed tree.
#pragma once
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include <cstdint>
#include <cstring>
#include <limits>

#include "kernels/cpu/isa.h"
#include "kernels/logits.h"

namespace sluice::kernels::cpu {

// The chunk of a row that begins at `at`; where the row ends inside, a copy goes on with -infinity.
template <class V>
struct Chunk {
    const float* x;
    float copy[kLogitChunk];

    [[gnu::always_inline]] Chunk(const float* row, int64_t at, int64_t n) : x(row + at) {
        if (n - at >= kLogitChunk) return;
        for (int64_t i = 0; i < kLogitChunk; ++i)
            copy[i] = at + i < n ? x[i] : -std::numeric_limits<float>::infinity();
        x = copy;
    }
};

template <class V, int L = 16>
bool logit_maxima(const float* x, int64_t n, float* out) {
    const V lowest = V::set(-std::numeric_limits<float>::max());
    V wrong = V::zero();
    for (int64_t at = 0; at < n; at += kLogitChunk) {
        const Chunk<V> chunk(x, at, n);
        V greatest = V::set(-std::numeric_limits<float>::infinity());
        SLUICE_UNROLL
        for (int64_t i = 0; i < kLogitChunk; i += L) {
            const V logit = V::load(chunk.x + i);
            greatest = max(logit, greatest);
            const V finite = max(lowest, logit);  // or NaN, or +infinity
            wrong = wrong + (finite - finite);    // 0, or NaN from then on
        }
        out[at / kLogitChunk] = reduce_max(greatest);
    }
    return reduce_add(wrong) == 0.0f;
}

// The doubles of one register, and a * b + c rounded once.
namespace {
#if defined(__AVX512F__)
constexpr int kDoubles = 8;
typedef float Floats __attribute__((vector_size(32)));
typedef double Doubles __attribute__((vector_size(64)));
typedef uint64_t Bits __attribute__((vector_size(64)));
inline Doubles mad(Doubles a, Doubles b, Doubles c) {
    return _mm512_fmadd_pd(a, b, c);
}
#elif defined(__FMA__)
constexpr int kDoubles = 4;
typedef float Floats __attribute__((vector_size(16)));
typedef double Doubles __attribute__((vector_size(32)));
typedef uint64_t Bits __attribute__((vector_size(32)));
inline Doubles mad(Doubles a, Doubles b, Doubles c) {
    return _mm256_fmadd_pd(a, b, c);
}
#else
constexpr int kDoubles = 2;
typedef float Floats __attribute__((vector_size(8)));
typedef double Doubles __attribute__((vector_size(16)));
typedef uint64_t Bits __attribute__((vector_size(16)));
inline Doubles mad(Doubles a, Doubles b, Doubles c) {
    return Doubles{__builtin_fma(a[0], b[0], c[0]), __builtin_fma(a[1], b[1], c[1])};
}
#endif
inline Doubles mad(Doubles a, Doubles b, double c) {
    return mad(a, b, Doubles{} + c);
}

// exp(x) = 2^n * e^r with |r| <= ln(2)/2, and 13 terms of the exponential series of r.
inline Doubles exponential(Doubles x) {
    constexpr double kToInteger = 0x1.8p52;  // a double to which it is added has n in its lowest bits
    const Doubles shifted = x * 0x1.71547652b82fep+0 + kToInteger;
    const Doubles n = shifted - kToInteger;
    Doubles r = mad(n, Doubles{} - 0x1.62e42feep-1, x);  // ln(2) in two parts: the first product is exact
    r = mad(n, Doubles{} - 0x1.a39ef35793c76p-33, r);
    const Doubles r2 = r * r;  // odd and even terms, because a single chain would wait for itself
    Doubles even = mad(r2, Doubles{} + 1.0 / 479001600, 1.0 / 3628800);
    Doubles odd = mad(r2, Doubles{} + 1.0 / 39916800, 1.0 / 362880);
    even = mad(even, r2, 1.0 / 40320), odd = mad(odd, r2, 1.0 / 5040);
    even = mad(even, r2, 1.0 / 720), odd = mad(odd, r2, 1.0 / 120);
    even = mad(even, r2, 1.0 / 24), odd = mad(odd, r2, 1.0 / 6);
    even = mad(even, r2, 0.5), odd = mad(odd, r2, 1.0);
    const Doubles power = mad(odd, r, mad(even, r2, 1.0));
    const Bits scaled = reinterpret_cast<Bits>(power) + (reinterpret_cast<Bits>(shifted) << 52);
    const auto normal = reinterpret_cast<Bits>(x >= -707.0);  // zero below
    return reinterpret_cast<Doubles>(scaled & normal);
}

inline Doubles weights(const float* x, double greatest, double inverse) {
    Floats logits;
    std::memcpy(&logits, x, sizeof logits);
    return exponential((__builtin_convertvector(logits, Doubles) - greatest) * inverse);
}
}  // namespace

template <class V>
void logit_weights(const float* x, int64_t n, double greatest, double inverse, double* out) {
    for (int64_t at = 0; at < n; at += kLogitChunk) {
        const Chunk<V> chunk(x, at, n);
        const int64_t size = n - at < kLogitChunk ? n - at : kLogitChunk;
        double w[kLogitChunk];
        for (int64_t i = 0; i < size; i += kDoubles) {
            const Doubles lanes = weights(chunk.x + i, greatest, inverse);
            std::memcpy(w + i, &lanes, sizeof lanes);
        }
        std::memcpy(out + at, w, static_cast<size_t>(size) * sizeof *out);
    }
}

template <class V>
void logit_masses(const float* x, int64_t n, double greatest, double inverse, double* out) {
    for (int64_t at = 0; at < n; at += kLogitChunk) {
        const Chunk<V> chunk(x, at, n);
        Doubles sums[8 / kDoubles] = {};
        for (int64_t i = 0; i < kLogitChunk; i += 8) {
            SLUICE_UNROLL
            for (int j = 0; j < 8 / kDoubles; ++j)
                sums[j] += weights(chunk.x + i + j * kDoubles, greatest, inverse);
        }
        double s[8];
        std::memcpy(s, sums, sizeof s);
        out[at / kLogitChunk] = ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
    }
}

template <class V>
void logit_keep(const float* x, int64_t n, const uint64_t* bits, float* out) {
    constexpr uint32_t kNone = 0xFF800000;  // -infinity
    for (int64_t at = 0; at < n; at += 32) {
        const auto mask = static_cast<uint32_t>(bits[at / 64] >> (at % 64));
        const int64_t size = n - at < 32 ? n - at : 32;
#if defined(__AVX512F__)
        const __m512 none = _mm512_set1_ps(-std::numeric_limits<float>::infinity());
        if (size == 32) {
            _mm512_storeu_ps(out + at, _mm512_mask_loadu_ps(none, static_cast<__mmask16>(mask), x + at));
            _mm512_storeu_ps(out + at + 16,
                             _mm512_mask_loadu_ps(none, static_cast<__mmask16>(mask >> 16), x + at + 16));
            continue;
        }
#endif
        uint32_t in[32] = {}, kept[32];
        std::memcpy(in, x + at, static_cast<size_t>(size) * sizeof(float));
        for (uint32_t i = 0; i < 32; ++i) {  // without a branch, so that it becomes vectors
            const uint32_t all = 0u - (mask >> i & 1u);
            kept[i] = (in[i] & all) | (kNone & ~all);
        }
        std::memcpy(out + at, kept, static_cast<size_t>(size) * sizeof(float));
    }
}

template <class V>
constexpr LogitOps logit_ops() {
    return {logit_maxima<V>, logit_weights<V>, logit_masses<V>, logit_keep<V>};
}

}  // namespace sluice::kernels::cpu
