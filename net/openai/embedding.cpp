// POST /v1/embeddings: from the body to a call.
#include <fmt/format.h>

#include "net/openai/call.h"
#include "net/openai/prompts.h"

namespace sluice::net::openai {
namespace {

namespace json = boost::json;

// true: base64.
Result<bool> read_encoding(const json::object& body) {
    const json::value* format = present(body, "encoding_format");
    if (!format || *format == "float") return false;
    if (*format == "base64") return true;
    return bad_field("encoding_format", "must be \"float\" or \"base64\"");
}

}  // namespace

Result<Call> read_embedding(const json::object& body, const CallContext& context) {
    const auto values = read_values(body, Dialect::embeddings);
    if (!values) return values.error();
    auto request = read_request(body, *values, context);
    if (!request) return request.error();
    const auto base64 = read_encoding(body);
    if (!base64) return base64.error();
    if (values->dimensions && *values->dimensions != context.model.hidden) {
        return bad_field("dimensions",
                         fmt::format("can only be {}: vectors are not cut", context.model.hidden));
    }
    request->pooling = context.model.pooling;
    auto inputs = read_prompts(body, "input", context.limits.inputs, context);
    if (!inputs) return inputs.error();

    Call call;
    call.dialect = Dialect::embeddings;
    call.base64 = *base64;
    call.unknown_fields = values->unknown;
    for (Prompt& input : *inputs) {
        engine::Request& one = call.requests.emplace_back(*request);
        one.prompt = std::move(input.tokens);
    }
    return call;
}

}  // namespace sluice::net::openai
