// A model file opened and checked, before any memory is taken for it: what Engine::load and `sluice inspect`
// begin with. Weights are views of the mapped file. One thread.
#pragma once
#include <memory>

#include "engine/frontend.h"
#include "engine/gguf/file.h"
#include "engine/model/config.h"
#include "engine/model/weights.h"
#include "engine/options.h"
#include "engine/result.h"
#include "engine/stats.h"

namespace sluice::engine {

struct ModelFile {
    std::shared_ptr<const gguf::File> file;
    model::Config config;
    model::Weights weights;
    Frontend frontend;
    ModelInfo info;  // without what depends on the machine: backend, threads, KV blocks, layout
};

// options.model_path, or the embedded model. Errors name the file, and the key or tensor at fault.
Result<ModelFile> open_model_file(const Options& options);

}  // namespace sluice::engine
