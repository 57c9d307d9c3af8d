"""Anthropic's dialect, tokens and templates over HTTP, on the embedded model."""

import json

HELLO = [{"role": "user", "content": "Tell me about rivers."}]


def ask(server, path, **body):
    return server.post(path, {"model": "default", **body})


def test_message(server):
    said = {"messages": HELLO, "system": "Be brief."}
    reply = ask(server, "/v1/messages", **said, max_tokens=8, temperature=0)
    assert reply.status == 200, reply.body
    assert reply.headers["request-id"]
    message = reply.json
    assert (message["type"], message["role"]) == ("message", "assistant")
    assert message["stop_reason"] == "max_tokens"
    usage = message["usage"]
    assert usage["output_tokens"] == 8
    counted = ask(server, "/v1/messages/count_tokens", **said)
    assert counted.json == {"input_tokens": usage["input_tokens"] + usage["cache_read_input_tokens"]}


def test_message_stream_is_the_whole_message(server):
    body = {"model": "default", "messages": HELLO, "max_tokens": 24, "temperature": 1, "seed": 5}
    whole = server.post("/v1/messages", body).json
    reply = server.post("/v1/messages", {**body, "stream": True})
    assert reply.headers["Content-Type"].startswith("text/event-stream")
    blocks, events = [], []
    for frame in reply.body.decode().strip().split("\n\n"):
        name, data = frame.split("\n")
        data = json.loads(data.removeprefix("data: "))
        assert name == "event: " + data["type"]
        events.append(data["type"])
        if data["type"] == "content_block_start":
            assert data["index"] == len(blocks)
            blocks.append(data["content_block"]["text"])
        elif data["type"] == "content_block_delta":
            assert data["index"] == len(blocks) - 1
            blocks[-1] += data["delta"]["text"]
    assert (events[0], events[-2:]) == ("message_start", ["message_delta", "message_stop"])
    assert blocks == [block["text"] for block in whole["content"]]


def test_errors_have_the_dialects_shape(server):
    reply = ask(server, "/v1/messages", messages=HELLO)
    assert reply.status == 400
    assert reply.json["type"] == "error"
    assert reply.json["error"]["type"] == "invalid_request_error"
    assert "max_tokens" in reply.json["error"]["message"]
    assert reply.json["request_id"] == reply.headers["request-id"]
    form = {"type": "json_schema", "schema": {"type": "object"}}
    twice = {"output_format": form, "output_config": {"format": form}}
    both = ask(server, "/v1/messages", messages=HELLO, max_tokens=1, **twice)
    assert both.status == 400 and "output_format" in both.json["error"]["message"]
    for role in ("user", "assistant"):
        nothing = ask(server, "/v1/messages", messages=[{"role": role, "content": []}], max_tokens=1)
        assert nothing.status == 400 and "messages[0].content" in nothing.json["error"]["message"]
    image = [{"role": "user", "content": [{"type": "image", "source": {}}]}]
    assert ask(server, "/v1/messages", messages=image, max_tokens=1).status == 400
    choice = {"type": "tool", "name": "then"}
    tools = [{"name": "now", "input_schema": {"type": "object"}}]
    forced = ask(server, "/v1/messages", messages=HELLO, max_tokens=1, tools=tools, tool_choice=choice)
    assert forced.status == 400 and "tool_choice" in forced.json["error"]["message"]
    missing = server.post("/v1/messages", {"model": "other", "messages": HELLO, "max_tokens": 1})
    assert (missing.status, missing.json["error"]["type"]) == (404, "not_found_error")


def test_tokens_there_and_back(server):
    text = "Rivers run, naïve 1234\n"
    tokens = ask(server, "/tokenize", prompt=text).json
    assert tokens["count"] == len(tokens["tokens"]) > 0
    assert ask(server, "/detokenize", tokens=tokens["tokens"]).json["prompt"] == text
    assert ask(server, "/tokenize", content=text).json["tokens"] == tokens["tokens"]
    assert ask(server, "/detokenize", tokens=[-1]).error["param"] == "tokens"
    assert ask(server, "/tokenize", prompt=3).error["param"] == "prompt"


def test_rendered_prompts_are_what_the_engine_gets(server):
    rendered = ask(server, "/v1/chat/completions/render", messages=HELLO).json
    assert ask(server, "/tokenize", messages=HELLO).json["tokens"] == rendered["token_ids"]
    answer = ask(server, "/v1/chat/completions", messages=HELLO, max_tokens=1).json
    assert answer["usage"]["prompt_tokens"] == rendered["count"]
    text = ask(server, "/apply-template", messages=HELLO).json["prompt"]
    assert "Tell me about rivers." in text
    prompts = ask(server, "/v1/completions/render", prompt=["a", "b c"]).json
    assert [p["count"] for p in prompts] == [len(p["token_ids"]) for p in prompts]


def test_the_server_tells_of_itself(server):
    info = server.get("/server_info").json
    assert info["served_model_name"] == server.model
    assert server.get("/version").json == {"version": info["version"]}


def test_tool_choice_is_checked(server):
    tools = [{"type": "function", "function": {"name": "now"}}]
    body = {"messages": HELLO, "max_tokens": 1, "tools": tools}
    for choice in ({"type": "function", "function": {"name": "then"}}, {"type": "other"}, "any"):
        reply = ask(server, "/v1/chat/completions", **body, tool_choice=choice)
        assert reply.status == 400 and reply.error["param"] == "tool_choice"
    allowed = {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": tools}}
    named = {"type": "function", "function": {"name": "now"}}
    for choice in ("auto", "none", "required", named, allowed):
        reply = ask(server, "/v1/chat/completions", **body, tool_choice=choice)
        assert reply.status == 200, reply.body
