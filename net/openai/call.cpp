#include "net/openai/call.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "net/json.h"

namespace sluice::net::openai {
namespace {

namespace json = boost::json;

Error bad_stop(const Limits& limits) {
    return bad_field("stop", fmt::format("must be a string or up to {} strings, each of 1 to {} bytes",
                                         limits.stop_strings, limits.stop_bytes));
}

Result<std::vector<std::string>> read_stop(const json::object& body, const Limits& limits) {
    std::vector<std::string> out;
    const json::value* stop = present(body, "stop");
    if (!stop) return out;
    const bool list = stop->is_array();
    const size_t count = list ? stop->get_array().size() : 1;
    if (count > limits.stop_strings) return bad_stop(limits);
    for (size_t i = 0; i < count; ++i) {
        const json::value& one = list ? stop->get_array()[i] : *stop;
        if (!one.is_string() || one.get_string().empty() || one.get_string().size() > limits.stop_bytes)
            return bad_stop(limits);
        out.emplace_back(one.get_string());
    }
    return out;
}

std::optional<int32_t> as_token(const std::optional<int64_t>& id, int32_t vocab) {
    if (!id || *id < 0 || *id >= vocab) return std::nullopt;
    return static_cast<int32_t>(*id);
}

Result<std::vector<std::pair<int32_t, float>>> read_logit_bias(const json::object& body,
                                                               const CallContext& context) {
    std::vector<std::pair<int32_t, float>> out;
    const json::value* bias = present(body, "logit_bias");
    if (!bias) return out;
    if (!bias->is_object() || bias->get_object().size() > context.limits.logit_bias) {
        return bad_field("logit_bias",
                         fmt::format("must be an object of at most {} token ids", context.limits.logit_bias));
    }
    for (const auto& entry : bias->get_object()) {
        int64_t id = -1;
        const auto end = entry.key().data() + entry.key().size();
        const auto parsed = std::from_chars(entry.key().data(), end, id);
        if (parsed.ec != std::errc{} || parsed.ptr != end || !as_token(id, context.model.vocab)) {
            return bad_field("logit_bias", fmt::format("must have token ids from 0 to {} as keys",
                                                       context.model.vocab - 1));
        }
        const double value = entry.value().is_number() ? entry.value().to_number<double>() : 101;
        if (!(value >= -100 && value <= 100))
            return bad_field("logit_bias", "must have numbers from -100 to 100 as values");
        out.emplace_back(static_cast<int32_t>(id), static_cast<float>(value));
    }
    return out;
}

Result<std::vector<int32_t>> read_stop_tokens(const json::object& body, const CallContext& context) {
    std::vector<int32_t> out;
    const json::value* ids = present(body, "stop_token_ids");
    if (!ids) return out;
    const Error error = bad_field(
        "stop_token_ids", fmt::format("must be a list of at most {} token ids", context.limits.logit_bias));
    if (!ids->is_array() || ids->get_array().size() > context.limits.logit_bias) return error;
    for (const json::value& value : ids->get_array()) {
        const auto token = as_token(as_integer(value), context.model.vocab);
        if (!token) return error;
        out.push_back(*token);
    }
    return out;
}

sampling::Params read_sampling(const Values& v, const CallContext& context) {
    sampling::Params p = context.model.sampling;
    if (v.temperature) p.temperature = static_cast<float>(*v.temperature);
    if (v.top_k) p.top_k = static_cast<int32_t>(std::max<int64_t>(*v.top_k, 0));
    if (v.top_p) p.top_p = static_cast<float>(*v.top_p);
    if (v.min_p) p.min_p = static_cast<float>(*v.min_p);
    p.repetition_penalty = static_cast<float>(v.repetition_penalty.value_or(1));
    p.frequency_penalty = static_cast<float>(v.frequency_penalty.value_or(0));
    p.presence_penalty = static_cast<float>(v.presence_penalty.value_or(0));
    p.seed = v.seed ? static_cast<uint64_t>(*v.seed) : context.random_seed;
    return p;
}

bool is_alias(std::string_view asked, const engine::ModelInfo& model) {
    return std::ranges::find(model.aliases, asked) != model.aliases.end();
}

Result<Call> read_dialect(Dialect dialect, const json::object& body, const CallContext& context) {
    switch (dialect) {
        case Dialect::completions:
            return read_completion(body, context);
        case Dialect::messages:
            return read_messages_call(body, context);
        case Dialect::embeddings:
            return read_embedding(body, context);
        case Dialect::responses:
            return read_response_call(body, context);
        case Dialect::chat:
            break;
    }
    return read_chat(body, context);
}

}  // namespace

const json::value* present(const json::object& object, std::string_view name) {
    const json::value* value = object.if_contains(name);
    return value && !value->is_null() ? value : nullptr;
}

Result<bool> read_include_usage(const json::object& body) {
    const json::value* options = present(body, "stream_options");
    if (!options) return false;
    if (!options->is_object()) return bad_field("stream_options", "must be an object");
    const json::value* include = present(options->get_object(), "include_usage");
    if (include && !include->is_bool())
        return bad_field("stream_options.include_usage", "must be true or false");
    return include && include->get_bool();
}

Result<void> check_model(std::string_view asked, const engine::ModelInfo& model) {
    if (asked == model.name || asked == "default" || is_alias(asked, model)) return {};
    return Error{ErrorKind::model_not_found,
                 fmt::format("the model `{}` does not exist; this server has `{}`", asked, model.name),
                 "model"};
}

std::string answered_name(std::string_view asked, const engine::ModelInfo& model) {
    return is_alias(asked, model) ? std::string(asked) : model.name;
}

Result<engine::Request> read_request(const json::object& body, const Values& values,
                                     const CallContext& context) {
    if (auto ok = check_model(*values.model, context.model); !ok) return ok.error();
    engine::Request request;
    request.sampling = read_sampling(values, context);
    auto bias = read_logit_bias(body, context);
    if (!bias) return bias.error();
    request.sampling.logit_bias = std::move(*bias);
    auto stop = read_stop(body, context.limits);
    if (!stop) return stop.error();
    request.stop = std::move(*stop);
    auto stop_tokens = read_stop_tokens(body, context);
    if (!stop_tokens) return stop_tokens.error();
    request.stop_tokens = std::move(*stop_tokens);
    request.n = static_cast<int32_t>(values.n.value_or(1));
    request.min_tokens = static_cast<int32_t>(values.min_tokens.value_or(0));
    request.ignore_eos = values.ignore_eos.value_or(false);
    request.priority = static_cast<int32_t>(values.priority.value_or(0));
    request.cache_salt = values.cache_salt.value_or("");
    if (context.limits.request_time.count() > 0)
        request.deadline = engine::Clock::now() + context.limits.request_time;
    return request;
}

Result<json::object> read_body(std::string_view body, const Limits& limits) {
    if (body.empty()) return Error{ErrorKind::invalid_request, "the body is empty; it must be a JSON object"};
    auto parsed = parse_json(body, limits.json_depth);
    if (!parsed) return Error{parsed.error().kind, "the body is " + parsed.error().message};
    if (!parsed->is_object()) return Error{ErrorKind::invalid_request, "the body must be a JSON object"};
    return std::move(parsed->get_object());
}

Result<Call> read_call(Dialect dialect, const json::object& body, const CallContext& context) {
    auto call = read_dialect(dialect, body, context);
    const json::value* asked = present(body, "model");
    if (call) call->model = answered_name(asked ? asked->as_string() : "default", context.model);
    return call;
}

}  // namespace sluice::net::openai
