// Engine::load: from a file to a running engine, in the order that finds mistakes soonest.
#include <fmt/format.h>

#include <string>
#include <utility>

#include "engine/engine.h"
#include "engine/memory.h"
#include "engine/model/repack.h"
#include "engine/model/transformer.h"
#include "engine/model/upload.h"
#include "engine/model_file.h"
#include "kernels/cuda/backend.h"
#include "kvcache/kv_store.h"

namespace sluice::engine {
namespace {

Result<std::unique_ptr<kernels::Backend>> make_backend(const Options& options) {
    const kernels::CpuOptions cpu{options.threads, options.isa};
    auto backend = options.device == Device::sim ? kernels::cuda::make_sim_backend({.host = cpu})
                                                 : kernels::make_cpu_backend(cpu);
    if (backend) return backend;
    std::string known;
    for (const std::string& isa : kernels::available_cpu_isas()) known += (known.empty() ? "" : ", ") + isa;
    return Error{ErrorKind::unsupported,
                 "this machine cannot run '" + options.isa + "'; it can run: " + known, "--isa"};
}

// What an engine is made of, while it comes together.
struct Loading {
    const Options& options;
    const LoadProgress& progress;
    ModelFile& model;
    kernels::Backend& backend;
    std::unique_ptr<kvcache::KvStore> store;

    // The KV cache in what is available beside the weights.
    Result<void> make_store(uint64_t weight_bytes, uint64_t available) {
        const model::Config& c = model.config;
        const size_t block_bytes =
            kvcache::KvStore::block_bytes(options.kv_type, c.layers, c.kv_heads, c.head_dim);
        const auto plan = plan_kv_memory(options, block_bytes, model.info.context, weight_bytes, available);
        if (!plan) return plan.error();
        model.info.kv_blocks = plan->blocks;
        model.info.kv_bytes = static_cast<int64_t>(plan->bytes);
        store = kvcache::KvStore::make(options.kv_type, plan->blocks, c.layers, c.kv_heads, c.head_dim,
                                       backend.device());
        if (store) return {};
        std::string why = "the KV cache could not be allocated";
        if (backend.device()) why = backend.device()->take_failure().value_or(why);
        return Error{ErrorKind::out_of_memory, why, "--kv-memory"};
    }

    Result<void> on_cpu() {
        const uint64_t file_bytes = model.file->size_bytes(), available = available_memory();
        if (auto made = make_store(file_bytes, available); !made) return made;
        const bool fits = file_bytes + static_cast<uint64_t>(model.info.kv_bytes) <= available;
        const bool repacked =
            options.weights == WeightLayout::repacked || (options.weights == WeightLayout::automatic && fits);
        model.info.weights = repacked ? "repacked" : "mapped";
        if (repacked) return model::repack(model.weights, progress);
        if (progress) model.file->read_ahead(progress);
        return {};
    }

    Result<void> on_device(kernels::DeviceMemory& device) {
        if (auto can = model::check_for_device(model.weights, model.config, options.kv_type); !can)
            return can;
        const auto uploaded = model::upload(model.weights, device, progress);
        if (!uploaded) return uploaded.error();
        if (auto made = make_store(uploaded->bytes, device.total_bytes()); !made) return made;
        model.info.weights = "uploaded";
        const auto mib = [](uint64_t bytes) { return static_cast<double>(bytes) / (1 << 20); };
        model.info.device = fmt::format(
            "{}: of {:.1f} MiB, weights take {:.1f} ({} tensors), the KV cache {:.1f} ({} blocks); {:.1f} "
            "are left for "
            "steps",
            backend.name(), mib(device.total_bytes()), mib(uploaded->bytes), uploaded->tensors,
            mib(store->bytes()), model.info.kv_blocks, mib(device.free_bytes()));
        return {};
    }
};

}  // namespace

Result<std::unique_ptr<Engine>> Engine::load(const Options& options, const LoadProgress& progress) {
    auto opened = open_model_file(options);
    if (!opened) return opened.error();
    auto backend = make_backend(options);
    if (!backend) return backend.error();

    auto& [file, config, weights, frontend, info] = *opened;
    info.backend = (*backend)->name();
    info.threads = (*backend)->num_threads();
    Loading loading{options, progress, *opened, **backend, nullptr};
    kernels::DeviceMemory* device = (*backend)->device();
    if (auto done = device ? loading.on_device(*device) : loading.on_cpu(); !done) return done.error();
    auto model = std::make_unique<model::Transformer>(std::move(weights), config, std::move(*backend),
                                                      std::move(loading.store));
    return create(std::move(model), std::move(frontend), std::move(info), options);
}

}  // namespace sluice::engine
