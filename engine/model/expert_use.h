// Which experts a model's routers chose since it was loaded. Plain data; a model counts after each forward
// pass, and the sizes stay as they are at load. Thread: the model's is the engine's, copies are anybody's.
#pragma once
#include <cstdint>
#include <vector>

namespace sluice::model {

struct ExpertUse {
    int32_t layers = 0;
    int32_t experts = 0;            // of a layer; 0: the model has none
    int64_t steps = 0;              // forward passes
    int64_t tokens = 0;             // computed in them; each chose its experts anew in every layer
    std::vector<int64_t> chosen;    // [layers, experts] tokens
    std::vector<int64_t> distinct;  // [layers] experts that a step used, summed over the steps
};

}  // namespace sluice::model
