#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <cctype>

#include "net/openapi/openapi.h"
#include "net/router.h"

namespace sluice::net::openapi {
namespace {

namespace json = boost::json;

// What a route takes and gives, by the names of schemas.
struct Operation {
    Route route;
    std::string_view body;        // empty: none
    std::string_view answer;      // of 200
    std::string_view event = "";  // streamed, each server-sent event; empty: never streamed
};

constexpr Operation kOperations[] = {
    {Route::chat_completions, "ChatRequest", "ChatCompletion", "ChatEvent"},
    {Route::completions, "CompletionRequest", "Completion", "CompletionEvent"},
    {Route::embeddings, "EmbeddingRequest", "Embeddings"},
    {Route::messages, "MessagesRequest", "AnthropicMessage", "AnthropicEvent"},
    {Route::responses, "ResponseRequest", "Response", "ResponseEvent"},
    {Route::response_tokens, "ResponseTokensRequest", "ResponseTokens"},
    {Route::response, "", "Response"},
    {Route::delete_response, "", "DeletedResponse"},
    {Route::cancel_response, "", "Response"},
    {Route::response_input, "", "ResponseItems"},
    {Route::count_tokens, "CountTokensRequest", "InputTokens"},
    {Route::render_chat, "RenderChatRequest", "RenderedPrompt"},
    {Route::render_completion, "CompletionRequest", "RenderedPrompts"},
    {Route::tokenize, "TokenizeRequest", "Tokens"},
    {Route::detokenize, "DetokenizeRequest", "Text"},
    {Route::apply_template, "RenderChatRequest", "Text"},
    {Route::models, "", "ModelList"},
    {Route::model, "", "Model"},
    {Route::server_info, "", "ServerInfo"},
    {Route::experts, "", "ExpertUse"},
    {Route::version, "", "Version"},
    {Route::openapi, "", "Document"},
    {Route::page, "", "Page"},
    {Route::health, "", "Status"},
    {Route::ready, "", "Status"},
    {Route::metrics, "", "Metrics"},
};

Operation operation_of(Route route) {
    for (const Operation& operation : kOperations) {
        if (operation.route == route) return operation;
    }
    return {route, "", ""};
}

// The name that stands in braces in the path, empty if there is none.
std::string_view parameter_of(const RouteEntry& entry) {
    const size_t begin = entry.path.find('{'), end = entry.path.find('}');
    if (begin == std::string_view::npos) return {};
    return entry.path.substr(begin + 1, end - begin - 1);
}

enum class When : uint8_t { always, body, name, key };

// The statuses beside 200. `early`: may come before the route is known, so with OpenAI's body.
struct Refusal {
    int status;
    When when;
    bool early;
    std::string_view description;
};

constexpr Refusal kRefusals[] = {
    {400, When::always, true, "broken HTTP or JSON, or a wrong field"},
    {401, When::key, false, "no API key, or a wrong one"},
    {404, When::name, false, "there is no such model, or no such response"},
    {408, When::always, true, "the request did not come in time"},
    {413, When::always, true, "the body is too large"},
    {414, When::always, true, "the request line is too long"},
    {415, When::body, false, "the body is no plain JSON"},
    {417, When::always, true, "an expectation that nobody can meet"},
    {429, When::body, false, "the queue is full; `Retry-After` says when to come back"},
    {431, When::always, true, "the header is too large"},
    {500, When::body, false, "a fault of the server"},
    {501, When::always, true, "the model file or the request holds what is not implemented"},
    {503, When::always, true, "loading, shutting down or overloaded; with `Retry-After` if that passes"},
    {504, When::body, false, "the time limit of requests is over"},
};

bool applies(When when, const RouteEntry& entry, bool keys) {
    switch (when) {
        case When::body:
            return has_body(entry.route);
        case When::name:
            return has_body(entry.route) || !parameter_of(entry).empty();
        case When::key:
            return keys && !is_open(entry.route);
        case When::always:
            break;
    }
    return true;
}

json::object content(std::string_view type, json::object schema) {
    json::object media;
    media["schema"] = std::move(schema);
    json::object out;
    out[type] = std::move(media);
    return out;
}

json::object error_response(std::string_view description, std::string_view schema) {
    json::object out;
    out["description"] = description;
    out["content"] = content("application/json", reference(schema));
    return out;
}

json::object good_response(const Operation& operation) {
    const std::string_view type = operation.route == Route::metrics ? "text/plain"
                                  : operation.route == Route::page  ? "text/html"
                                                                    : "application/json";
    json::object types = content(type, reference(operation.answer));
    if (!operation.event.empty()) {
        json::object streamed = content("text/event-stream", reference(operation.event));
        types.insert(streamed.begin(), streamed.end());
    }
    json::object out{{"description", "the answer"}};
    out["content"] = std::move(types);
    return out;
}

json::object responses(const RouteEntry& entry, const Operation& operation, bool keys) {
    json::object out;
    out["200"] = good_response(operation);
    const bool anthropic = is_anthropic(operation.route);
    for (const Refusal& refusal : kRefusals) {
        if (!applies(refusal.when, entry, keys)) continue;
        const std::string_view schema = !anthropic ? "Error" : refusal.early ? "AnyError" : "AnthropicError";
        out[std::to_string(refusal.status)] = error_response(refusal.description, schema);
    }
    if (operation.route == Route::page)
        out["304"] = json::object{{"description", "the client's copy is the same"}};
    if (anthropic) out["529"] = error_response("what is 503 elsewhere", "AnthropicError");
    return out;
}

std::string operation_id(const RouteEntry& entry) {
    std::string out;
    for (const char c : std::string(entry.method) + std::string(entry.path)) {
        const auto letter = static_cast<unsigned char>(c);
        if (std::isalnum(letter)) {
            out += static_cast<char>(std::tolower(letter));
        } else if (!out.ends_with('_') && c != '}') {
            out += '_';
        }
    }
    return out;
}

json::object parameter(std::string_view name, std::string_view in, json::object schema) {
    json::object out{{"name", name}, {"in", in}, {"required", in == "path"}};
    out["schema"] = std::move(schema);
    return out;
}

json::array parameters(const RouteEntry& entry) {
    json::array out;
    const std::string_view name = parameter_of(entry);
    if (name == "id") out.push_back(parameter(name, "path", reference("ModelName")));
    if (name == "response_id") out.push_back(parameter(name, "path", {{"type", "string"}, {"minLength", 1}}));
    if (entry.route != Route::response_input) return out;
    const json::array orders{"asc", "desc"};
    out.push_back(parameter("limit", "query", {{"type", "integer"}, {"minimum", 1}, {"maximum", 100}}));
    out.push_back(parameter("order", "query", {{"type", "string"}, {"enum", orders}}));
    out.push_back(parameter("after", "query", {{"type", "string"}}));
    return out;
}

json::object describe(const RouteEntry& entry, bool keys) {
    const Operation operation = operation_of(entry.route);
    json::object out;
    out["operationId"] = operation_id(entry);
    out["summary"] = entry.summary;
    if (json::array all = parameters(entry); !all.empty()) out["parameters"] = std::move(all);
    if (!operation.body.empty()) {
        json::object body{{"required", true}};
        body["content"] = content("application/json", reference(operation.body));
        out["requestBody"] = std::move(body);
    }
    out["responses"] = responses(entry, operation, keys);
    if (keys && is_open(entry.route)) out["security"] = json::array();
    return out;
}

json::object paths(bool keys) {
    json::object out;
    for (const RouteEntry& entry : routes()) {
        json::value& path = out[entry.path];
        if (!path.is_object()) path = json::object();
        std::string method(entry.method);
        for (char& c : method) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        path.get_object()[method] = describe(entry, keys);
    }
    return out;
}

constexpr std::string_view kHead = R"json({
"openapi": "3.1.0",
"info": {"title": "Sluice"},
"servers": [{"url": "/"}]
})json";

constexpr std::string_view kDescription =
    "OpenAI's and Anthropic's APIs. In request bodies null is as good as leaving the field out, and unknown "
    "fields are ignored. Strings have their length limits in bytes of UTF-8. GET routes answer HEAD as well. "
    "All answers carry `x-request-id`.";

constexpr std::string_view kKeys = R"json({
"bearer": {"type": "http", "scheme": "bearer"},
"x_api_key": {"type": "apiKey", "in": "header", "name": "x-api-key"}
})json";

}  // namespace

std::string document(const engine::ModelInfo& model, const Limits& limits, bool keys) {
    json::object out = parse_literal(kHead);
    json::object& info = out["info"].as_object();
    info["version"] = SLUICE_VERSION;
    info["description"] = kDescription;
    out["paths"] = paths(keys);
    json::object schemas = request_schemas(model, limits);
    const json::object answers = answer_schemas();
    schemas.insert(answers.begin(), answers.end());
    json::object components;
    components["schemas"] = std::move(schemas);
    if (keys) {
        components["securitySchemes"] = parse_literal(kKeys);
        out["security"] = parse_literal(R"({"any": [{"bearer": []}, {"x_api_key": []}]})").at("any");
    }
    out["components"] = std::move(components);
    return json::serialize(out);
}

}  // namespace sluice::net::openapi
