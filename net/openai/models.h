// GET /v1/models and /v1/models/{id}: the one model that is served.
#pragma once
#include <string>

#include "engine/stats.h"

namespace sluice::net::openai {

std::string model_list(const engine::ModelInfo& model);
std::string model_object(const engine::ModelInfo& model);

// Changes when the model or the way it is computed changes.
std::string fingerprint(const engine::ModelInfo& model);

}  // namespace sluice::net::openai
