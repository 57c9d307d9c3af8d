"""Answers with thoughts and tool calls have the shapes that /openapi.json gives them, streamed and whole."""

import json

import jsonschema_rs
import pytest

from server import ScriptedServer, say

SAID = (
    "<think>\nhm\n</think>\n\nLook:\n"
    '<tool_call>\n{"name": "now", "arguments": {"zone": "UTC"}}\n</tool_call>\n'
    '<tool_call>\n{"name": "now", "arguments": {}}\n</tool_call>'
)
PARAMETERS = {"type": "object", "properties": {"zone": {"type": "string"}}}
CHAT = {
    "model": "default",
    "messages": [say(SAID)],
    "tools": [{"type": "function", "function": {"name": "now", "parameters": PARAMETERS}}],
    "n": 2,
    "logprobs": True,
    "top_logprobs": 1,
    "temperature": 0,
}
MESSAGES = {
    "model": "default",
    "messages": [say(SAID)],
    "max_tokens": 500,
    "thinking": {"type": "enabled"},
    "tools": [{"name": "now", "input_schema": PARAMETERS}],
    "temperature": 0,
}


@pytest.fixture(scope="module")
def hermes():
    with ScriptedServer("--template", "hermes") as running:
        yield running


@pytest.fixture(scope="module")
def shape(hermes):
    """Checks a value against a schema of the document, by its name."""
    document = hermes.get("/openapi.json").json

    def check(name, value):
        schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
        jsonschema_rs.validator_for(schema).validate(value)

    return check


def events(reply):
    """The data of each server-sent event; [DONE] is left out."""
    assert reply.status == 200, reply.body
    lines = [line for line in reply.body.decode().splitlines() if line.startswith("data: ")]
    return [json.loads(line[len("data: ") :]) for line in lines if line != "data: [DONE]"]


def test_chat(hermes, shape):
    whole = hermes.post("/v1/chat/completions", CHAT).json
    shape("ChatRequest", CHAT)
    shape("ChatCompletion", whole)
    assert len(whole["choices"][1]["message"]["tool_calls"]) == 2
    assert whole["choices"][0]["message"]["reasoning_content"]
    options = {"stream": True, "stream_options": {"include_usage": True}}
    chunks = events(hermes.post("/v1/chat/completions", CHAT | options))
    for chunk in chunks:
        shape("ChatCompletionChunk", chunk)
    assert any("tool_calls" in c["delta"] for chunk in chunks for c in chunk["choices"])


def test_messages(hermes, shape):
    whole = hermes.post("/v1/messages", MESSAGES).json
    shape("MessagesRequest", MESSAGES)
    shape("AnthropicMessage", whole)
    assert [b["type"] for b in whole["content"]] == ["thinking", "text", "tool_use", "tool_use"]
    told = events(hermes.post("/v1/messages", MESSAGES | {"stream": True}))
    for data in told:
        shape("AnthropicEventData", data)
    assert {d["type"] for d in told} >= {"message_start", "content_block_delta", "message_stop"}


def test_what_a_schema_does_not_allow_is_found(shape):
    with pytest.raises(jsonschema_rs.ValidationError):
        shape("ChatRequest", CHAT | {"n": 9})
    with pytest.raises(jsonschema_rs.ValidationError):
        shape("Error", {"error": {"message": "m"}})
