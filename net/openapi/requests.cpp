// The schemas of request bodies. Fields that are one number, flag or word come from their table alone; those
// that are read elsewhere are written down here, as their readers take them.
#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <iterator>

#include "kernels/check.h"
#include "net/json.h"
#include "net/openai/fields.h"
#include "net/openapi/openapi.h"

namespace sluice::net::openapi {
namespace {

namespace json = boost::json;
using openai::Dialect;
using openai::Field;
using openai::Kind;
using openai::Treatment;

// <words> are limits, put in as numbers.
constexpr std::string_view kParts = R"json({
"TokenId": {"type": "integer", "minimum": 0, "maximum": <last_token>},
"TokenIds": {"type": "array", "minItems": 1, "items": {"$ref": "#/components/schemas/TokenId"}},
"PromptText": {"type": "string", "minLength": 1},
"StopString": {"type": "string", "minLength": 1, "maxLength": <stop_bytes>},
"Content": {"anyOf": [
    {"type": "string"},
    {"type": "array", "items": {"$ref": "#/components/schemas/ContentPart"}}]},
"ContentPart": {"oneOf": [
    {"type": "object", "required": ["type", "text"],
     "properties": {"type": {"const": "text"}, "text": {"type": "string"}}},
    {"type": "object", "required": ["type", "refusal"],
     "properties": {"type": {"const": "refusal"}, "refusal": {"type": "string"}}}]},
"Message": {"anyOf": [
    {"type": "object", "required": ["role", "content"], "properties": {
        "role": {"enum": ["system", "developer", "user", "tool"]},
        "content": {"$ref": "#/components/schemas/Content"},
        "name": {"type": ["string", "null"]},
        "tool_call_id": {"type": ["string", "null"]}}},
    {"type": "object", "required": ["role", "content"], "properties": {
        "role": {"const": "assistant"},
        "content": {"$ref": "#/components/schemas/Content"},
        "reasoning_content": {"type": ["string", "null"]},
        "tool_calls": {"type": ["array", "null"], "items": {"$ref": "#/components/schemas/EarlierCall"}}}},
    {"type": "object", "required": ["role", "tool_calls"], "properties": {
        "role": {"const": "assistant"},
        "content": {"anyOf": [{"$ref": "#/components/schemas/Content"}, {"type": "null"}]},
        "reasoning_content": {"type": ["string", "null"]},
        "tool_calls": {"type": "array", "minItems": 1,
                       "items": {"$ref": "#/components/schemas/EarlierCall"}}}}]},
"EarlierCall": {"type": "object", "required": ["function"], "properties": {
    "id": {"type": "string"},
    "type": {"const": "function"},
    "function": {"type": "object", "required": ["name"], "properties": {
        "name": {"type": "string"},
        "arguments": {"type": ["string", "object", "null"]}}}}},
"Tool": {"type": "object", "required": ["type", "function"], "properties": {
    "type": {"const": "function"},
    "function": {"type": "object", "required": ["name"], "properties": {
        "name": {"$ref": "#/components/schemas/ToolName"},
        "description": {"type": ["string", "null"]},
        "parameters": {"type": ["object", "null"], "description": "a JSON Schema"},
        "strict": {"type": ["boolean", "null"]}}}}},
"Choices": {"type": "array", "minItems": 1, "maxItems": 10000,
            "items": {"type": "string", "minLength": 1}},
"ToolName": {"type": "string", "pattern": "^[A-Za-z0-9_.-]{1,128}$"},
"NamedTool": {"type": "object", "required": ["type", "function"], "properties": {
    "type": {"const": "function"},
    "function": {"type": "object", "required": ["name"],
                 "properties": {"name": {"$ref": "#/components/schemas/ToolName"}}}}},
"Block": {"oneOf": [
    {"$ref": "#/components/schemas/TextBlock"},
    {"type": "object", "required": ["type", "tool_use_id"], "properties": {
        "type": {"const": "tool_result"},
        "tool_use_id": {"type": "string"},
        "content": {"anyOf": [{"$ref": "#/components/schemas/TextOrBlocks"}, {"type": "null"}]}}}]},
"AssistantBlock": {"oneOf": [
    {"$ref": "#/components/schemas/TextBlock"},
    {"type": "object", "required": ["type", "thinking"],
     "properties": {"type": {"const": "thinking"}, "thinking": {"type": "string"}}},
    {"type": "object", "required": ["type"], "properties": {"type": {"const": "redacted_thinking"}}},
    {"type": "object", "required": ["type", "id", "name", "input"], "properties": {
        "type": {"const": "tool_use"}, "id": {"type": "string"}, "name": {"type": "string"},
        "input": {"type": "object"}}}]},
"InputText": {"anyOf": [
    {"type": "string"},
    {"type": "array", "items": {"oneOf": [
        {"type": "object", "required": ["type", "text"], "properties": {
            "type": {"enum": ["input_text", "output_text", "text", "reasoning_text", "summary_text"]},
            "text": {"type": "string"}}},
        {"type": "object", "required": ["type", "refusal"], "properties": {
            "type": {"const": "refusal"}, "refusal": {"type": "string"}}}]}}]},
"InputItem": {"anyOf": [
    {"type": "object", "required": ["role", "content"], "properties": {
        "type": {"enum": ["message", null]},
        "role": {"enum": ["system", "developer", "user", "assistant"]},
        "content": {"$ref": "#/components/schemas/InputText"}}},
    {"type": "object", "required": ["type"], "properties": {
        "type": {"const": "reasoning"},
        "content": {"anyOf": [{"$ref": "#/components/schemas/InputText"}, {"type": "null"}]},
        "summary": {"anyOf": [{"$ref": "#/components/schemas/InputText"}, {"type": "null"}]}}},
    {"type": "object", "required": ["type", "call_id", "name", "arguments"], "properties": {
        "type": {"const": "function_call"},
        "call_id": {"type": "string"}, "name": {"type": "string"}, "arguments": {"type": "string"}}},
    {"type": "object", "required": ["type", "call_id", "output"], "properties": {
        "type": {"const": "function_call_output"},
        "call_id": {"type": "string"}, "output": {"$ref": "#/components/schemas/InputText"}}}]},
"OutputFormat": {"type": "object", "required": ["type", "schema"], "properties": {
    "type": {"const": "json_schema"},
    "schema": {"type": ["object", "boolean"], "description": "a JSON Schema"}}},
"TextBlock": {"type": "object", "required": ["type", "text"],
              "properties": {"type": {"const": "text"}, "text": {"type": "string"}}},
"TextOrBlocks": {"anyOf": [
    {"type": "string"},
    {"type": "array", "items": {"$ref": "#/components/schemas/TextBlock"}}]}
})json";

// By field, or by dialect and field where they differ. Fields that are not required take null as well.
constexpr std::string_view kFields = R"json({
"messages": {"type": "array", "minItems": 1, "maxItems": <messages>,
             "items": {"$ref": "#/components/schemas/Message"}},
"prompt": {"anyOf": [
    {"$ref": "#/components/schemas/PromptText"},
    {"$ref": "#/components/schemas/TokenIds"},
    {"type": "array", "minItems": 1, "maxItems": <prompts>, "items": {"anyOf": [
        {"$ref": "#/components/schemas/PromptText"}, {"$ref": "#/components/schemas/TokenIds"}]}}]},
"input": {"anyOf": [
    {"$ref": "#/components/schemas/PromptText"},
    {"$ref": "#/components/schemas/TokenIds"},
    {"type": "array", "minItems": 1, "maxItems": <inputs>, "items": {"anyOf": [
        {"$ref": "#/components/schemas/PromptText"}, {"$ref": "#/components/schemas/TokenIds"}]}}]},
"encoding_format": {"enum": ["float", "base64"]},
"stream_options": {"type": "object", "properties": {"include_usage": {"type": ["boolean", "null"]}}},
"logit_bias": {"type": "object", "maxProperties": <logit_bias>, "propertyNames": {"pattern": "^[0-9]+$"},
               "additionalProperties": {"type": "number", "minimum": -100, "maximum": 100}},
"stop": {"anyOf": [
    {"$ref": "#/components/schemas/StopString"},
    {"type": "array", "maxItems": <stop_strings>, "items": {"$ref": "#/components/schemas/StopString"}}]},
"stop_token_ids": {"type": "array", "maxItems": <logit_bias>,
                   "items": {"$ref": "#/components/schemas/TokenId"}},
"response_format": {"oneOf": [
    {"type": "object", "required": ["type"], "properties": {"type": {"const": "text"}}},
    {"type": "object", "required": ["type"], "properties": {
        "type": {"const": "json_object"},
        "schema": {"type": ["object", "boolean", "null"], "description": "a JSON Schema"}}},
    {"type": "object", "required": ["type", "json_schema"], "properties": {
        "type": {"const": "json_schema"},
        "json_schema": {"type": "object", "properties": {
            "name": {"type": ["string", "null"]},
            "schema": {"type": ["object", "boolean", "null"], "description": "a JSON Schema"}}}}}]},
"structured_outputs": {"type": "object", "additionalProperties": {"type": "null"}, "properties": {
    "json": {"type": ["object", "boolean", "string", "null"], "description": "a JSON Schema, or its text"},
    "regex": {"type": ["string", "null"]},
    "choice": {"anyOf": [{"$ref": "#/components/schemas/Choices"}, {"type": "null"}]},
    "grammar": {"type": ["string", "null"], "description": "GBNF"},
    "json_object": {"type": ["boolean", "null"]},
    "disable_any_whitespace": {}, "disable_additional_properties": {}, "whitespace_pattern": {},
    "disable_fallback": {}}},
"guided_json": {"type": ["object", "boolean", "string"], "description": "a JSON Schema, or its text"},
"guided_regex": {"type": "string"},
"guided_choice": {"$ref": "#/components/schemas/Choices"},
"guided_grammar": {"type": "string"},
"grammar": {"type": "string"},
"tools": {"type": "array", "maxItems": <tools>, "items": {"$ref": "#/components/schemas/Tool"}},
"tool_choice": {"anyOf": [
    {"enum": ["none", "auto", "required"]},
    {"$ref": "#/components/schemas/NamedTool"},
    {"type": "object", "required": ["type", "allowed_tools"], "properties": {
        "type": {"const": "allowed_tools"},
        "allowed_tools": {"type": "object", "required": ["tools"], "properties": {
            "mode": {"enum": ["auto", "required", null]},
            "tools": {"type": "array", "minItems": 1,
                      "items": {"$ref": "#/components/schemas/NamedTool"}}}}}}]},
"chat_template_kwargs": {"type": "object", "propertyNames": {"not": {"enum": [
    "messages", "tools", "add_generation_prompt", "continue_final_message", "bos_token", "eos_token",
    "chat_template", "tokenize"]}}},
"modalities": {"type": "array", "items": {"const": "text"}},
"anthropic/messages": {"type": "array", "minItems": 1, "maxItems": <messages>, "items": {"oneOf": [
    {"type": "object", "required": ["role", "content"], "properties": {
        "role": {"const": "user"},
        "content": {"anyOf": [
            {"type": "string"},
            {"type": "array", "minItems": 1, "items": {"$ref": "#/components/schemas/Block"}}]}}},
    {"type": "object", "required": ["role", "content"], "properties": {
        "role": {"const": "assistant"},
        "content": {"anyOf": [
            {"type": "string"},
            {"type": "array", "minItems": 1, "items": {"$ref": "#/components/schemas/AssistantBlock"}}]}}}]}},
"anthropic/system": {"$ref": "#/components/schemas/TextOrBlocks"},
"anthropic/stop_sequences": {"type": "array", "maxItems": <stop_strings>,
                             "items": {"$ref": "#/components/schemas/StopString"}},
"anthropic/tools": {"type": "array", "items": {"anyOf": [
    {"type": "object", "required": ["name"], "properties": {
        "type": {"enum": ["custom", null]},
        "name": {"$ref": "#/components/schemas/ToolName"},
        "description": {"type": ["string", "null"]},
        "input_schema": {"type": ["object", "null"], "description": "a JSON Schema"},
        "strict": {"type": ["boolean", "null"]}}},
    {"type": "object", "required": ["type"], "description": "of Anthropic's own servers: skipped",
     "properties": {"type": {"type": "string", "not": {"const": "custom"}}}}]}},
"anthropic/tool_choice": {"type": "object", "required": ["type"],
    "properties": {"type": {"enum": ["auto", "any", "tool", "none"]}, "name": {"type": "string"},
                   "disable_parallel_tool_use": {"type": ["boolean", "null"]}},
    "if": {"properties": {"type": {"const": "tool"}}}, "then": {"required": ["name"]}},
"anthropic/thinking": {"type": "object", "required": ["type"],
                       "properties": {"type": {"enum": ["enabled", "disabled", "adaptive"]}}},
"anthropic/output_config": {"type": "object", "properties": {
    "format": {"anyOf": [{"$ref": "#/components/schemas/OutputFormat"}, {"type": "null"}]}}},
"anthropic/output_format": {"$ref": "#/components/schemas/OutputFormat"},
"responses/input": {"anyOf": [
    {"type": "string"},
    {"type": "array", "maxItems": <messages>, "items": {"$ref": "#/components/schemas/InputItem"}}]},
"responses/tools": {"type": "array", "items": {"anyOf": [
    {"type": "object", "required": ["type", "name"], "properties": {
        "type": {"const": "function"},
        "name": {"$ref": "#/components/schemas/ToolName"},
        "description": {"type": ["string", "null"]},
        "parameters": {"type": ["object", "null"], "description": "a JSON Schema"},
        "strict": {"type": ["boolean", "null"]}}},
    {"type": "object", "required": ["type"], "description": "of another type: skipped",
     "properties": {"type": {"type": "string", "minLength": 1, "not": {"const": "function"}}}}]}},
"responses/tool_choice": {"anyOf": [
    {"enum": ["none", "auto", "required"]},
    {"type": "object", "required": ["type", "name"], "properties": {
        "type": {"const": "function"}, "name": {"$ref": "#/components/schemas/ToolName"}}},
    {"type": "object", "required": ["type", "tools"], "properties": {
        "type": {"const": "allowed_tools"},
        "mode": {"enum": ["auto", "required", null]},
        "tools": {"type": "array", "minItems": 1, "items": {"type": "object"}}}}]},
"responses/reasoning": {"type": "object", "properties": {"effort": {"type": ["string", "null"]}}},
"responses/text": {"type": "object", "properties": {"format": {"anyOf": [
    {"type": "object", "required": ["type"], "properties": {"type": {"enum": ["text", "json_object"]}}},
    {"type": "object", "required": ["type"], "properties": {
        "type": {"const": "json_schema"},
        "name": {"type": ["string", "null"]},
        "schema": {"type": ["object", "boolean", "null"], "description": "a JSON Schema"}}},
    {"type": "null"}]}}},
"responses/include": {"type": "array", "items": {"type": "string"}},
"responses/truncation": {"enum": ["auto", "disabled"]},
"responses/metadata": {"type": "object", "maxProperties": 16, "propertyNames": {"maxLength": 256},
                       "additionalProperties": {"type": "string", "maxLength": 2048}}
})json";

// What is no dialect's, but of routes of our own.
constexpr std::string_view kRequests = R"json({
"TokenizeRequest": {"anyOf": [
    {"type": "object", "required": ["prompt"], "properties": {
        "prompt": {"type": "string"},
        "add_special_tokens": {"type": ["boolean", "null"], "description": "default true"},
        "content": {"type": "null"}, "messages": {"type": "null"}}},
    {"type": "object", "required": ["content"], "properties": {
        "content": {"type": "string", "description": "llama.cpp's word"},
        "add_special_tokens": {"type": ["boolean", "null"], "description": "default false"},
        "messages": {"type": "null"}}},
    {"$ref": "#/components/schemas/RenderChatRequest"}]},
"DetokenizeRequest": {"type": "object", "required": ["tokens"], "properties": {
    "tokens": {"type": "array", "items": {"$ref": "#/components/schemas/TokenId"}}}}
})json";

std::string with_limits(std::string_view text, const engine::ModelInfo& model, const Limits& limits) {
    const std::pair<std::string_view, size_t> words[] = {
        {"<last_token>", static_cast<size_t>(model.vocab) - 1},
        {"<messages>", limits.messages},
        {"<tools>", limits.tools},
        {"<prompts>", limits.prompts},
        {"<inputs>", limits.inputs},
        {"<stop_strings>", limits.stop_strings},
        {"<stop_bytes>", limits.stop_bytes},
        {"<logit_bias>", limits.logit_bias}};
    std::string out(text);
    for (const auto& [word, value] : words) {
        for (size_t at = 0; (at = out.find(word, at)) != std::string::npos;)
            out.replace(at, word.size(), std::to_string(value));
    }
    return out;
}

// What a field may be when it is not null.
json::object bare_schema(const Field& field, Dialect dialect, const json::object& written) {
    const std::string own = dialect == Dialect::messages    ? "anthropic/"
                            : dialect == Dialect::responses ? "responses/"
                                                            : "";
    const json::value* found = written.if_contains(own + std::string(field.name));
    if (!found) found = written.if_contains(field.name);
    if (found) return found->get_object();
    switch (field.kind) {
        case Kind::integer:
            return {{"type", "integer"}, {"minimum", field.low}, {"maximum", field.high}};
        case Kind::number:
            return {{"type", "number"},
                    {field.low_is_excluded ? "exclusiveMinimum" : "minimum", field.low},
                    {"maximum", field.high}};
        case Kind::boolean:
            return {{"type", "boolean"}};
        case Kind::text:
            if (field.name == "model") return reference("ModelName");
            return {{"type", "string"}, {"maxLength", field.high}};
        case Kind::list:
            return {{"type", "array"}};
        case Kind::object:
            return {{"type", "object"}};
        case Kind::any:
            break;
    }
    return {};
}

json::object or_null(json::object schema) {
    json::value* type = schema.if_contains("type");
    if (schema.empty()) return schema;
    if (type && type->is_string()) {
        *type = json::array{*type, "null"};
        return schema;
    }
    json::object null{{"type", "null"}};
    json::array either;
    either.emplace_back(std::move(schema));
    either.emplace_back(std::move(null));
    json::object out;
    out["anyOf"] = std::move(either);
    return out;
}

// null is as good as leaving the field out: so a refused field may only be null.
json::object field_schema(const Field& field, bool required, Dialect dialect, const json::object& written) {
    json::object out;
    std::string note(field.note);
    if (field.treatment == Treatment::refused) {
        out["type"] = "null";
        note = "refused: " + note;
    } else if (field.treatment == Treatment::ignored) {
        note = "accepted and ignored: " + note;
    } else {
        out = bare_schema(field, dialect, written);
        if (!required) out = or_null(std::move(out));
    }
    out["description"] = note;
    return out;
}

// Routes that render a conversation do not look at these.
constexpr std::string_view kNotRendered[] = {"response_format", "structured_outputs", "guided_json",
                                             "guided_regex",    "guided_choice",      "guided_grammar",
                                             "grammar",         "stream_options",     "modalities"};

// `optional`: a field that this route does not insist on, though the dialect does.
json::object body_schema(Dialect dialect, const json::object& written, std::string_view optional = "") {
    json::object properties;
    json::array required;
    for (const Field& field : openai::fields(dialect)) {
        const bool needed = field.required && field.name != optional;
        properties[field.name] = field_schema(field, needed, dialect, written);
        if (needed) required.emplace_back(field.name);
    }
    json::object out{{"type", "object"}};
    out["required"] = std::move(required);
    out["properties"] = std::move(properties);
    return out;
}

json::object model_name(const engine::ModelInfo& model) {
    json::array names{model.name};
    for (const std::string& alias : model.aliases) names.emplace_back(alias);
    if (std::ranges::find(names, json::value("default")) == names.end()) names.emplace_back("default");
    json::object out;
    out["enum"] = std::move(names);
    return out;
}

}  // namespace

json::object reference(std::string_view schema) {
    return {{"$ref", "#/components/schemas/" + std::string(schema)}};
}

json::object parse_literal(std::string_view text) {
    auto parsed = parse_json(text, 100);
    SLUICE_CHECK(parsed && parsed->is_object());
    return std::move(parsed->get_object());
}

json::object request_schemas(const engine::ModelInfo& model, const Limits& limits) {
    const json::object written = parse_literal(with_limits(kFields, model, limits));
    json::object rendered = written;
    for (const std::string_view name : kNotRendered) rendered[name] = json::object();
    json::object out = parse_literal(with_limits(kParts, model, limits));
    const json::object requests = parse_literal(kRequests);
    out.insert(requests.begin(), requests.end());
    out["ModelName"] = model_name(model);
    out["ChatRequest"] = body_schema(Dialect::chat, written);
    out["RenderChatRequest"] = body_schema(Dialect::chat, rendered, "model");
    out["CompletionRequest"] = body_schema(Dialect::completions, written);
    out["EmbeddingRequest"] = body_schema(Dialect::embeddings, written);
    out["MessagesRequest"] = body_schema(Dialect::messages, written);
    out["ResponseRequest"] = body_schema(Dialect::responses, written);
    out["ResponseTokensRequest"] = body_schema(Dialect::responses, written, "model");
    out["CountTokensRequest"] = body_schema(Dialect::messages, written, "max_tokens");
    return out;
}

}  // namespace sluice::net::openapi
