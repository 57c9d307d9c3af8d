// F32: 16 logical f32 lanes in plain C++, the slow twin of simd_avx2.inl.h and simd_avx512.inl.h. All three
// give the same bits for every operation, reductions included (one fixed tree of halves). max, min and
// comparisons take the second operand when one is NaN, as x86 does. Include it only from the scalar
// translation units.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>

#include "kernels/half.h"

namespace sluice::kernels::scalar {

inline constexpr int kLanes = 16;

struct F32 {
    float v[kLanes];

    static constexpr int kFmaRows = 1, kFmaVectors = 1;

    template <class F>
    static F32 make(F lane) {
        F32 r;
        for (int i = 0; i < kLanes; ++i) r.v[i] = lane(i);
        return r;
    }

    static constexpr int kTile = 2;  // float_tile of so many rows and columns fits the registers

    static int sum_16(const int8_t* q) {
        int sum = 0;
        for (int i = 0; i < 16; ++i) sum += q[i];
        return sum;
    }

    static F32 zero() { return set(0.0f); }
    static F32 set(float x) {
        return make([=](int) { return x; });
    }
    static F32 load(const float* p) {
        return make([=](int i) { return p[i]; });
    }
    static F32 load_f16(const uint16_t* p) {
        return make([=](int i) { return f32_from_f16(p[i]); });
    }
    static F32 load_bf16(const uint16_t* p) {
        return make([=](int i) { return f32_from_bf16(p[i]); });
    }
    // The first n < 16 elements; the other lanes are zero.
    static F32 load_n(const float* p, int64_t n) {
        return make([=](int i) { return i < n ? p[i] : 0.0f; });
    }
    static F32 load_f16_n(const uint16_t* p, int64_t n) {
        return make([=](int i) { return i < n ? f32_from_f16(p[i]) : 0.0f; });
    }
    static F32 load_bf16_n(const uint16_t* p, int64_t n) {
        return make([=](int i) { return i < n ? f32_from_bf16(p[i]) : 0.0f; });
    }
    void store(float* p) const { store_n(p, kLanes); }
    void store_f16(uint16_t* p) const { store_f16_n(p, kLanes); }
    void store_bf16(uint16_t* p) const { store_bf16_n(p, kLanes); }
    void store_n(float* p, int64_t n) const {
        for (int64_t i = 0; i < n; ++i) p[i] = v[i];
    }
    void store_f16_n(uint16_t* p, int64_t n) const {
        for (int64_t i = 0; i < n; ++i) p[i] = f16_from_f32(v[i]);
    }
    void store_bf16_n(uint16_t* p, int64_t n) const {
        for (int64_t i = 0; i < n; ++i) p[i] = bf16_from_f32(v[i]);
    }
    // Rounded to nearest even; lanes must lie in -127..127.
    void store_i8(int8_t* p) const {
        for (int i = 0; i < kLanes; ++i) p[i] = static_cast<int8_t>(std::nearbyintf(v[i]));
    }
    // Rounded to nearest even; lanes must lie in -32767..32767. NaN gives some number.
    void store_i16(int16_t* p) const {
        for (int i = 0; i < kLanes; ++i)
            p[i] = v[i] == v[i] ? static_cast<int16_t>(std::nearbyintf(v[i])) : int16_t{0};
    }
};

inline F32 operator+(const F32& a, const F32& b) {
    return F32::make([&](int i) { return a.v[i] + b.v[i]; });
}
inline F32 operator-(const F32& a, const F32& b) {
    return F32::make([&](int i) { return a.v[i] - b.v[i]; });
}
inline F32 operator*(const F32& a, const F32& b) {
    return F32::make([&](int i) { return a.v[i] * b.v[i]; });
}
inline F32 operator/(const F32& a, const F32& b) {
    return F32::make([&](int i) { return a.v[i] / b.v[i]; });
}
// a * b + c, rounded once
inline F32 fma(const F32& a, const F32& b, const F32& c) {
    return F32::make([&](int i) { return __builtin_fmaf(a.v[i], b.v[i], c.v[i]); });
}
inline F32 max(const F32& a, const F32& b) {
    return F32::make([&](int i) { return a.v[i] > b.v[i] ? a.v[i] : b.v[i]; });
}
inline F32 min(const F32& a, const F32& b) {
    return F32::make([&](int i) { return a.v[i] < b.v[i] ? a.v[i] : b.v[i]; });
}
inline F32 abs(const F32& a) {
    return F32::make([&](int i) { return __builtin_fabsf(a.v[i]); });
}
inline F32 sqrt(const F32& a) {
    return F32::make([&](int i) { return __builtin_sqrtf(a.v[i]); });
}
// To the nearest integer, ties to even.
inline F32 round(const F32& a) {
    return F32::make([&](int i) { return __builtin_nearbyintf(a.v[i]); });
}
// 2^n for integral n in -126..127
inline F32 exp2_int(const F32& n) {
    return F32::make([&](int i) {
        const float lane = n.v[i];
        return lane == lane ? f32_from_bits(static_cast<uint32_t>(static_cast<int32_t>(lane) + 127) << 23)
                            : lane;
    });
}
// p * 2^n for integral n in -126..128, by two factors: 2^128 is not a number.
inline F32 times_power(const F32& p, const F32& n) {
    const F32 half = round(n * F32::set(0.5f));
    return p * exp2_int(half) * exp2_int(n - half);
}
// a < b ? yes : no
inline F32 select_less(const F32& a, const F32& b, const F32& yes, const F32& no) {
    return F32::make([&](int i) { return a.v[i] < b.v[i] ? yes.v[i] : no.v[i]; });
}

inline float reduce_add(F32 a) {
    for (int half = kLanes / 2; half > 0; half /= 2)
        for (int i = 0; i < half; ++i) a.v[i] = a.v[i] + a.v[i + half];
    return a.v[0];
}
inline float reduce_max(F32 a) {
    for (int half = kLanes / 2; half > 0; half /= 2)
        for (int i = 0; i < half; ++i) a.v[i] = a.v[i] > a.v[i + half] ? a.v[i] : a.v[i + half];
    return a.v[0];
}

// 16 lanes of int32, and 16 of two int16 each.
struct Pairs {
    int16_t v[kLanes][2];

    static Pairs set(const int16_t* p) {  // the same two in all lanes
        Pairs out;
        for (auto& lane : out.v) lane[0] = p[0], lane[1] = p[1];
        return out;
    }
    static Pairs load(const int8_t* p) { return load_n(p, kLanes); }
    // The first n < 16 lanes; the others are zero.
    static Pairs load_n(const int8_t* p, int64_t n) {
        Pairs out = {};
        for (int64_t i = 0; i < n; ++i) out.v[i][0] = p[2 * i], out.v[i][1] = p[2 * i + 1];
        return out;
    }
};
struct I32 {
    int32_t v[kLanes];

    static I32 zero() { return {}; }
    static I32 load(const int32_t* p) {
        I32 out;
        std::memcpy(out.v, p, sizeof out.v);
        return out;
    }
    void store(int32_t* p) const { std::memcpy(p, v, sizeof v); }
    F32 to_f32() const {
        return F32::make([&](int i) { return static_cast<float>(v[i]); });
    }
};
inline void pin(I32&) {}  // for the sake of registers, which this code has none of
// c + a.first * b.first + a.second * b.second
inline I32 dot(const Pairs& a, const Pairs& b, I32 c) {
    for (int i = 0; i < kLanes; ++i) c.v[i] += a.v[i][0] * b.v[i][0] + a.v[i][1] * b.v[i][1];
    return c;
}

}  // namespace sluice::kernels::scalar
