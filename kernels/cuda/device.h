// What every .cu file includes first: CUDA itself under nvcc, its simulation (sim/simt.h) under any other
// compiler. The rules that keep one source good for both:
//  - memory is reached through Ptr<T>, which is T* for nvcc and checked in simulation;
//  - shared memory is declared with SLUICE_SHARED(type, name, count), inline PTX lives in ptx.h;
//  - no __activemask, cooperative groups, or waiting for another block;
//  - float sums and products by intrinsics that no compiler contracts (__fmaf_rn, __fmul_rn, ...).
#pragma once
#include <cstdint>

#if defined(__CUDACC__)

#define SLUICE_SHARED(type, name, count) __shared__ __align__(16) type name[count]

namespace sluice::kernels::cuda {

template <class T>
using Ptr = T*;
template <class To, class From>
__host__ __device__ inline To* ptr_cast(From* p) {
    return reinterpret_cast<To*>(p);
}

}  // namespace sluice::kernels::cuda

#else

#include "kernels/cuda/sim/simt.h"

#define SLUICE_SHARED(type, name, count)  \
    static constexpr char name##_tag = 0; \
    const Ptr<type> name = sim::shared_array<type>(&name##_tag, #name, count)

#endif

// Kernels carry the faults that the tests of the detectors switch on (sim/seeded_bugs.h). Elsewhere this is
// false, and nothing of them is compiled.
#if defined(SLUICE_SEEDED_BUGS)
#include "kernels/cuda/sim/seeded_bugs.h"
#define SLUICE_BUG(name) (::sluice::kernels::cuda::sim::seeded_bug == ::sluice::kernels::cuda::sim::Bug::name)
#else
#define SLUICE_BUG(name) false
#endif

namespace sluice::kernels::cuda {

inline constexpr unsigned kAllLanes = 0xffffffffu;
inline constexpr int kLanes = 32;  // of a warp

}  // namespace sluice::kernels::cuda
