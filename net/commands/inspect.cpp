// `sluice inspect`: what a model file holds, from the same loader that serves it.
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cstdio>
#include <string>

#include "engine/engine.h"
#include "net/commands/commands.h"

namespace sluice::net {
namespace {

boost::json::object facts(const engine::ModelInfo& i) {
    return {{"name", i.name},
            {"architecture", i.architecture},
            {"path", i.path.empty() ? "(embedded)" : i.path},
            {"file_bytes", i.file_bytes},
            {"parameters", i.parameters},
            {"quantisation", i.quantisation},
            {"layers", i.layers},
            {"hidden", i.hidden},
            {"heads", i.heads},
            {"kv_heads", i.kv_heads},
            {"head_dim", i.head_dim},
            {"vocab", i.vocab},
            {"experts", i.experts},
            {"experts_used", i.experts_used},
            {"context_trained", i.context_trained},
            {"context", i.context},
            {"kv_type", i.kv_type},
            {"kv_blocks", i.kv_blocks},
            {"kv_bytes", i.kv_bytes},
            {"backend", i.backend},
            {"threads", i.threads}};
}

}  // namespace

int run_inspect(const InspectCommand& command) {
    engine::Options options = command.engine;
    options.weights = engine::WeightLayout::mapped;  // to look at a file needs no copy of it
    const auto engine = engine::Engine::load(options);
    if (!engine) return report(engine.error());
    const boost::json::object all = facts((*engine)->info());
    if (command.json) {
        std::printf("%s\n", boost::json::serialize(all).c_str());
        return 0;
    }
    for (const auto& [key, value] : all) {
        const std::string text =
            value.is_string() ? std::string(value.get_string()) : boost::json::serialize(value);
        std::printf("%-16s %s\n", std::string(key).c_str(), text.c_str());
    }
    return 0;
}

}  // namespace sluice::net
