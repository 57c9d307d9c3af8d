#include "net/openai/models.h"

#include <fmt/format.h>

#include "net/json.h"

namespace sluice::net::openai {
namespace {

void write_model(JsonWriter& json, const engine::ModelInfo& model) {
    json.begin_object().key("id").text(model.name).key("object").text("model");
    json.key("created").integer(model.created).key("owned_by").text("sluice");
    json.key("max_model_len").integer(model.context);
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
    write_model(json, model);
    json.end_array().end_object();
    return out;
}

std::string model_object(const engine::ModelInfo& model) {
    std::string out;
    JsonWriter json(out);
    write_model(json, model);
    return out;
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
