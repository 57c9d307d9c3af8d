// The arithmetic that decision 1 defines (docs/decisions/0001-numerics.md), for device code: the same
// operations in the same order as the CPU backend, so that both give the same bits.
#pragma once
#include "kernels/cuda/device.h"
#include "kernels/cuda/ptx.h"

namespace sluice::kernels::cuda {

inline constexpr int kPartialSums = 16;  // of float sums: index mod 16

__device__ inline int lane_index() {
    return static_cast<int>(threadIdx.x % 32u);
}
__device__ inline int warp_index() {
    return static_cast<int>(threadIdx.x / 32u);
}

// p * 2^n for integral n in -126..128
__device__ inline float times_power(float p, float n) {
    const auto power = [](float e) { return e == e ? __int_as_float((static_cast<int>(e) + 127) << 23) : e; };
    const float half = nearest(__fmul_rn(n, 0.5f));
    return __fmul_rn(__fmul_rn(p, power(half)), power(__fsub_rn(n, half)));
}

// kernels/cpu/vec_math.inl.h
__device__ inline float exp_f32(float x) {
    constexpr float kLowest = -87.33654f;
    float bounded = kLowest > x ? kLowest : x;
    bounded = 89.0f < bounded ? 89.0f : bounded;
    const float n = nearest(__fmul_rn(bounded, 1.44269504f));
    float r = __fmaf_rn(n, -0.693359375f, bounded);
    r = __fmaf_rn(n, 2.12194440e-4f, r);
    float p = __fmaf_rn(1.9875691500e-4f, r, 1.3981999507e-3f);
    p = __fmaf_rn(p, r, 8.3334519073e-3f);
    p = __fmaf_rn(p, r, 4.1665795894e-2f);
    p = __fmaf_rn(p, r, 1.6666665459e-1f);
    p = __fmaf_rn(p, r, 5.0000001201e-1f);
    p = __fmaf_rn(p, __fmul_rn(r, r), __fadd_rn(r, 1.0f));
    return x < kLowest ? 0.0f : times_power(p, n);
}

__device__ inline float silu(float x) {
    return __fdiv_rn(x, __fadd_rn(1.0f, exp_f32(__fsub_rn(0.0f, x))));
}

// The sum of 16 partial sums by the fixed tree of halves. All lanes call; lanes 0..15 hold the sums, lane 0
// gets the result.
__device__ inline float sum_16(float partial) {
    for (int half = kPartialSums / 2; half > 0; half /= 2)
        partial = __fadd_rn(partial, __shfl_down_sync(kAllLanes, partial, half, kPartialSums));
    return partial;
}

// What RMSNorm multiplies with, from the sum of n squares.
__device__ inline float rms_factor(float squares, int n, float eps) {
    const float mean = __fdiv_rn(squares, static_cast<float>(n));
    return __fdiv_rn(1.0f, __fsqrt_rn(__fadd_rn(mean, eps)));
}

__device__ inline float warp_max(float value) {
    for (int bits = 16; bits > 0; bits /= 2) {
        const float other = __shfl_xor_sync(kAllLanes, value, bits);
        value = other > value ? other : value;
    }
    return value;
}

}  // namespace sluice::kernels::cuda
