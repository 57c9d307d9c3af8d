// Activations as integers: what quantised weights are multiplied with. A block's scale is max|x| / 127, so
// quants lie in -127..127; the sums serve weights with a minimum or an offset.
#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels/dtype.h"

namespace sluice::kernels::cpu {

struct alignas(64) Act256 {  // for Q4_K, Q5_K, Q6_K
    float d;
    float unused[3] = {};
    int16_t sum32[8];   // of each 32 quants
    int16_t sum16[16];  // of each 16
    int8_t q[256];
};
struct Act32 {  // for Q4_0, Q8_0
    float d;
    int32_t sum;  // of all quants
    int8_t q[32];
};
static_assert(sizeof(Act256) == 320 && sizeof(Act32) == 40);

enum class ActFormat : uint8_t { f32, blocks_32, blocks_256 };

constexpr ActFormat act_format(DType weight) {
    switch (dtype_info(weight).block_elems) {
        case 1:
            return ActFormat::f32;
        case 32:
            return ActFormat::blocks_32;
        default:
            return ActFormat::blocks_256;
    }
}

constexpr size_t act_bytes(ActFormat format, int64_t k) {
    const auto n = static_cast<size_t>(k);
    switch (format) {
        case ActFormat::f32:
            return n * sizeof(float);
        case ActFormat::blocks_32:
            return n / 32 * sizeof(Act32);
        default:
            return n / 256 * sizeof(Act256);
    }
}

// Below this, a block counts as all zero: 127 / max|x| would overflow.
inline constexpr float kSmallestAmax = 1e-30f;

}  // namespace sluice::kernels::cpu
