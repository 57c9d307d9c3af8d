// Hyper-parameters of one model file, checked against its tensors. Plain data.
#pragma once
#include <cstdint>

#include "engine/gguf/file.h"
#include "engine/model/architecture.h"

namespace sluice::model {

struct Config {
    Architecture arch;
    int32_t layers = 0;
    int32_t hidden = 0;
    int32_t heads = 0;
    int32_t kv_heads = 0;
    int32_t head_dim = 0;  // key_length; not hidden / heads
    int32_t ffn = 0;       // width of a dense layer, or of one expert
    int32_t experts = 0;   // 0: dense
    int32_t experts_used = 0;
    float expert_weight_scale = 1.0f;
    int32_t vocab = 0;
    int32_t context = 0;  // as trained
    float norm_eps = 1e-6f;
    double rope_base = 10000.0;
    int32_t rope_dim = 0;
    double rope_scale = 1.0;  // linear scaling: positions are divided by it
};

// bad_file or unsupported (e.g. a rope scaling that we do not compute), naming file and key.
Result<Config> read_config(const gguf::File& file);

}  // namespace sluice::model
