// Elements of caches and tables that are floats of some width.
#pragma once
#include "kernels/cuda/device.h"
#include "kernels/cuda/ptx.h"

namespace sluice::kernels::cuda {

struct F32 {
    using Elem = float;
    static __device__ float widen(Elem x) { return x; }
    static __device__ Elem narrow(float x) { return x; }
};
struct F16 {
    using Elem = uint16_t;
    static __device__ float widen(Elem x) { return from_f16(x); }
    static __device__ Elem narrow(float x) { return to_f16(x); }
};
struct Bf16 {
    using Elem = uint16_t;
    static __device__ float widen(Elem x) { return from_bf16(x); }
    static __device__ Elem narrow(float x) { return to_bf16(x); }
};

}  // namespace sluice::kernels::cuda
