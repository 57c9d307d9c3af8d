// All inline PTX, each function with a twin for the simulation that computes the same (of a NaN only that it
// is one). sm_80 instructions.
#pragma once
#include <cstdint>

#include "kernels/cuda/device.h"
#if !defined(__CUDACC__)
#include "kernels/half.h"
#endif

namespace sluice::kernels::cuda {

// c + the four products of the signed bytes of a and b.
__device__ inline int dp4a(int a, int b, int c) {
#if defined(__CUDACC__)
    int d;
    asm("dp4a.s32.s32 %0, %1, %2, %3;" : "=r"(d) : "r"(a), "r"(b), "r"(c));
    return d;
#else
    for (int i = 0; i < 4; ++i) c += static_cast<int8_t>(a >> 8 * i) * static_cast<int8_t>(b >> 8 * i);
    return c;
#endif
}

__device__ inline float from_f16(uint16_t bits) {
#if defined(__CUDACC__)
    float value;
    asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(bits));
    return value;
#else
    return f32_from_f16(bits);
#endif
}

// Rounded to nearest even.
__device__ inline uint16_t to_f16(float value) {
#if defined(__CUDACC__)
    uint16_t bits;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(value));
    return bits;
#else
    return f16_from_f32(value);
#endif
}

__device__ inline float from_bf16(uint16_t bits) {
    return __int_as_float(static_cast<int>(static_cast<uint32_t>(bits) << 16));
}

// Rounded to nearest even.
__device__ inline uint16_t to_bf16(float value) {
#if defined(__CUDACC__)
    uint16_t bits;
    asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(bits) : "f"(value));
    return bits;
#else
    return bf16_from_f32(value);
#endif
}

// To the nearest integral float, ties to even.
__device__ inline float nearest(float value) {
#if defined(__CUDACC__)
    float rounded;
    asm("cvt.rni.f32.f32 %0, %1;" : "=f"(rounded) : "f"(value));
    return rounded;
#else
    return __builtin_nearbyintf(value);
#endif
}

// D += A B, all lanes of a warp together: A [16][32] and B [32][8] signed bytes, D [16][8] int32. Lane l,
// with g = l / 4 and q = l % 4, holds
//   a[0..3]: four bytes from (row g, column 4q), (g + 8, 4q), (g, 4q + 16), (g + 8, 4q + 16)
//   b[0..1]: four bytes down from (row 4q, column g), (4q + 16, g)
//   d[0..3]: (row g, column 2q), (g, 2q + 1), (g + 8, 2q), (g + 8, 2q + 1)
struct MmaS8 {
    int d[4];
    uint32_t a[4];
    uint32_t b[2];
};

#if !defined(__CUDACC__)
namespace sim {

inline int byte_of(uint32_t word, int i) {
    return static_cast<int8_t>(word >> 8 * i);
}
inline void finish_mma_s8(void* const* arguments, uint32_t) {
    const auto at = [&](int lane) -> MmaS8& { return *static_cast<MmaS8*>(arguments[lane]); };
    for (int row = 0; row < 16; ++row) {
        for (int column = 0; column < 8; ++column) {
            int sum = 0;
            for (int k = 0; k < 32; ++k) {
                const int quarter = k % 16 / 4;
                const uint32_t a = at(row % 8 * 4 + quarter).a[row / 8 + k / 16 * 2];
                const uint32_t b = at(column * 4 + quarter).b[k / 16];
                sum += byte_of(a, k % 4) * byte_of(b, k % 4);
            }
            at(row % 8 * 4 + column / 2).d[row / 8 * 2 + column % 2] += sum;
        }
    }
}

}  // namespace sim

inline void mma_s8(MmaS8& m, const Place& at = Place::current()) {
    sim::warp_operation("mma_s8", kAllLanes, &m, &sim::finish_mma_s8, at);
}
#else
__device__ inline void mma_s8(MmaS8& m) {
    asm("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
        "{%0,%1,%2,%3};"
        : "+r"(m.d[0]), "+r"(m.d[1]), "+r"(m.d[2]), "+r"(m.d[3])
        : "r"(m.a[0]), "r"(m.a[1]), "r"(m.a[2]), "r"(m.a[3]), "r"(m.b[0]), "r"(m.b[1]));
}
#endif

// Begins to copy 16 bytes from global to shared memory, both aligned to 16.
template <class T>
__device__ inline void copy_async_16(Ptr<T> to, Ptr<const T> from) {
#if defined(__CUDACC__)
    const auto shared = static_cast<unsigned>(__cvta_generic_to_shared(to));
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" : : "r"(shared), "l"(from) : "memory");
#else
    sim::copy_async(to.region(), to.raw(), from.region(), from.raw(), 16);
#endif
}

// Ends a group of this thread's copies.
__device__ inline void copy_async_commit() {
#if defined(__CUDACC__)
    asm volatile("cp.async.commit_group;" : : : "memory");
#else
    sim::copy_async_commit();
#endif
}

// Waits until at most kGroupsLeft of this thread's latest groups are under way. Other threads see the copies
// after a barrier.
template <int kGroupsLeft>
__device__ inline void copy_async_wait() {
#if defined(__CUDACC__)
    asm volatile("cp.async.wait_group %0;" : : "n"(kGroupsLeft) : "memory");
#else
    sim::copy_async_wait(kGroupsLeft);
#endif
}

}  // namespace sluice::kernels::cuda
