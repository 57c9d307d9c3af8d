// Engine::load: from a file to a running engine, in the order that finds mistakes soonest.
#include <string>
#include <utility>

#include "engine/engine.h"
#include "engine/memory.h"
#include "engine/model/repack.h"
#include "engine/model/transformer.h"
#include "engine/model_file.h"
#include "kvcache/kv_store.h"

namespace sluice::engine {
namespace {

Result<std::unique_ptr<kernels::Backend>> make_backend(const Options& options) {
    auto backend = kernels::make_cpu_backend({options.threads, options.isa});
    if (backend) return backend;
    std::string known;
    for (const std::string& isa : kernels::available_cpu_isas()) known += (known.empty() ? "" : ", ") + isa;
    return Error{ErrorKind::unsupported,
                 "this machine cannot run '" + options.isa + "'; it can run: " + known, "--isa"};
}

}  // namespace

Result<std::unique_ptr<Engine>> Engine::load(const Options& options, const LoadProgress& progress) {
    auto opened = open_model_file(options);
    if (!opened) return opened.error();
    auto backend = make_backend(options);
    if (!backend) return backend.error();

    auto& [file, config, weights, frontend, info] = *opened;
    info.backend = (*backend)->name();
    info.threads = (*backend)->num_threads();
    const size_t block_bytes =
        kvcache::KvStore::block_bytes(options.kv_type, config.layers, config.kv_heads, config.head_dim);
    const uint64_t available = available_memory();
    const auto plan = plan_kv_memory(options, block_bytes, info.context, file->size_bytes(), available);
    if (!plan) return plan.error();
    info.kv_blocks = plan->blocks;
    info.kv_bytes = static_cast<int64_t>(plan->bytes);
    auto store = kvcache::KvStore::make(options.kv_type, plan->blocks, config.layers, config.kv_heads,
                                        config.head_dim);
    if (!store) return Error{ErrorKind::out_of_memory, "the KV cache could not be allocated", "--kv-memory"};

    const bool fits = file->size_bytes() + plan->bytes <= available;
    const bool repacked =
        options.weights == WeightLayout::repacked || (options.weights == WeightLayout::automatic && fits);
    info.weights = repacked ? "repacked" : "mapped";
    if (repacked) {
        if (auto done = model::repack(weights, progress); !done) return done.error();
    } else if (progress) {
        file->read_ahead(progress);
    }
    auto model = std::make_unique<model::Transformer>(std::move(weights), config, std::move(*backend),
                                                      std::move(store));
    return create(std::move(model), std::move(frontend), std::move(info), options);
}

}  // namespace sluice::engine
