// The operations on the device: arguments and launches, each in a .cu file of its own. Pointers are to device
// memory. Shapes, formulas and bits are those of kernels/ops.h and the CPU backend.
#pragma once
#include <cstdint>

#include "kernels/cuda/device.h"
#include "kernels/cuda/stream.h"

namespace sluice::kernels::cuda {

// kernels/ops.h RmsNorm. y may be x.
struct RmsNormArgs {
    Ptr<const float> x;       // [rows, cols]
    Ptr<const float> weight;  // [cols]
    Ptr<float> y;             // [rows, cols]
    int rows, cols;
    float eps;
};
void rms_norm(Stream& stream, const RmsNormArgs& args);

// kernels/ops.h Route.
inline constexpr int kMostExperts = 512;
inline constexpr int kMostTopK = 32;
struct RouteArgs {
    Ptr<const float> logits;  // [tokens, experts]
    int tokens, experts, top_k;
    bool renormalise;
    float weight_scale;
    Ptr<int> expert;        // out [tokens, top_k], ascending
    Ptr<float> weight;      // out [tokens, top_k]
    Ptr<int> expert_begin;  // out [experts + 1]
    Ptr<int> row;           // out [tokens * top_k]
};
void route(Stream& stream, const RouteArgs& args);

}  // namespace sluice::kernels::cuda
