"""Streams are what strict clients expect, event by event, for any answer however its tokens are cut; and they
say the same bytes as the answer that is not streamed. On the scripted model."""

import http.client
import json
import random
import time

import pytest

from server import say

TOOLS = {
    "look": {"type": "object", "properties": {"path": {"type": "string"}, "deep": {"type": "boolean"}}},
    "sum": {"type": "object", "properties": {"n": {"type": "integer"}, "of": {"type": "array"}}},
    "now": {"type": "object", "properties": {}},
}
WORDS = ["river", " naïve", "\n\n", "日本語", " 🦀🏔️", "<b>", "a < b", "{", "}"]
WORDS += ['"', "\\", "\t", "</", "``` ", "é"]
CASES = 24


def text(rng, words=12):
    return "x" + "".join(rng.choice(WORDS) for _ in range(rng.randint(0, words))) + "y"


def arguments(rng, name):
    return {
        "look": lambda: {"path": text(rng, 5), "deep": rng.random() < 0.5},
        "sum": lambda: {"n": rng.randint(-9, 10**9), "of": [1, text(rng, 2), None, {"k": 2.5}]},
        "now": dict,
    }[name]()


def written_call(template, name, given):
    """A call as the model of that template writes it."""
    if template == "hermes":
        body = json.dumps({"name": name, "arguments": given}, ensure_ascii=False)
        return f"<tool_call>\n{body}\n</tool_call>"
    values = "".join(
        f"<parameter={k}>\n{v if isinstance(v, str) else json.dumps(v, ensure_ascii=False)}\n</parameter>\n"
        for k, v in given.items()
    )
    return f"<tool_call>\n<function={name}>\n{values}</function>\n</tool_call>"


class Case:
    """An answer of a model, what it means, and the requests for it."""

    def __init__(self, template, seed):
        rng = random.Random(seed)
        self.thought = text(rng) if template == "hermes" and rng.random() < 0.5 else ""
        self.calls = []
        if rng.random() < 0.6:
            names = [rng.choice(list(TOOLS)) for _ in range(rng.randint(1, 3))]
            self.calls = [(name, arguments(rng, name)) for name in names]
        self.content = text(rng) if not self.calls or rng.random() < 0.5 else ""
        said = f"<think>\n{self.thought}\n</think>\n\n" if self.thought else ""
        said += self.content + "\n" * bool(self.content and self.calls)
        said += "\n".join(written_call(template, *call) for call in self.calls)
        cut = rng.choice(["bytes", "3", f"random:{seed}", f"random:{seed}!", "1!"])
        self.messages = [say(said, cut=cut)]

    def chat(self, **more):
        tools = [{"type": "function", "function": {"name": n, "parameters": p}} for n, p in TOOLS.items()]
        return {"model": "default", "messages": self.messages, "tools": tools, "max_tokens": 4000, **more}

    def anthropic(self, **more):
        tools = [{"name": n, "input_schema": p} for n, p in TOOLS.items()]
        if self.thought:  # without it the template writes an empty thought
            more["thinking"] = {"type": "enabled", "budget_tokens": 1024}
        return {"model": "default", "messages": self.messages, "tools": tools, "max_tokens": 4000, **more}


def frames(body):
    """(event name or None, data) of each frame; comments are left out."""
    assert body.endswith(b"\n\n")
    for frame in body.decode().split("\n\n")[:-1]:
        lines = frame.split("\n")
        if all(line.startswith(":") for line in lines):
            continue
        fields = dict(line.split(": ", 1) for line in lines)
        assert set(fields) <= {"event", "data"}, frame
        yield fields.get("event"), fields["data"]


def chat_message(body):
    """The message and finish reason that the chunks of a one-choice stream add up to."""
    *chunks, (_, done) = frames(body)
    assert done == "[DONE]"
    chunks = [json.loads(data) for _, data in chunks]
    for key in ("id", "created", "model", "object"):
        assert len({chunk[key] for chunk in chunks}) == 1, key
    assert chunks[0]["object"] == "chat.completion.chunk"
    usage = chunks.pop()
    assert usage["choices"] == [] and usage["usage"]["total_tokens"] > 0
    assert all(chunk["usage"] is None for chunk in chunks)
    message, calls, reason = {"content": "", "reasoning_content": ""}, [], None
    for i, chunk in enumerate(chunks):
        (choice,) = chunk["choices"]
        assert choice["index"] == 0 and reason is None
        delta, reason = choice["delta"], choice["finish_reason"]
        assert ("role" in delta) == (i == 0)
        assert reason is None or not delta
        for key in message:
            message[key] += delta.get(key) or ""
        for part in delta.get("tool_calls", []):
            if part["index"] == len(calls):
                assert part["type"] == "function" and part["id"]
                calls.append({"id": part["id"], "name": part["function"]["name"], "arguments": ""})
            else:
                assert part["index"] == len(calls) - 1 and not {"id", "type"} & set(part)
            calls[-1]["arguments"] += part["function"].get("arguments", "")
    assert reason
    return message, calls, reason


def anthropic_message(body):
    """The blocks and the stop reason that an event stream adds up to."""
    events = []
    for name, data in frames(body):
        events.append(json.loads(data))
        assert name == events[-1]["type"]
    events = [e for e in events if e["type"] != "ping"]
    first, *events, last, stop = events
    assert first["type"] == "message_start" and first["message"]["content"] == []
    assert (last["type"], stop["type"]) == ("message_delta", "message_stop")
    blocks, open_block = [], False
    for event in events:
        if event["type"] == "content_block_start":
            assert not open_block and event["index"] == len(blocks)
            blocks.append(dict(event["content_block"]))
            if blocks[-1]["type"] == "tool_use":
                assert blocks[-1]["input"] == {}
                blocks[-1]["input"] = ""
            open_block = True
            continue
        assert open_block and event["index"] == len(blocks) - 1
        if event["type"] == "content_block_stop":
            open_block = False
            continue
        assert event["type"] == "content_block_delta"
        delta = event["delta"]
        target, source = {
            "text_delta": ("text", "text"),
            "input_json_delta": ("input", "partial_json"),
            "thinking_delta": ("thinking", "thinking"),
            "signature_delta": ("signature", "signature"),
        }[delta["type"]]
        blocks[-1][target] += delta[source]
    assert not open_block
    for block in blocks:
        if block["type"] == "tool_use":
            block["input"] = json.loads(block["input"] or "{}")
    return blocks, last["delta"]["stop_reason"]


@pytest.mark.parametrize("seed", range(CASES))
def test_chat(scripted, seed):
    case = Case(scripted.template, seed)
    path = "/v1/chat/completions"
    whole = scripted.post(path, case.chat()).json["choices"][0]
    told = scripted.post(path, case.chat(stream=True, stream_options={"include_usage": True}))
    message, calls, reason = chat_message(told.body)
    assert reason == whole["finish_reason"] == ("tool_calls" if case.calls else "stop")
    for key, value in message.items():
        assert value == (whole["message"].get(key) or "")
    whole_calls = [call["function"] for call in whole["message"].get("tool_calls") or []]
    assert [{"name": c["name"], "arguments": c["arguments"]} for c in calls] == whole_calls
    assert [(c["name"], json.loads(c["arguments"])) for c in calls] == case.calls
    assert len({c["id"] for c in calls}) == len(calls)
    assert message["content"].strip() == case.content
    assert message["reasoning_content"].strip() == case.thought


@pytest.mark.parametrize("seed", range(CASES))
def test_anthropic(scripted, seed):
    case = Case(scripted.template, seed)
    whole = scripted.post("/v1/messages", case.anthropic()).json
    blocks, reason = anthropic_message(scripted.post("/v1/messages", case.anthropic(stream=True)).body)
    assert reason == whole["stop_reason"] == ("tool_use" if case.calls else "end_turn")

    def plain(list_of_blocks):
        return [{k: v for k, v in b.items() if k not in ("id", "signature")} for b in list_of_blocks]

    assert plain(blocks) == plain(whole["content"])
    assert [(b["name"], b["input"]) for b in blocks if b["type"] == "tool_use"] == case.calls
    assert "".join(b["text"] for b in blocks if b["type"] == "text").strip() == case.content
    assert "".join(b["thinking"] for b in blocks if b["type"] == "thinking").strip() == case.thought


def test_clients_that_leave(scripted):
    rng = random.Random(7)
    scripted.wait_for_metric("vllm:num_requests_running", lambda n: n == 0)  # of earlier tests
    time.sleep(0.2)  # a request is counted a moment after its client has the answer
    before = scripted.metric("vllm:request_success_total")
    for _ in range(20):
        path = rng.choice(["/v1/chat/completions", "/v1/messages"])
        asked = {"model": "default", "messages": [say("word " * 900, delay_ms=20)], "max_tokens": 4000}
        connection = http.client.HTTPConnection(scripted.host, scripted.port, timeout=30)
        connection.request("POST", path, json.dumps({**asked, "stream": True}))
        response = connection.getresponse()
        response.read(rng.randint(1, 2000))
        response.close()
        connection.close()
    scripted.wait_for_metric("vllm:num_requests_running", lambda n: n == 0)
    assert scripted.metric("vllm:request_success_total") == before
    test_chat(scripted, 1)


def test_a_slow_reader_gets_everything(scripted):
    said = "".join(f"line {i} of rivers\n" for i in range(200)).strip()
    asked = {"model": "default", "stream": True, "messages": [say(said)], "max_tokens": 8000}
    asked["stream_options"] = {"include_usage": True}
    connection = http.client.HTTPConnection(scripted.host, scripted.port, timeout=60)
    connection.request("POST", "/v1/chat/completions", json.dumps(asked))
    response = connection.getresponse()
    body = b""
    for _ in range(10):
        body += response.read(50)
        time.sleep(0.1)
    body += response.read()
    connection.close()
    assert chat_message(body)[0]["content"] == said
