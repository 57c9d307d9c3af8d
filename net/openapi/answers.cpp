// The schemas of answers, as the replies write them.
#include "net/openapi/openapi.h"

namespace sluice::net::openapi {
namespace {

constexpr std::string_view kOpenAi = R"json({
"ChatCompletion": {"type": "object",
    "required": ["id", "object", "created", "model", "system_fingerprint", "choices", "usage"],
    "properties": {
        "id": {"type": "string"}, "object": {"const": "chat.completion"}, "created": {"type": "integer"},
        "model": {"type": "string"}, "system_fingerprint": {"type": "string"},
        "choices": {"type": "array", "minItems": 1, "items": {"type": "object",
            "required": ["index", "message", "logprobs", "finish_reason"], "properties": {
                "index": {"type": "integer", "minimum": 0},
                "message": {"$ref": "#/components/schemas/AnswerMessage"},
                "logprobs": {"$ref": "#/components/schemas/ChatLogprobs"},
                "finish_reason": {"enum": ["stop", "length", "tool_calls"]}}}},
        "usage": {"$ref": "#/components/schemas/Usage"}}},
"AnswerMessage": {"type": "object", "required": ["role", "content", "refusal"], "properties": {
    "role": {"const": "assistant"},
    "content": {"type": ["string", "null"]},
    "refusal": {"type": "null"},
    "reasoning_content": {"type": "string"},
    "tool_calls": {"type": "array", "minItems": 1, "items": {"type": "object",
        "required": ["id", "type", "function"], "properties": {
            "id": {"type": "string"}, "type": {"const": "function"},
            "function": {"type": "object", "required": ["name", "arguments"], "properties": {
                "name": {"type": "string"}, "arguments": {"type": "string"}}}}}}}},
"ChatCompletionChunk": {"type": "object",
    "required": ["id", "object", "created", "model", "system_fingerprint", "choices"], "properties": {
        "id": {"type": "string"}, "object": {"const": "chat.completion.chunk"},
        "created": {"type": "integer"}, "model": {"type": "string"},
        "system_fingerprint": {"type": "string"},
        "choices": {"type": "array", "items": {"type": "object",
            "required": ["index", "delta", "logprobs", "finish_reason"], "properties": {
                "index": {"type": "integer", "minimum": 0},
                "delta": {"$ref": "#/components/schemas/AnswerDelta"},
                "logprobs": {"$ref": "#/components/schemas/ChatLogprobs"},
                "finish_reason": {"enum": ["stop", "length", "tool_calls", null]}}}},
        "usage": {"anyOf": [{"$ref": "#/components/schemas/Usage"}, {"type": "null"}]}}},
"AnswerDelta": {"type": "object", "properties": {
    "role": {"const": "assistant"},
    "content": {"type": "string"},
    "reasoning_content": {"type": "string"},
    "tool_calls": {"type": "array", "items": {"type": "object", "required": ["index", "function"],
        "properties": {
            "index": {"type": "integer", "minimum": 0}, "id": {"type": "string"},
            "type": {"const": "function"},
            "function": {"type": "object", "required": ["arguments"], "properties": {
                "name": {"type": "string"}, "arguments": {"type": "string"}}}}}}}},
"ChatLogprobs": {"type": ["object", "null"], "required": ["content", "refusal"], "properties": {
    "content": {"type": "array", "items": {"allOf": [{"$ref": "#/components/schemas/Logprob"},
        {"type": "object", "required": ["top_logprobs"], "properties": {
            "top_logprobs": {"type": "array", "items": {"$ref": "#/components/schemas/Logprob"}}}}]}},
    "refusal": {"type": "null"}}},
"Logprob": {"type": "object", "required": ["token", "logprob", "bytes"], "properties": {
    "token": {"type": "string"},
    "logprob": {"type": "number", "maximum": 0, "description": "-9999: impossible"},
    "bytes": {"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": 255}}}},
"Usage": {"type": "object",
    "required": ["prompt_tokens", "completion_tokens", "total_tokens", "prompt_tokens_details",
                 "completion_tokens_details"], "properties": {
        "prompt_tokens": {"type": "integer", "minimum": 0},
        "completion_tokens": {"type": "integer", "minimum": 0},
        "total_tokens": {"type": "integer", "minimum": 0},
        "prompt_tokens_details": {"type": "object", "required": ["cached_tokens"], "properties": {
            "cached_tokens": {"type": "integer", "minimum": 0}}},
        "completion_tokens_details": {"type": "object", "required": ["reasoning_tokens"], "properties": {
            "reasoning_tokens": {"type": "integer", "minimum": 0}}}}},
"ChatEvent": {"type": "object", "required": ["data"],
    "description": "a server-sent event by its fields; the last is [DONE]",
    "properties": {"data": {"anyOf": [{"const": "[DONE]"},
        {"type": "string", "contentMediaType": "application/json", "contentSchema": {"anyOf": [
            {"$ref": "#/components/schemas/ChatCompletionChunk"},
            {"$ref": "#/components/schemas/Error"}]}}]}}},
"CompletionEvent": {"type": "object", "required": ["data"],
    "description": "a server-sent event by its fields; the last is [DONE]",
    "properties": {"data": {"anyOf": [{"const": "[DONE]"},
        {"type": "string", "contentMediaType": "application/json", "contentSchema": {"anyOf": [
            {"$ref": "#/components/schemas/Completion"}, {"$ref": "#/components/schemas/Error"}]}}]}}},
"Completion": {"type": "object",
    "description": "streamed, each chunk has this shape too",
    "required": ["id", "object", "created", "model", "system_fingerprint", "choices"], "properties": {
        "id": {"type": "string"}, "object": {"const": "text_completion"}, "created": {"type": "integer"},
        "model": {"type": "string"}, "system_fingerprint": {"type": "string"},
        "choices": {"type": "array", "items": {"type": "object",
            "required": ["text", "index", "logprobs", "finish_reason"], "properties": {
                "text": {"type": "string"}, "index": {"type": "integer", "minimum": 0},
                "logprobs": {"type": ["object", "null"],
                    "required": ["tokens", "token_logprobs", "top_logprobs", "text_offset"], "properties": {
                        "tokens": {"type": "array", "items": {"type": "string"}},
                        "token_logprobs": {"type": "array", "items": {"type": ["number", "null"]}},
                        "top_logprobs": {"type": "array", "items": {"type": ["object", "null"],
                            "additionalProperties": {"type": "number"}}},
                        "text_offset": {"type": "array", "items": {"type": "integer", "minimum": 0}}}},
                "finish_reason": {"enum": ["stop", "length", null]}}}},
        "usage": {"anyOf": [{"$ref": "#/components/schemas/Usage"}, {"type": "null"}]}}},
"Embeddings": {"type": "object", "required": ["object", "data", "model", "usage"], "properties": {
    "object": {"const": "list"}, "model": {"type": "string"},
    "data": {"type": "array", "minItems": 1, "items": {"type": "object",
        "required": ["object", "index", "embedding"], "properties": {
            "object": {"const": "embedding"}, "index": {"type": "integer", "minimum": 0},
            "embedding": {"anyOf": [
                {"type": "array", "items": {"type": "number", "minimum": -1, "maximum": 1}},
                {"type": "string", "contentEncoding": "base64"}]}}}},
    "usage": {"type": "object", "required": ["prompt_tokens", "total_tokens"], "properties": {
        "prompt_tokens": {"type": "integer", "minimum": 1},
        "total_tokens": {"type": "integer", "minimum": 1}}}}},
"Error": {"type": "object", "required": ["error"], "properties": {
    "error": {"type": "object", "required": ["message", "type", "param", "code"], "properties": {
        "message": {"type": "string"}, "type": {"type": "string"},
        "param": {"type": ["string", "null"]}, "code": {"type": ["string", "null"]}}}}}
})json";

constexpr std::string_view kAnthropic = R"json({
"AnthropicMessage": {"type": "object",
    "required": ["id", "type", "role", "model", "content", "stop_reason", "stop_sequence", "usage"],
    "properties": {
        "id": {"type": "string"}, "type": {"const": "message"}, "role": {"const": "assistant"},
        "model": {"type": "string"},
        "content": {"type": "array", "items": {"$ref": "#/components/schemas/AnswerBlock"}},
        "stop_reason": {"$ref": "#/components/schemas/StopReason"},
        "stop_sequence": {"type": ["string", "null"]},
        "usage": {"$ref": "#/components/schemas/AnthropicUsage"}}},
"AnswerBlock": {"oneOf": [
    {"type": "object", "required": ["type", "text"],
     "properties": {"type": {"const": "text"}, "text": {"type": "string"}}},
    {"type": "object", "required": ["type", "thinking", "signature"], "properties": {
        "type": {"const": "thinking"}, "thinking": {"type": "string"}, "signature": {"type": "string"}}},
    {"type": "object", "required": ["type", "id", "name", "input"], "properties": {
        "type": {"const": "tool_use"}, "id": {"type": "string"}, "name": {"type": "string"},
        "input": {"type": "object"}}}]},
"StopReason": {"description": "null only where a stream begins",
               "enum": ["end_turn", "max_tokens", "stop_sequence", "tool_use", null]},
"AnthropicUsage": {"type": "object",
    "required": ["input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens"],
    "properties": {
        "input_tokens": {"type": "integer", "minimum": 0},
        "cache_read_input_tokens": {"type": "integer", "minimum": 0},
        "cache_creation_input_tokens": {"type": "integer", "minimum": 0},
        "output_tokens": {"type": "integer", "minimum": 0}}},
"AnthropicEvent": {"type": "object", "description": "a server-sent event by its fields",
    "required": ["event", "data"], "properties": {
        "event": {"enum": ["message_start", "ping", "content_block_start", "content_block_delta",
                           "content_block_stop", "message_delta", "message_stop", "error"]},
        "data": {"type": "string", "contentMediaType": "application/json",
                 "contentSchema": {"$ref": "#/components/schemas/AnthropicEventData"}}}},
"AnthropicEventData": {"oneOf": [
    {"type": "object", "required": ["type", "message"], "properties": {
        "type": {"const": "message_start"}, "message": {"$ref": "#/components/schemas/AnthropicMessage"}}},
    {"type": "object", "required": ["type", "index", "content_block"], "properties": {
        "type": {"const": "content_block_start"}, "index": {"type": "integer", "minimum": 0},
        "content_block": {"$ref": "#/components/schemas/AnswerBlock"}}},
    {"type": "object", "required": ["type", "index", "delta"], "properties": {
        "type": {"const": "content_block_delta"}, "index": {"type": "integer", "minimum": 0},
        "delta": {"type": "object", "required": ["type"], "properties": {
            "type": {"enum": ["text_delta", "thinking_delta", "signature_delta", "input_json_delta"]},
            "text": {"type": "string"}, "thinking": {"type": "string"}, "signature": {"type": "string"},
            "partial_json": {"type": "string"}}}}},
    {"type": "object", "required": ["type", "index"], "properties": {
        "type": {"const": "content_block_stop"}, "index": {"type": "integer", "minimum": 0}}},
    {"type": "object", "required": ["type", "delta", "usage"], "properties": {
        "type": {"const": "message_delta"},
        "delta": {"type": "object", "required": ["stop_reason", "stop_sequence"], "properties": {
            "stop_reason": {"$ref": "#/components/schemas/StopReason"},
            "stop_sequence": {"type": ["string", "null"]}}},
        "usage": {"$ref": "#/components/schemas/AnthropicUsage"}}},
    {"type": "object", "required": ["type"], "properties": {"type": {"enum": ["ping", "message_stop"]}}},
    {"$ref": "#/components/schemas/AnthropicError"}]},
"InputTokens": {"type": "object", "required": ["input_tokens"],
                "properties": {"input_tokens": {"type": "integer", "minimum": 0}}},
"AnthropicError": {"type": "object", "required": ["type", "error", "request_id"], "properties": {
    "type": {"const": "error"},
    "error": {"type": "object", "required": ["type", "message"],
              "properties": {"type": {"type": "string"}, "message": {"type": "string"}}},
    "request_id": {"type": ["string", "null"]}}},
"AnyError": {"anyOf": [{"$ref": "#/components/schemas/AnthropicError"},
                       {"$ref": "#/components/schemas/Error"}]}
})json";

constexpr std::string_view kResponses = R"json({
"Response": {"type": "object",
    "required": ["id", "object", "created_at", "status", "completed_at", "error", "incomplete_details",
                 "model", "background", "instructions", "metadata", "parallel_tool_calls",
                 "previous_response_id", "reasoning", "store", "temperature", "text", "tool_choice", "tools",
                 "top_p", "truncation", "output", "usage"],
    "properties": {
        "id": {"type": "string"}, "object": {"const": "response"}, "created_at": {"type": "integer"},
        "status": {"enum": ["queued", "in_progress", "completed", "incomplete", "failed", "cancelled"]},
        "completed_at": {"type": ["integer", "null"]},
        "error": {"type": ["object", "null"], "required": ["code", "message"], "properties": {
            "code": {"type": "string"}, "message": {"type": "string"}}},
        "incomplete_details": {"type": ["object", "null"], "required": ["reason"],
                               "properties": {"reason": {"const": "max_output_tokens"}}},
        "model": {"type": "string"},
        "output": {"type": "array", "items": {"$ref": "#/components/schemas/OutputItem"}},
        "usage": {"type": ["object", "null"],
            "required": ["input_tokens", "input_tokens_details", "output_tokens", "output_tokens_details",
                         "total_tokens"], "properties": {
                "input_tokens": {"type": "integer", "minimum": 0},
                "output_tokens": {"type": "integer", "minimum": 0},
                "total_tokens": {"type": "integer", "minimum": 0}}}}},
"OutputItem": {"oneOf": [
    {"type": "object", "required": ["id", "type", "role", "content", "status"], "properties": {
        "id": {"type": "string"}, "type": {"const": "message"}, "role": {"const": "assistant"},
        "status": {"$ref": "#/components/schemas/ItemStatus"},
        "content": {"type": "array", "items": {"type": "object",
            "required": ["type", "text", "annotations", "logprobs"], "properties": {
                "type": {"const": "output_text"}, "text": {"type": "string"},
                "annotations": {"type": "array", "maxItems": 0},
                "logprobs": {"type": "array", "items": {"$ref": "#/components/schemas/Logprob"}}}}}}},
    {"type": "object", "required": ["id", "type", "summary", "content", "status"], "properties": {
        "id": {"type": "string"}, "type": {"const": "reasoning"},
        "status": {"$ref": "#/components/schemas/ItemStatus"},
        "summary": {"type": "array", "maxItems": 0},
        "content": {"type": "array", "items": {"type": "object", "required": ["type", "text"],
            "properties": {"type": {"const": "reasoning_text"}, "text": {"type": "string"}}}}}},
    {"type": "object", "required": ["id", "type", "call_id", "name", "arguments", "status"], "properties": {
        "id": {"type": "string"}, "type": {"const": "function_call"}, "call_id": {"type": "string"},
        "name": {"type": "string"}, "arguments": {"type": "string"},
        "status": {"$ref": "#/components/schemas/ItemStatus"}}}]},
"ItemStatus": {"enum": ["in_progress", "completed", "incomplete"]},
"ResponseEvent": {"type": "object", "description": "a server-sent event by its fields",
    "required": ["event", "data"], "properties": {
        "event": {"type": "string", "pattern": "^response\\."},
        "data": {"type": "string", "contentMediaType": "application/json",
                 "contentSchema": {"$ref": "#/components/schemas/ResponseEventData"}}}},
"ResponseEventData": {"type": "object", "required": ["type", "sequence_number"], "properties": {
    "type": {"type": "string", "pattern": "^response\\."},
    "sequence_number": {"type": "integer", "minimum": 0},
    "response": {"$ref": "#/components/schemas/Response"},
    "item": {"$ref": "#/components/schemas/OutputItem"},
    "item_id": {"type": "string"}, "output_index": {"type": "integer", "minimum": 0},
    "content_index": {"const": 0}, "delta": {"type": "string"}, "text": {"type": "string"},
    "arguments": {"type": "string"}, "name": {"type": "string"}, "part": {"type": "object"},
    "logprobs": {"type": "array", "items": {"$ref": "#/components/schemas/Logprob"}}}},
"ResponseTokens": {"type": "object", "required": ["object", "input_tokens"], "properties": {
    "object": {"const": "response.input_tokens"}, "input_tokens": {"type": "integer", "minimum": 0}}},
"DeletedResponse": {"type": "object", "required": ["id", "object", "deleted"], "properties": {
    "id": {"type": "string"}, "object": {"const": "response"}, "deleted": {"const": true}}},
"ResponseItems": {"type": "object", "required": ["object", "data", "first_id", "last_id", "has_more"],
    "properties": {
        "object": {"const": "list"},
        "data": {"type": "array", "items": {"type": "object", "required": ["id"]}},
        "first_id": {"type": ["string", "null"]}, "last_id": {"type": ["string", "null"]},
        "has_more": {"type": "boolean"}}}
})json";

constexpr std::string_view kOwn = R"json({
"RenderedPrompt": {"type": "object", "required": ["token_ids", "count"], "properties": {
    "token_ids": {"type": "array", "items": {"$ref": "#/components/schemas/TokenId"}},
    "count": {"type": "integer", "minimum": 0}}},
"RenderedPrompts": {"type": "array", "items": {"$ref": "#/components/schemas/RenderedPrompt"}},
"Tokens": {"type": "object", "required": ["count", "max_model_len", "tokens"], "properties": {
    "count": {"type": "integer", "minimum": 0}, "max_model_len": {"type": "integer"},
    "tokens": {"type": "array", "items": {"$ref": "#/components/schemas/TokenId"}}}},
"Text": {"type": "object", "required": ["prompt"], "properties": {
    "prompt": {"type": "string"}, "content": {"type": "string", "description": "the same"}}},
"Model": {"type": "object",
    "required": ["id", "object", "created", "owned_by", "root", "max_model_len", "context_length", "meta"],
    "properties": {
        "id": {"$ref": "#/components/schemas/ModelName"}, "object": {"const": "model"},
        "root": {"type": "string", "description": "the model's own name"},
        "created": {"type": "integer"}, "owned_by": {"type": "string"},
        "max_model_len": {"type": "integer"}, "context_length": {"type": "integer"},
        "meta": {"type": "object", "properties": {
            "architecture": {"type": "string"}, "n_ctx_train": {"type": "integer"},
            "n_embd": {"type": "integer"}, "n_vocab": {"type": "integer"}, "n_params": {"type": "integer"},
            "size": {"type": "integer"}}}}},
"ModelList": {"type": "object", "required": ["object", "data"], "properties": {
    "object": {"const": "list"},
    "data": {"type": "array", "minItems": 1, "items": {"$ref": "#/components/schemas/Model"}}}},
"ServerInfo": {"type": "object",
    "required": ["version", "model", "served_model_name", "max_model_len", "kv_cache"], "properties": {
        "version": {"type": "string"}, "model": {"$ref": "#/components/schemas/Model"},
        "model_path": {"type": "string"}, "served_model_name": {"type": "string"},
        "backend": {"type": "string"}, "quantization": {"type": "string"}, "weights": {"type": "string"},
        "threads": {"type": "integer"}, "max_model_len": {"type": "integer"},
        "pooling": {"enum": ["last", "mean"]},
        "kv_cache": {"type": "object", "required": ["type", "blocks", "bytes"], "properties": {
            "type": {"type": "string"}, "blocks": {"type": "integer"}, "bytes": {"type": "integer"}}},
        "layers": {"type": "integer"}, "experts": {"type": "integer"}, "experts_used": {"type": "integer"},
        "default_sampling": {"type": "object", "properties": {
            "temperature": {"type": "number"}, "top_k": {"type": "integer"}, "top_p": {"type": "number"},
            "min_p": {"type": "number"}}},
        "max_body_bytes": {"type": "integer"}}},
"ExpertUse": {"type": "object",
    "required": ["layers", "experts", "experts_used", "steps", "tokens", "tokens_per_expert",
        "distinct_experts"],
    "properties": {
        "layers": {"type": "integer"}, "experts": {"type": "integer"}, "experts_used": {"type": "integer"},
        "steps": {"type": "integer"}, "tokens": {"type": "integer"},
        "tokens_per_expert": {"type": "array", "items": {"type": "array",
            "items": {"type": "integer", "minimum": 0}}},
        "distinct_experts": {"type": "array", "items": {"type": "integer", "minimum": 0}}}},
"Version": {"type": "object", "required": ["version"], "properties": {"version": {"type": "string"}}},
"Status": {"type": "object", "required": ["status"], "properties": {"status": {"enum": ["ok", "ready"]}}},
"Document": {"type": "object", "required": ["openapi", "info", "paths"]},
"Metrics": {"type": "string"},
"Page": {"type": "string"}
})json";

}  // namespace

boost::json::object answer_schemas() {
    boost::json::object out = parse_literal(kOpenAi);
    for (const std::string_view text : {kAnthropic, kResponses, kOwn}) {
        const boost::json::object more = parse_literal(text);
        out.insert(more.begin(), more.end());
    }
    return out;
}

}  // namespace sluice::net::openapi
