// exp and silu over the F32 of one instruction set (simd_*.inl.h): explicit fma and no library call, so the
// bits are the same for all of them. Relative error below 2e-6 wherever the result is a normal number.
#pragma once

namespace sluice::kernels {

// exp(x) = 2^n * e^r with |r| <= ln(2)/2; the polynomial is that of Cephes' expf. Zero below the normal
// numbers, infinity above 88.73; NaN stays NaN.
template <class V>
inline V exp(V x) {
    const V lowest = V::set(-87.33654f);
    const V bounded =
        min(V::set(89.0f), max(lowest, x));  // min and max keep the second operand when it is NaN
    const V n = round(bounded * V::set(1.44269504f));
    V r = fma(n, V::set(-0.693359375f), bounded);  // ln(2) in two parts: the first product is exact
    r = fma(n, V::set(2.12194440e-4f), r);
    V p = fma(V::set(1.9875691500e-4f), r, V::set(1.3981999507e-3f));
    p = fma(p, r, V::set(8.3334519073e-3f));
    p = fma(p, r, V::set(4.1665795894e-2f));
    p = fma(p, r, V::set(1.6666665459e-1f));
    p = fma(p, r, V::set(5.0000001201e-1f));
    p = fma(p, r * r, r + V::set(1.0f));
    return select_less(x, lowest, V::zero(), times_power(p, n));
}

template <class V>
inline V silu(V x) {
    return x / (V::set(1.0f) + exp(V::zero() - x));
}

}  // namespace sluice::kernels
