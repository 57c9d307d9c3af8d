// What the server says of itself: the one model that it serves, its settings, its version.
#pragma once
#include <string>
#include <string_view>

#include "engine/model/expert_use.h"
#include "engine/stats.h"
#include "net/limits.h"

namespace sluice::net::openai {

std::string model_list(const engine::ModelInfo& model);
std::string model_object(const engine::ModelInfo& model, std::string_view name);  // own or alias

std::string server_info(const engine::ModelInfo& model, const Limits& limits);
std::string expert_use(const model::ExpertUse& use, const engine::ModelInfo& model);
std::string version();

// Changes when the model or the way it is computed changes.
std::string fingerprint(const engine::ModelInfo& model);

}  // namespace sluice::net::openai
