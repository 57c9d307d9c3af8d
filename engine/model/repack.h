// Turns the quantised matrices of a model into strips (kernels/strips.h) as they are read from the file: each
// goes to its final place once, and the file's pages are given back, so the peak is the weights and a little.
#pragma once
#include <cstdint>
#include <functional>

#include "engine/model/weights.h"

namespace sluice::model {

using RepackProgress = std::function<void(uint64_t bytes_done, uint64_t bytes_total)>;

// After it, matrices that fit strips point into memory that `weights` owns; all others stay in the file, read
// once so that serving does not wait for the disk. Spread over all cores; progress from one thread at a time.
// out_of_memory when the memory cannot be had; weights are then unchanged.
Result<void> repack(Weights& weights, const RepackProgress& progress);

}  // namespace sluice::model
