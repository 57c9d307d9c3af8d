// What every Q4_K kernel reads first: a block's f16 scales and the six-bit scale and minimum of one of its
// eight groups (kernels/quant.h).
#pragma once
#include <cstddef>

#include "kernels/cuda/device.h"
#include "kernels/cuda/ptx.h"

namespace sluice::kernels::cuda {

struct ScalesQ4_K {
    float d, dmin;
    int scale, min;

    // The first 16 bytes of a block, aligned to 16 as all of it is.
    __device__ ScalesQ4_K(Ptr<const std::byte> block, int group) {
        const uint4 head = ptr_cast<const uint4>(block)[0];
        d = from_f16(static_cast<uint16_t>(head.x & 0xffffu));
        dmin = from_f16(static_cast<uint16_t>(head.x >> 16));
        const int i = group % 4;
        const int low = byte_of(head.y, i), high = byte_of(head.z, i), both = byte_of(head.w, i);
        scale = group < 4 ? low & 63 : (both & 15) | low >> 6 << 4;
        min = group < 4 ? high & 63 : both >> 4 | high >> 6 << 4;
    }

  private:
    static __device__ int byte_of(uint32_t word, int i) { return static_cast<int>(word >> (i * 8) & 0xffu); }
};

}  // namespace sluice::kernels::cuda
