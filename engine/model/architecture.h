// The one place that decides which model families are served and how they differ. Pure data and look-ups.
#pragma once
#include <span>
#include <string>
#include <string_view>

#include "engine/result.h"

namespace sluice::model {

struct Architecture {
    std::string_view name;          // canonical, as in general.architecture and metadata prefixes
    bool moe = false;               // expert feed-forward layers
    bool qk_norm = false;           // RMS norm of each query and key head before the rotation
    bool interleaved_rope = false;  // pairs (2i, 2i+1) instead of (i, i + d/2)
};

std::span<const Architecture> supported_architectures();

// By canonical name, Hugging Face class name ("Qwen3MoeForCausalLM") or spelling variant ("qwen3_moe",
// "Qwen3-MoE"). Unknown: unsupported_architecture, with the name found and the list of those supported.
Result<Architecture> find_architecture(std::string_view name);

// True for architectures with expert layers; false for dense and unknown names.
bool is_moe_architecture(std::string_view name);

}  // namespace sluice::model
