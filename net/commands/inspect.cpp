// `sluice inspect`: what a model file holds, as the loader that serves it reads it, and what memory it needs.
// Nothing is loaded: a model that does not fit can be looked at.
#include <fmt/format.h>

#include <array>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cstdio>
#include <map>
#include <string>

#include "engine/memory.h"
#include "engine/model_file.h"
#include "kvcache/kv_store.h"
#include "net/commands/commands.h"

namespace sluice::net {
namespace {

namespace json = boost::json;

struct TypeShare {
    int64_t tensors = 0, parameters = 0, bytes = 0;
};

// Everything that is shown, once in words and once in JSON.
struct Facts {
    engine::ModelFile model;
    std::map<std::string, TypeShare> types = {};
    int64_t active_parameters = 0;  // of one token: all but the experts that it does not use
    chat::AnswerFormat format = {};
    bool has_template = false;
    uint64_t block_bytes = 0;
    int32_t concurrency = 1;
    engine::MemoryNeed need = {};
    uint64_t available = 0;

    bool fits() const { return need.total() <= available; }
};

int64_t elements(const gguf::Tensor& tensor) {
    int64_t out = 1;
    for (const int64_t n : tensor.shape) out *= n;
    return out;
}

Facts look(engine::ModelFile opened, const InspectCommand& command) {
    Facts out{std::move(opened)};
    const engine::ModelInfo& info = out.model.info;
    for (const gguf::Tensor& tensor : out.model.file->tensors()) {
        TypeShare& share = out.types[std::string(kernels::dtype_info(tensor.type).name)];
        const int64_t count = elements(tensor);
        ++share.tensors;
        share.parameters += count;
        share.bytes += static_cast<int64_t>(tensor.data.size());
        const bool of_experts = info.experts > 0 && tensor.shape.size() == 3;
        out.active_parameters += of_experts ? count / info.experts * info.experts_used : count;
    }
    if (const chat::ChatTemplate* chat_template = out.model.frontend.chat_template()) {
        out.has_template = true;
        out.format = chat::detect_answer_format(chat_template->source());
    }
    out.block_bytes =
        kvcache::KvStore::block_bytes(command.engine.kv_type, info.layers, info.kv_heads, info.head_dim);
    out.concurrency = command.concurrency;
    out.need = engine::memory_need(out.block_bytes, info.context, command.concurrency,
                                   static_cast<uint64_t>(info.file_bytes));
    out.available = engine::available_memory();
    return out;
}

std::string size(uint64_t bytes) {
    constexpr double kStep = 1024;
    constexpr std::array kUnits{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = static_cast<double>(bytes);
    size_t unit = 0;
    for (; value >= kStep; value /= kStep) ++unit;
    return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string count(int64_t n) {
    if (n >= 1'000'000'000) return fmt::format("{:.1f} billion", static_cast<double>(n) / 1e9);
    if (n >= 1'000'000) return fmt::format("{:.1f} million", static_cast<double>(n) / 1e6);
    return fmt::format("{}", n);
}

const char* calls(const Facts& f) {
    switch (f.format.tools) {
        case chat::ToolFormat::none:
            return "none";
        case chat::ToolFormat::hermes_json:
            return "hermes_json";
        case chat::ToolFormat::qwen3_coder_xml:
            return "qwen3_coder_xml";
        case chat::ToolFormat::llama3_json:
            return "llama3_json";
    }
    return "none";
}

std::string metadata(const Facts& f, const char* key) {
    const auto value = f.model.file->string(key);
    return value ? *value : "";
}

// "fits here: ..." or "does not fit here, because ...", with the sum and, if there is one, a way to make it.
std::string verdict(const Facts& f) {
    const int32_t context = f.model.info.context;
    const std::string sum = fmt::format(
        "{} of weights + {} of KV cache ({} x {} tokens, {}) + {} for the rest = {}, and {} are available",
        size(f.need.weights), size(f.need.kv), f.concurrency, context, f.model.info.kv_type,
        size(f.need.reserve), size(f.need.total()), size(f.available));
    if (f.fits()) return "fits here: " + sum;
    const int64_t fitting =
        engine::context_that_fits(f.block_bytes, f.concurrency, f.need.weights, f.available);
    const std::string step =
        fitting > 0 ? fmt::format("; {} tokens each would fit (--max-context {})", fitting, fitting)
        : f.need.weights + f.need.reserve > f.available
            ? "; the weights alone do not: a smaller file of the same model might"
            : "; not one block each: fewer requests might";
    return "does not fit here, because " + sum + step;
}

json::object memory(const Facts& f) {
    return {{"context", f.model.info.context},
            {"concurrency", f.concurrency},
            {"kv_type", f.model.info.kv_type},
            {"weights_bytes", f.need.weights},
            {"kv_bytes", f.need.kv},
            {"reserve_bytes", f.need.reserve},
            {"needed_bytes", f.need.total()},
            {"available_bytes", f.available},
            {"fits", f.fits()},
            {"verdict", verdict(f)}};
}

json::object tokens(const Facts& f) {
    const tokenizer::Tokenizer& t = f.model.frontend.tokenizer();
    json::array ends;
    for (const int32_t end : t.end_tokens()) ends.emplace_back(t.bytes(end, true));
    return {{"tokens", t.vocab_size()},
            {"model", metadata(f, "tokenizer.ggml.model")},
            {"pre", metadata(f, "tokenizer.ggml.pre")},
            {"bos", t.bos()},
            {"adds_bos", t.add_bos()},
            {"end_tokens", std::move(ends)}};
}

json::object as_json(const Facts& f) {
    const engine::ModelInfo& i = f.model.info;
    json::object types;
    for (const auto& [name, share] : f.types) {
        types[name] = json::object{
            {"tensors", share.tensors}, {"parameters", share.parameters}, {"bytes", share.bytes}};
    }
    return {{"name", i.name},
            {"architecture", i.architecture},
            {"path", i.path.empty() ? "(embedded)" : i.path},
            {"file_bytes", i.file_bytes},
            {"parameters", i.parameters},
            {"active_parameters", f.active_parameters},
            {"quantisation", i.quantisation},
            {"types", std::move(types)},
            {"layers", i.layers},
            {"hidden", i.hidden},
            {"ffn", f.model.config.ffn},
            {"heads", i.heads},
            {"kv_heads", i.kv_heads},
            {"head_dim", i.head_dim},
            {"vocab", i.vocab},
            {"experts", i.experts},
            {"experts_used", i.experts_used},
            {"context_trained", i.context_trained},
            {"context", i.context},
            {"chat_template",
             json::object{
                 {"present", f.has_template}, {"tool_calls", calls(f)}, {"reasoning", f.format.reasoning}}},
            {"vocabulary", tokens(f)},
            {"kv_type", i.kv_type},
            {"kv_block_bytes", f.block_bytes},
            {"memory", memory(f)}};
}

std::string type_mix(const Facts& f) {
    std::string out;
    for (const auto& [name, share] : f.types) {
        out += fmt::format("{}{} {} in {} tensors", out.empty() ? "" : ", ", name,
                           size(static_cast<uint64_t>(share.bytes)), share.tensors);
    }
    return out;
}

std::string template_line(const Facts& f) {
    if (!f.has_template) return "none: this model completes text, it cannot chat";
    const std::string kind = calls(f);
    return fmt::format("tool calls {}, {}", kind == "none" ? "unknown to it" : "as " + kind,
                       f.format.reasoning ? "answers may begin with reasoning" : "no reasoning");
}

std::string vocabulary_line(const Facts& f) {
    const tokenizer::Tokenizer& t = f.model.frontend.tokenizer();
    std::string ends;
    for (const int32_t end : t.end_tokens()) {
        if (!ends.empty()) ends += " ";
        ends += t.bytes(end, true);
    }
    return fmt::format("{} tokens, pre-tokeniser {}, ends at {}", t.vocab_size(),
                       metadata(f, "tokenizer.ggml.pre"), ends);
}

void print_text(const Facts& f) {
    const engine::ModelInfo& i = f.model.info;
    const auto line = [](const char* what, const std::string& text) {
        std::fputs(fmt::format("{:<14} {}\n", what, text).c_str(), stdout);
    };
    line("name", i.name);
    line("file", fmt::format("{}, {}", i.path.empty() ? "(embedded)" : i.path,
                             size(static_cast<uint64_t>(i.file_bytes))));
    line("architecture", i.architecture);
    line("parameters",
         fmt::format("{}, {} of them for each token", count(i.parameters), count(f.active_parameters)));
    line("shape", fmt::format("{} layers, {} wide, {} heads and {} for keys of {}", i.layers, i.hidden,
                              i.heads, i.kv_heads, i.head_dim));
    line("experts", i.experts == 0 ? fmt::format("none, dense layers {} wide", f.model.config.ffn)
                                   : fmt::format("{} of {} a token, each {} wide", i.experts_used, i.experts,
                                                 f.model.config.ffn));
    line("types", type_mix(f));
    line("context", fmt::format("{} tokens", i.context_trained));
    line("vocabulary", vocabulary_line(f));
    line("template", template_line(f));
    line("memory", verdict(f));
}

}  // namespace

int run_inspect(const InspectCommand& command) {
    auto opened = engine::open_model_file(command.engine);
    if (!opened) return report(opened.error(), load_status(opened.error()));
    const Facts facts = look(std::move(*opened), command);
    if (command.json) {
        std::printf("%s\n", json::serialize(as_json(facts)).c_str());
    } else {
        print_text(facts);
    }
    return printed(facts.fits() ? exit_status::done : exit_status::no_memory);
}

}  // namespace sluice::net
