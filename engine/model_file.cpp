#include "engine/model_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <map>
#include <utility>

#include "engine/embedded_model.h"
#include "engine/tokenizer/vocab_file.h"

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

// What the file advises, by llama.cpp's keys. `value` stays as it is where there is no such key.
template <class T>
Result<void> advise(const gguf::File& file, const char* key, double low, double high, T& value) {
    if (!file.metadata(key)) return {};
    const auto number = file.number(key);
    if (!number) return number.error();
    if (!(*number >= low && *number <= high)) {
        return Error{ErrorKind::bad_file,
                     fmt::format("{}: {} is {}; it must be {} to {}", file.path(), key, *number, low, high),
                     key};
    }
    value = static_cast<T>(*number);
    return {};
}

Result<sampling::Params> advised_sampling(const gguf::File& file) {
    sampling::Params p;
    constexpr double kMostTokens = 1 << 30;
    if (auto ok = advise(file, "general.sampling.temp", 0, 2, p.temperature); !ok) return ok.error();
    if (auto ok = advise(file, "general.sampling.top_k", -1, kMostTokens, p.top_k); !ok) return ok.error();
    if (auto ok = advise(file, "general.sampling.top_p", 0, 1, p.top_p); !ok) return ok.error();
    if (auto ok = advise(file, "general.sampling.min_p", 0, 1, p.min_p); !ok) return ok.error();
    p.top_k = std::max(p.top_k, 0);
    if (p.top_p == 0) p.top_k = 1;  // nothing but the likeliest
    if (p.top_p == 0) p.top_p = 1;
    return p;
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

}  // namespace

Result<ModelFile> open_model_file(const Options& options) {
    auto file = open_file(options);
    if (!file) return file.error();
    auto config = model::read_config(**file);
    if (!config) return config.error();
    auto weights = model::bind_weights(*file, *config);
    if (!weights) return weights.error();
    auto frontend = make_frontend(**file, options);
    if (!frontend) return frontend.error();
    const auto sampling = advised_sampling(**file);
    if (!sampling) return sampling.error();
    ModelInfo info = describe(**file, *config, options);
    info.sampling = *sampling;
    return ModelFile{std::move(*file), *config, std::move(*weights), std::move(*frontend), std::move(info)};
}

}  // namespace sluice::engine
