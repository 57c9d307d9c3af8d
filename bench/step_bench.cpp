// Times steps of a model without a server around it. bench/compare.py runs it beside a peer, by turns:
// commands come on the standard input, one a line, and each is answered by one line of JSON.
//   decode STREAMS CONTEXT STEPS    seconds of each step that computes one token for every stream
//   prompt TOKENS CHUNK             seconds of one prompt, computed in steps of at most CHUNK tokens
//   quit
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <iostream>
#include <map>
#include <numeric>
#include <sstream>
#include <string>
#include <vector>

#include "engine/gguf/file.h"
#include "engine/memory.h"
#include "engine/model/config.h"
#include "engine/model/repack.h"
#include "engine/model/transformer.h"
#include "engine/model/weights.h"
#include "engine/options.h"
#include "kvcache/kv_store.h"

namespace sluice::bench {
namespace {

using kernels::kBlockTokens;

constexpr int32_t kPrefix = 512;  // tokens that are computed; a longer context repeats their blocks

int32_t blocks_of(int32_t tokens) {
    return (tokens + kBlockTokens - 1) / kBlockTokens;
}

// What a step of one token has to read of the weights: of experts those that it uses, of embeddings one row.
double bytes_of_a_token(const gguf::File& file, const model::Config& config) {
    double bytes = 0;
    const bool tied = file.find("output.weight") == nullptr;
    for (const gguf::Tensor& tensor : file.tensors()) {
        if (tensor.name == "token_embd.weight" && !tied) continue;
        const bool experts = tensor.name.find("_exps.") != std::string::npos;
        const double share = experts ? double(config.experts_used) / config.experts : 1.0;
        bytes += share * static_cast<double>(tensor.data.size());
    }
    return bytes;
}

struct Loaded {
    std::unique_ptr<model::Model> model;
    model::Config config;
    double token_bytes = 0, kv_token_bytes = 0, file_bytes = 0;
    std::string backend;
    int threads = 0;
    bool repacked = false;
};

// As Engine::load chooses.
bool wants_strips(const engine::Options& options, uint64_t bytes) {
    const bool fits = bytes <= engine::available_memory();
    return options.weights == engine::WeightLayout::repacked ||
           (options.weights == engine::WeightLayout::automatic && fits);
}

Result<Loaded> load(const engine::Options& options, int32_t blocks) {
    auto file = gguf::File::open(options.model_path);
    if (!file) return file.error();
    auto config = model::read_config(**file);
    if (!config) return config.error();
    auto weights = model::bind_weights(*file, *config);
    if (!weights) return weights.error();
    auto backend = kernels::make_cpu_backend({options.threads, options.isa});
    if (!backend) return Error{ErrorKind::unsupported, "this machine cannot run '" + options.isa + "'"};
    const auto& c = *config;
    auto store = kvcache::KvStore::make(options.kv_type, blocks, c.layers, c.kv_heads, c.head_dim);
    if (!store) return Error{ErrorKind::out_of_memory, "the KV cache could not be allocated"};
    const bool repacked = wants_strips(options, (*file)->size_bytes() + store->bytes());
    if (!repacked) {
        (*file)->read_ahead([](uint64_t, uint64_t) {});
    } else if (auto done = model::repack(*weights, {}); !done) {
        return done.error();
    }

    const auto block_bytes = kvcache::KvStore::block_bytes(options.kv_type, c.layers, c.kv_heads, c.head_dim);
    Loaded out{.model = nullptr,
               .config = c,
               .token_bytes = bytes_of_a_token(**file, c),
               .kv_token_bytes = static_cast<double>(block_bytes) / kBlockTokens,
               .file_bytes = static_cast<double>((*file)->size_bytes()),
               .backend = std::string(backend->name()),
               .threads = backend->num_threads(),
               .repacked = repacked};
    out.model =
        std::make_unique<model::Transformer>(std::move(*weights), c, std::move(backend), std::move(store));
    return out;
}

// Streams with a table of blocks each, and the flat arrays of a step over them.
class Streams {
  public:
    Streams(model::Model& model, int32_t count, int32_t length)
        : model_(model), blocks_(blocks_of(length)), ids_(static_cast<size_t>(count * blocks_)) {
        std::iota(ids_.begin(), ids_.end(), 0);
    }

    int32_t blocks() const { return static_cast<int32_t>(ids_.size()); }

    // `count` tokens of one stream from `first` on; logits only of the last, and only where a prompt ends.
    double compute(int32_t stream, int32_t first, int32_t count, bool ends = true) {
        clear();
        for (int32_t i = 0; i < count; ++i) add(stream, first + i);
        if (ends) logit_rows_.push_back(count - 1);
        return run();
    }

    // One token for every stream, all at `position`.
    double step(int32_t position) {
        clear();
        const int32_t streams = blocks() / blocks_;
        for (int32_t s = 0; s < streams; ++s) {
            logit_rows_.push_back(s);
            add(s, position);
        }
        return run();
    }

    // Gives each stream `length` tokens. What the cache says costs no time to read, so it may repeat itself.
    void fill(int32_t length) {
        const int32_t computed = std::min(length, kPrefix);
        compute(0, 0, computed);
        for (int32_t b = 0; b < blocks(); ++b) {
            const int32_t place = b % blocks_, from = place % blocks_of(computed);
            if (place < blocks_of(length) && b != from) model_.copy_block(from, b);
        }
    }

  private:
    void clear() {
        for (auto* v : {&tokens_, &positions_, &table_begin_, &logit_rows_}) v->clear();
    }

    // The token is as in bench/peer_llama.py, so that both sides route the same tokens to experts.
    void add(int32_t stream, int32_t position) {
        const int64_t mixed = int64_t{7919} * stream + int64_t{104729} * position;
        tokens_.push_back(static_cast<int32_t>(1 + mixed % (model_.vocab() - 1)));
        positions_.push_back(position);
        table_begin_.push_back(stream * blocks_);
    }

    double run() {
        const auto start = std::chrono::steady_clock::now();
        model_.forward({tokens_, {positions_, table_begin_, ids_}, logit_rows_});
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    }

    model::Model& model_;
    int32_t blocks_;  // of one stream
    std::vector<int32_t> ids_, tokens_, positions_, table_begin_, logit_rows_;
};

std::string seconds_json(const std::vector<double>& seconds) {
    std::ostringstream out;
    out.precision(9);
    out << "{\"seconds\": [";
    for (size_t i = 0; i < seconds.size(); ++i) out << (i ? ", " : "") << seconds[i];
    out << "]}";
    return out.str();
}

std::string error_json(const std::string& message) {
    return "{\"error\": \"" + message + "\"}";
}

class Commands {
  public:
    Commands(Loaded& loaded, int64_t pool_tokens) : model_(*loaded.model), pool_tokens_(pool_tokens) {}

    std::string answer(const std::string& line) {
        std::istringstream in(line);
        std::string name;
        int64_t a = 0, b = 0, c = 1;
        in >> name >> a >> b;
        if (name == "decode") in >> c;
        constexpr int64_t kMost = 1 << 20;
        if (!in || std::min({a, b, c}) < 1 || std::max({a, b, c}) > kMost)
            return error_json("a number is missing or out of range");
        if (name == "decode") return decode(int32_t(a), int32_t(b), int32_t(c));
        if (name == "prompt") return prompt(int32_t(a), int32_t(b));
        return error_json("the commands are decode, prompt and quit");
    }

  private:
    bool fits(int64_t streams, int32_t tokens) const {
        return streams * blocks_of(tokens) * kBlockTokens <= pool_tokens_;
    }

    std::string decode(int32_t count, int32_t context, int32_t steps) {
        const int32_t length = context + steps + 1;  // the first step is not counted
        if (!fits(count, length)) return error_json("--kv-tokens is too small");
        Streams streams(model_, count, length);
        streams.fill(context);
        streams.step(context);
        std::vector<double> seconds;
        for (int32_t i = 1; i <= steps; ++i) seconds.push_back(streams.step(context + i));
        return seconds_json(seconds);
    }

    std::string prompt(int32_t tokens, int32_t chunk) {
        if (!fits(1, tokens)) return error_json("--kv-tokens is too small");
        Streams one(model_, 1, tokens);
        double seconds = 0;
        for (int32_t first = 0; first < tokens; first += chunk)
            seconds += one.compute(0, first, std::min(chunk, tokens - first), first + chunk >= tokens);
        return seconds_json({seconds});
    }

    model::Model& model_;
    int64_t pool_tokens_;
};

void print_about(const Loaded& loaded) {
    std::printf(
        "{\"backend\": \"%s\", \"weights\": \"%s\", \"threads\": %d, \"layers\": %d, "
        "\"file_bytes\": %.0f, \"token_bytes\": %.0f, \"kv_token_bytes\": %.0f}\n",
        loaded.backend.c_str(), loaded.repacked ? "repacked" : "mapped", loaded.threads, loaded.config.layers,
        loaded.file_bytes, loaded.token_bytes, loaded.kv_token_bytes);
}

int run(const engine::Options& options, int32_t pool_tokens) {
    auto loaded = load(options, blocks_of(pool_tokens));
    if (!loaded) {
        std::fprintf(stderr, "step_bench: %s\n", loaded.error().message.c_str());
        return 1;
    }
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    print_about(*loaded);
    Commands commands(*loaded, int64_t{blocks_of(pool_tokens)} * kBlockTokens);
    for (std::string line; std::getline(std::cin, line) && line != "quit";)
        std::puts(commands.answer(line).c_str());
    return 0;
}

}  // namespace
}  // namespace sluice::bench

int main(int argc, char** argv) {
    sluice::engine::Options options;
    int32_t pool_tokens = 16384;
    const std::map<std::string, sluice::kernels::DType> kv_types{{"f16", sluice::kernels::DType::f16},
                                                                 {"q8_0", sluice::kernels::DType::q8_0},
                                                                 {"bf16", sluice::kernels::DType::bf16},
                                                                 {"f32", sluice::kernels::DType::f32}};
    using Layout = sluice::engine::WeightLayout;
    const std::map<std::string, Layout> layouts{
        {"auto", Layout::automatic}, {"repacked", Layout::repacked}, {"mapped", Layout::mapped}};
    CLI::App app{"Times steps of a model; commands come on the standard input."};
    app.option_defaults()->always_capture_default();
    app.add_option("model", options.model_path, "GGUF file")->required();
    app.add_option("--threads", options.threads, "0: one per usable core");
    app.add_option("--isa", options.isa, "instruction set; empty: the best");
    app.add_option("--weights", options.weights)->transform(CLI::CheckedTransformer(layouts));
    app.add_option("--kv-type", options.kv_type)->transform(CLI::CheckedTransformer(kv_types));
    app.add_option("--kv-tokens", pool_tokens, "size of the KV cache")->check(CLI::Range(32, 1 << 24));
    CLI11_PARSE(app, argc, argv);
    return sluice::bench::run(options, pool_tokens);
}
