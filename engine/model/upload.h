// Takes the weights of a model to a device, where its operations read them, each tensor in memory of its own.
#pragma once
#include <cstdint>

#include "engine/model/config.h"
#include "engine/model/repack.h"
#include "engine/model/weights.h"
#include "kernels/device_memory.h"

namespace sluice::model {

// Whether the CUDA kernels can compute this model: unsupported naming the first tensor and its type, the key
// of the file, or --kv-type.
Result<void> check_for_device(const Weights& weights, const Config& config, kernels::DType kv_type);

struct Uploaded {
    int64_t tensors = 0;
    uint64_t bytes = 0;
};

// After it, `weights` point into the device, all but those of the rotation, which the host finds.
// out_of_memory naming the tensor that has no room; weights are then of no use.
Result<Uploaded> upload(Weights& weights, kernels::DeviceMemory& device, const RepackProgress& progress);

}  // namespace sluice::model
