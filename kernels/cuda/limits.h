// What the kernels can compute, for those who ask before they launch.
#pragma once
#include "kernels/dtype.h"

namespace sluice::kernels::cuda {

inline constexpr int kMostHeadDim = 128;
inline constexpr int kMostExperts = 512;
inline constexpr int kMostTopK = 32;

// Matrices of linear layers and embeddings; of experts and dense feed-forwards; KV caches.
constexpr bool can_multiply(DType type) {
    return type == DType::f32 || type == DType::f16 || type == DType::bf16 || type == DType::q8_0 ||
           type == DType::q4_k;
}
constexpr bool can_feed_forward(DType type) {
    return type == DType::q8_0 || type == DType::q4_k;
}
constexpr bool can_cache(DType type) {
    return type == DType::f16 || type == DType::bf16 || type == DType::f32;
}

}  // namespace sluice::kernels::cuda
