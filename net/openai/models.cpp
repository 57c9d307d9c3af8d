#include "net/openai/models.h"

#include <fmt/format.h>

#include "net/json.h"

namespace sluice::net::openai {
namespace {

void write_model(JsonWriter& json, const engine::ModelInfo& model, std::string_view name) {
    json.begin_object().key("id").text(name).key("object").text("model").key("root").text(model.name);
    json.key("created").integer(model.created).key("owned_by").text("sluice");
    json.key("max_model_len").integer(model.context).key("context_length").integer(model.context);
    json.key("meta").begin_object().key("architecture").text(model.architecture);
    json.key("n_ctx_train").integer(model.context_trained).key("n_embd").integer(model.hidden);
    json.key("n_vocab").integer(model.vocab).key("n_params").integer(model.parameters);
    json.key("size").integer(model.file_bytes).end_object().end_object();
}

}  // namespace

std::string model_list(const engine::ModelInfo& model) {
    std::string out;
    JsonWriter json(out);
    json.begin_object().key("object").text("list").key("data").begin_array();
    write_model(json, model, model.name);
    for (const std::string& alias : model.aliases) write_model(json, model, alias);
    json.end_array().end_object();
    return out;
}

std::string model_object(const engine::ModelInfo& model, std::string_view name) {
    std::string out;
    JsonWriter json(out);
    write_model(json, model, name);
    return out;
}

std::string server_info(const engine::ModelInfo& model, const Limits& limits) {
    std::string out;
    JsonWriter json(out);
    json.begin_object().key("version").text(SLUICE_VERSION).key("model");
    write_model(json, model, model.name);
    json.key("model_path").text(model.path).key("served_model_name").text(model.name);
    json.key("backend").text(model.backend).key("quantization").text(model.quantisation);
    json.key("pooling").text(model.pooling == engine::Pooling::mean ? "mean" : "last");
    json.key("weights").text(model.weights).key("threads").integer(model.threads);
    json.key("max_model_len").integer(model.context).key("kv_cache").begin_object();
    json.key("type").text(model.kv_type).key("blocks").integer(model.kv_blocks);
    json.key("bytes").integer(model.kv_bytes).end_object();
    json.key("layers").integer(model.layers).key("experts").integer(model.experts);
    json.key("experts_used").integer(model.experts_used);
    json.key("default_sampling").begin_object().key("temperature").number(model.sampling.temperature);
    json.key("top_k").integer(model.sampling.top_k).key("top_p").number(model.sampling.top_p);
    json.key("min_p").number(model.sampling.min_p).end_object();
    json.key("max_body_bytes").integer(static_cast<int64_t>(limits.body_bytes)).end_object();
    return out;
}

std::string expert_use(const model::ExpertUse& use, const engine::ModelInfo& model) {
    std::string out;
    JsonWriter json(out);
    json.begin_object().key("layers").integer(model.layers).key("experts").integer(model.experts);
    json.key("experts_used").integer(model.experts_used);
    json.key("steps").integer(use.steps).key("tokens").integer(use.tokens);
    json.key("tokens_per_expert").begin_array();
    for (auto at = use.chosen.begin(); at != use.chosen.end();) {
        json.begin_array();
        for (int32_t e = 0; e < use.experts; ++e) json.integer(*at++);
        json.end_array();
    }
    json.end_array().key("distinct_experts").begin_array();
    for (const int64_t distinct : use.distinct) json.integer(distinct);
    json.end_array().end_object();
    return out;
}

std::string version() {
    return fmt::format(R"({{"version":"{}"}})", SLUICE_VERSION);
}

std::string fingerprint(const engine::ModelInfo& model) {
    uint64_t hash = 0xcbf29ce484222325u;  // FNV-1a
    for (const char c : fmt::format("{}|{}|{}|{}|{}|{}", model.name, model.architecture, model.quantisation,
                                    model.file_bytes, model.backend, model.kv_type)) {
        hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
    }
    return fmt::format("fp_{:016x}", hash);
}

}  // namespace sluice::net::openai
