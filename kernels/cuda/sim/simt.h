// The CUDA that kernels use, for g++: qualifiers, warp operations, atomics, vector types and intrinsics, as
// plain functions over the simulated device. What is not here, kernels may not use; device.h says what else.
// Semantics are those of the CUDA programming guide; where it leaves something open, the strict reading
// holds.
#pragma once
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <source_location>
#include <type_traits>

#include "kernels/cuda/sim/device_calls.h"
#include "kernels/cuda/sim/pointer.h"

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(threads)

namespace sluice::kernels::cuda {

using sim::blockDim;
using sim::blockIdx;
using sim::gridDim;
using sim::Ptr;
using sim::ptr_cast;
using sim::threadIdx;
using Place = std::source_location;

struct alignas(16) uint4 {
    unsigned x, y, z, w;
};
struct alignas(8) float2 {
    float x, y;
};
struct alignas(16) float4 {
    float x, y, z, w;
};
inline float2 make_float2(float x, float y) {
    return {x, y};
}
inline float4 make_float4(float x, float y, float z, float w) {
    return {x, y, z, w};
}

inline void __syncthreads(const Place& at = Place::current()) {
    sim::barrier(at);
}
inline void __syncwarp(unsigned mask = 0xffffffffu, const Place& at = Place::current()) {
    sim::warp_operation("__syncwarp", mask, nullptr, nullptr, at);
}

namespace sim {

// A lane asks for the bits of another one.
struct Shuffle {
    uint32_t bits;
    int source;
    bool good = true;
};

inline void finish_shuffle(void* const* arguments, uint32_t mask) {
    uint32_t bits[32] = {};
    for (int l = 0; l < 32; ++l)
        if (mask >> l & 1u) bits[l] = static_cast<Shuffle*>(arguments[l])->bits;
    for (int l = 0; l < 32; ++l) {
        if (!(mask >> l & 1u)) continue;
        auto& own = *static_cast<Shuffle*>(arguments[l]);
        own.good = (mask >> own.source & 1u) != 0;
        if (own.good) own.bits = bits[own.source];
    }
}

template <class T>
T shuffle(const char* name, unsigned mask, T value, int source, const Place& at) {
    static_assert(sizeof(T) == 4 && std::is_trivially_copyable_v<T>);
    Shuffle own{std::bit_cast<uint32_t>(value), source};
    warp_operation(name, mask, &own, &finish_shuffle, at);
    if (!own.good) {
        blame(Detector::warp_mask, std::string(name) + " reads a lane that is not in the mask");
        stop();
    }
    return std::bit_cast<T>(own.bits);
}

// The source of a shuffle inside its segment of `width` lanes, or the lane itself beyond the segment.
inline int within(int source, int width) {
    const int begin = lane() / width * width;
    return source < begin || source >= begin + width ? lane() : source;
}

struct Vote {
    uint32_t value, result;
};

inline void finish_ballot(void* const* arguments, uint32_t mask) {
    uint32_t set = 0;
    for (int l = 0; l < 32; ++l)
        if ((mask >> l & 1u) && static_cast<Vote*>(arguments[l])->value != 0) set |= 1u << l;
    for (int l = 0; l < 32; ++l)
        if (mask >> l & 1u) static_cast<Vote*>(arguments[l])->result = set;
}
inline void finish_match(void* const* arguments, uint32_t mask) {
    for (int l = 0; l < 32; ++l) {
        if (!(mask >> l & 1u)) continue;
        auto& own = *static_cast<Vote*>(arguments[l]);
        own.result = 0;
        for (int o = 0; o < 32; ++o)
            if ((mask >> o & 1u) && static_cast<Vote*>(arguments[o])->value == own.value)
                own.result |= 1u << o;
    }
}
inline uint32_t vote(const char* name, unsigned mask, uint32_t value, Finish finish, const Place& at) {
    Vote own{value, 0};
    warp_operation(name, mask, &own, finish, at);
    return own.result;
}

}  // namespace sim

template <class T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32, const Place& at = Place::current()) {
    return sim::shuffle("__shfl_sync", mask, value, sim::lane() / width * width + source % width, at);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int bits, int width = 32, const Place& at = Place::current()) {
    return sim::shuffle("__shfl_xor_sync", mask, value, sim::within(sim::lane() ^ bits, width), at);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, int by, int width = 32, const Place& at = Place::current()) {
    return sim::shuffle("__shfl_down_sync", mask, value, sim::within(sim::lane() + by, width), at);
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, int by, int width = 32, const Place& at = Place::current()) {
    return sim::shuffle("__shfl_up_sync", mask, value, sim::within(sim::lane() - by, width), at);
}
inline unsigned __ballot_sync(unsigned mask, int value, const Place& at = Place::current()) {
    return sim::vote("__ballot_sync", mask, value != 0, &sim::finish_ballot, at);
}
inline int __any_sync(unsigned mask, int value, const Place& at = Place::current()) {
    return sim::vote("__any_sync", mask, value != 0, &sim::finish_ballot, at) != 0;
}
inline int __all_sync(unsigned mask, int value, const Place& at = Place::current()) {
    return sim::vote("__all_sync", mask, value != 0, &sim::finish_ballot, at) == mask;
}
inline unsigned __match_any_sync(unsigned mask, int value, const Place& at = Place::current()) {
    return sim::vote("__match_any_sync", mask, static_cast<uint32_t>(value), &sim::finish_match, at);
}

template <class T>
T atomicAdd(Ptr<T> at, T value) {
    sim::touch(at.region(), at.raw(), sizeof(T), alignof(T), sim::Access::atomic);
    const T old = *at.raw();
    *at.raw() = static_cast<T>(old + value);
    return old;
}

inline int __popc(unsigned x) {
    return std::popcount(x);
}
inline float __int_as_float(int x) {
    return std::bit_cast<float>(x);
}
inline float __fmaf_rn(float a, float b, float c) {
    return std::fma(a, b, c);
}
inline float __fmul_rn(float a, float b) {
    return a * b;
}
inline float __fadd_rn(float a, float b) {
    return a + b;
}
inline float __fsub_rn(float a, float b) {
    return a - b;
}
inline float __fdiv_rn(float a, float b) {
    return a / b;
}
inline float __fsqrt_rn(float a) {
    return std::sqrt(a);
}

}  // namespace sluice::kernels::cuda
