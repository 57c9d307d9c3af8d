// Engine::load: from a file to a running engine, in the order that finds mistakes soonest.
#include <ctime>
#include <filesystem>
#include <map>
#include <string>
#include <utility>

#include "engine/embedded_model.h"
#include "engine/engine.h"
#include "engine/gguf/file.h"
#include "engine/memory.h"
#include "engine/model/config.h"
#include "engine/model/repack.h"
#include "engine/model/transformer.h"
#include "engine/model/weights.h"
#include "engine/tokenizer/vocab_file.h"
#include "kvcache/kv_store.h"

namespace sluice::engine {
namespace {

Result<std::shared_ptr<const gguf::File>> open_file(const Options& options) {
    if (options.model_path.empty()) return gguf::File::from_memory(embedded_model(), "the embedded model");
    return gguf::File::open(options.model_path);
}

// A token as templates print it: control tokens by their text.
std::string token_text(const tokenizer::Tokenizer& tokenizer, int32_t token) {
    return token < 0 ? std::string() : std::string(tokenizer.bytes(token, true));
}

Result<Frontend> make_frontend(const gguf::File& file, const Options& options) {
    auto vocab = tokenizer::read_vocab(file);
    if (!vocab) return vocab.error();
    const int32_t eos = vocab->eos;
    auto tokenizer = tokenizer::Tokenizer::make(std::move(*vocab));
    if (!tokenizer) {
        Error e = tokenizer.error();
        e.message = file.path() + ": " + e.message;
        return e;
    }
    std::shared_ptr<const chat::ChatTemplate> chat_template;
    if (file.metadata("tokenizer.chat_template")) {
        const auto source = file.string("tokenizer.chat_template");
        if (!source) return source.error();
        auto parsed = chat::ChatTemplate::parse(*source, token_text(**tokenizer, (*tokenizer)->bos()),
                                                token_text(**tokenizer, eos));
        if (!parsed) {
            return Error{ErrorKind::bad_file,
                         file.path() + ": tokenizer.chat_template: " + parsed.error().message,
                         "tokenizer.chat_template"};
        }
        chat_template = std::move(*parsed);
    }
    ReplayLimits replay;
    replay.bytes = options.replay_bytes;
    return Frontend(std::move(*tokenizer), std::move(chat_template), replay);
}

std::string quantisation_of(const gguf::File& file) {
    std::map<std::string, int> counts;
    for (const gguf::Tensor& tensor : file.tensors())
        ++counts[std::string(kernels::dtype_info(tensor.type).name)];
    std::string out;
    for (const auto& [type, count] : counts)
        out += (out.empty() ? "" : " ") + type + ":" + std::to_string(count);
    return out;
}

std::string name_of(const gguf::File& file, const Options& options) {
    if (!options.model_name.empty()) return options.model_name;
    const auto name = file.string("general.name");
    if (name && !name->empty()) return *name;
    const std::string stem = std::filesystem::path(options.model_path).stem().string();
    return stem.empty() ? "default" : stem;
}

ModelInfo describe(const gguf::File& file, const model::Config& config, const Options& options) {
    ModelInfo info;
    info.name = name_of(file, options);
    info.aliases = options.aliases;
    info.pooling = options.pooling;
    info.architecture = config.arch.name;
    info.path = options.model_path;
    info.quantisation = quantisation_of(file);
    info.created = static_cast<int64_t>(std::time(nullptr));
    info.file_bytes = static_cast<int64_t>(file.size_bytes());
    for (const gguf::Tensor& tensor : file.tensors()) {
        int64_t elements = 1;
        for (const int64_t n : tensor.shape) elements *= n;
        info.parameters += elements;
    }
    info.layers = config.layers;
    info.hidden = config.hidden;
    info.heads = config.heads;
    info.kv_heads = config.kv_heads;
    info.head_dim = config.head_dim;
    info.vocab = config.vocab;
    info.experts = config.experts;
    info.experts_used = config.experts_used;
    info.context_trained = config.context;
    info.context = options.max_context > 0 ? std::min(options.max_context, config.context) : config.context;
    info.kv_type = kernels::dtype_info(options.kv_type).name;
    return info;
}

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
    auto file = open_file(options);
    if (!file) return file.error();
    auto config = model::read_config(**file);
    if (!config) return config.error();
    auto weights = model::bind_weights(*file, *config);
    if (!weights) return weights.error();
    auto frontend = make_frontend(**file, options);
    if (!frontend) return frontend.error();
    auto backend = make_backend(options);
    if (!backend) return backend.error();

    ModelInfo info = describe(**file, *config, options);
    info.backend = (*backend)->name();
    info.threads = (*backend)->num_threads();
    const size_t block_bytes =
        kvcache::KvStore::block_bytes(options.kv_type, config->layers, config->kv_heads, config->head_dim);
    const uint64_t available = available_memory();
    const auto plan = plan_kv_memory(options, block_bytes, info.context, (*file)->size_bytes(), available);
    if (!plan) return plan.error();
    info.kv_blocks = plan->blocks;
    info.kv_bytes = static_cast<int64_t>(plan->bytes);
    auto store = kvcache::KvStore::make(options.kv_type, plan->blocks, config->layers, config->kv_heads,
                                        config->head_dim);
    if (!store) return Error{ErrorKind::out_of_memory, "the KV cache could not be allocated", "--kv-memory"};

    const bool fits = (*file)->size_bytes() + plan->bytes <= available;
    const bool repacked =
        options.weights == WeightLayout::repacked || (options.weights == WeightLayout::automatic && fits);
    info.weights = repacked ? "repacked" : "mapped";
    if (repacked) {
        if (auto done = model::repack(*weights, progress); !done) return done.error();
    } else if (progress) {
        (*file)->read_ahead(progress);
    }
    auto model = std::make_unique<model::Transformer>(std::move(*weights), *config, std::move(*backend),
                                                      std::move(store));
    return create(std::move(model), std::move(*frontend), std::move(info), options);
}

}  // namespace sluice::engine
