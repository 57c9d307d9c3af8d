"""The Responses API: its streams event by event for any answer however its tokens are cut, and what coding
agents send. On the scripted model."""

import json
import random
import re
import time

import pytest

from server import RANDOM_MODEL, Server, say
from test_streams import CASES, TOOLS, Case, frames, written_call

PATH = "/v1/responses"
OFFERED = [{"type": "function", "name": n, "parameters": p} for n, p in TOOLS.items()]
LAST = ("response.completed", "response.incomplete", "response.failed")


def asked(case, **more):
    body = {"model": "default", "input": case.messages, "tools": OFFERED, "max_output_tokens": 4000}
    return {**body, **more}


class Stream:
    """Reads events as a strict client does: every event is one that may come now, about the open item."""

    def __init__(self, body):
        self.items, self.open, self.parts, self.over = [], None, 0, False
        self.response = None
        for number, (name, data) in enumerate(frames(body)):
            event = json.loads(data)
            assert name == event["type"] and event["sequence_number"] == number
            assert not self.over
            if number < 2:
                assert name == ("response.created", "response.in_progress")[number]
                assert event["response"]["status"] == "in_progress" and event["response"]["output"] == []
                assert self.response in (None, event["response"])
                self.response = event["response"]
            elif name in LAST:
                assert self.open is None or name == "response.failed"
                assert event["response"]["id"] == self.response["id"]
                assert event["response"]["status"] == name.removeprefix("response.")
                self.response, self.over = event["response"], True
            else:
                self.about_an_item(name.removeprefix("response."), event)
        assert self.over

    def about_an_item(self, name, event):
        if name == "output_item.added":
            assert self.open is None
            self.open, self.parts = event["item"], 0
            self.items.append(self.open)
            assert self.open["status"] == "in_progress"
            assert not self.open.get("content") and not self.open.get("arguments")
            self.open["text"], self.open["done"] = "", False
        item = self.open
        assert item and event["output_index"] == len(self.items) - 1
        assert event.get("item_id", item["id"]) == item["id"]
        assert event.get("content_index", 0) == 0
        kind = {"message": "output_text", "reasoning": "reasoning_text"}.get(
            item["type"], "function_call_arguments"
        )
        has_part = item["type"] != "function_call"  # also of thoughts: the Node SDK insists on it
        if name == "content_part.added":
            assert self.parts == 0 and event["part"]["text"] == "" and event["part"]["type"] == kind
            self.parts = 1
        elif name == kind + ".delta":
            assert not item["done"] and self.parts == has_part
            item["text"] += event["delta"]
        elif name == kind + ".done":
            assert not item["done"] and item["text"] == event.get("text", event.get("arguments"))
            item["done"] = True
        elif name == "content_part.done":
            assert item["done"] and event["part"]["text"] == item["text"] and self.parts == 1
            self.parts = 2
        elif name == "output_item.done":
            assert item["done"] and self.parts == 2 * has_part
            assert event["item"]["id"] == item["id"] and text_of(event["item"]) == item["text"]
            self.items[-1] = event["item"]
            self.open = None
        else:
            assert name == "output_item.added", name


def text_of(item):
    return item["arguments"] if item["type"] == "function_call" else item["content"][0]["text"]


def plain(output):
    return [(i["type"], i["status"], i.get("name"), text_of(i)) for i in output]


def texts(output, kind):
    return "".join(text_of(i) for i in output if i["type"] == kind).strip()


@pytest.mark.parametrize("seed", range(CASES))
def test_a_stream_is_the_whole_response(scripted, seed):
    case = Case(scripted.template, seed)
    whole = scripted.post(PATH, asked(case)).json
    stream = Stream(scripted.post(PATH, asked(case, stream=True)).body)
    assert stream.response["status"] == whole["status"] == "completed"
    assert stream.response["output"] == stream.items
    assert plain(stream.items) == plain(whole["output"])
    calls = [i for i in stream.items if i["type"] == "function_call"]
    assert [(c["name"], json.loads(c["arguments"])) for c in calls] == case.calls
    assert len({c["call_id"] for c in calls}) == len(calls)
    assert texts(stream.items, "message") == case.content
    assert texts(stream.items, "reasoning") == case.thought
    assert stream.response["usage"]["total_tokens"] == whole["usage"]["total_tokens"]


@pytest.mark.parametrize("seed", range(6))
def test_what_max_output_tokens_cut(scripted, seed):
    case = Case(scripted.template, seed)
    most = random.Random(seed).randint(1, 12)
    whole = scripted.post(PATH, asked(case, max_output_tokens=most)).json
    stream = Stream(scripted.post(PATH, asked(case, max_output_tokens=most, stream=True)).body)
    assert plain(stream.items) == plain(whole["output"])
    for response in (whole, stream.response):
        assert response["usage"]["output_tokens"] <= most
        if response["status"] == "incomplete":
            assert response["incomplete_details"] == {"reason": "max_output_tokens"}


def test_the_answer_repeats_the_request(scripted):
    said = {"instructions": "Be brief.", "metadata": {"a": "b"}, "temperature": 0.25, "top_p": 0.5}
    said |= {"user": "u"}
    said |= {"max_output_tokens": 9, "parallel_tool_calls": False, "tool_choice": "none", "store": False}
    got = scripted.post(PATH, {"model": "default", "input": [say("x")], "tools": OFFERED, **said}).json
    assert {key: got[key] for key in said} == said
    assert got["tools"] == OFFERED and got["text"] == {"format": {"type": "text"}}
    assert got["reasoning"] == {"effort": None, "summary": None}
    for key in ("error", "incomplete_details", "previous_response_id"):
        assert got[key] is None
    assert (got["object"], got["model"], got["truncation"]) == ("response", "scripted", "disabled")
    assert got["completed_at"] >= got["created_at"]


def test_logprobs(scripted):
    body = {"model": "default", "input": [say("abc", cut=3)], "include": ["message.output_text.logprobs"]}
    whole = scripted.post(PATH, {**body, "top_logprobs": 2}).json["output"][0]["content"][0]["logprobs"]
    assert whole[0]["token"] == "abc" and len(whole[0]["top_logprobs"]) == 2
    stream = Stream(scripted.post(PATH, {**body, "stream": True}).body)
    assert [t["token"] for t in stream.items[0]["content"][0]["logprobs"]][0] == "abc"


def message(role, text):
    return {"type": "message", "role": role, "content": [{"type": "input_text", "text": text}]}


def test_a_coding_agents_turns(scripted):
    """Stateless, with tools that are no functions, several developer messages, and thoughts sent back."""
    call = written_call(scripted.template, "look", {"path": "a b"})
    first = say(f"Let me look.\n{call}", "It is a river.", cut="random:3")
    odd = [{"type": "web_search"}, {"type": "local_shell"}, {"type": "custom", "name": "patch", "format": {}}]
    body = {
        "model": "default",
        "instructions": "You are a coding agent. " * 400,
        "input": [
            message("developer", "Be careful."),
            message("user", "<cwd>/</cwd>"),
            {"role": "developer", "content": "No network."},
            message("user", first["content"]),
        ],
        "tools": [odd[0], {**OFFERED[0], "strict": False}, *odd[1:]],
        "tool_choice": "auto",
        "parallel_tool_calls": False,
        "reasoning": {"effort": "medium", "summary": "auto"},
        "store": False,
        "stream": True,
        "include": ["reasoning.encrypted_content"],
        "prompt_cache_key": "k",
        "text": {"verbosity": "low"},
    }
    one = Stream(scripted.post(PATH, body).body)
    (called,) = [i for i in one.items if i["type"] == "function_call"]
    assert json.loads(called["arguments"]) == {"path": "a b"}
    assert [tool["type"] for tool in one.response["tools"]] == ["function"]
    thought = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]}
    thought["encrypted_content"] = None
    body["input"] += [thought, *one.items]
    body["input"] += [{"type": "function_call_output", "call_id": called["call_id"], "output": "a river"}]
    two = Stream(scripted.post(PATH, body).body)
    assert texts(two.items, "message") == "It is a river."


@pytest.mark.parametrize(
    "field, value, param",
    [
        ("input", 3, "input"),
        ("input", [], "input"),
        ("input", [{"type": "computer_call"}], "input[0]"),
        ("input", [{"role": "user", "content": [{"type": "input_image"}]}], "input[0].content[0]"),
        ("tools", [{"type": "x"}, {"type": "function", "name": "a b"}], "tools[1].name"),
        ("tools", ["look"], "tools[0]"),
        ("tool_choice", {"type": "custom", "name": "x"}, "tool_choice"),
        ("tool_choice", {"type": "function", "name": "nobody"}, "tool_choice"),
        ("text", {"format": {"type": "other"}}, "text.format"),
        ("text", "plain", "text"),
        ("reasoning", "high", "reasoning"),
        ("include", "all", "include"),
        ("truncation", "middle", "truncation"),
        ("metadata", {"a": 1}, "metadata"),
        ("max_output_tokens", 0, "max_output_tokens"),
        ("previous_response_id", 3, "previous_response_id"),
        ("prompt", {"id": "p"}, "prompt"),
        ("conversation", "c", "conversation"),
        ("store", "yes", "store"),
    ],
)
def test_errors_name_the_field(scripted, field, value, param):
    reply = scripted.post(PATH, {"model": "default", "input": "x", field: value})
    assert (reply.status, reply.error["param"]) == (400, param)


def test_counting(scripted):
    body = {"input": [say("x")], "tools": OFFERED, "instructions": "Be brief."}
    counted = scripted.post(PATH + "/input_tokens", body).json
    usage = scripted.post(PATH, {"model": "default", **body}).json["usage"]
    assert counted == {"object": "response.input_tokens", "input_tokens": usage["input_tokens"]}


def test_a_failure_within_a_stream():
    with Server("--model", RANDOM_MODEL, "--request-time", "100ms") as server:
        body = {"model": "default", "input": "x", "max_output_tokens": 4000, "temperature": 0, "stream": True}
        response = Stream(server.post(PATH, body).body).response
        assert response["status"] == "failed" and response["error"]["code"] == "server_error"
        assert [item["status"] for item in response["output"]][-1] == "incomplete"
        assert server.get(f"{PATH}/{response['id']}").json == response


def test_clients_that_leave(scripted):
    rng = random.Random(3)
    names = []
    for seed in range(20):
        said = say("word " * 300, cut=f"random:{seed}", delay_ms=2)
        body = {"model": "default", "input": [said], "stream": True, "max_output_tokens": 4000}
        connection = scripted.connect(30)
        connection.request("POST", PATH, json.dumps(body))
        response = connection.getresponse()
        names += re.findall(rb'"id":"(resp_[0-9a-f]+)"', response.read(rng.randint(1000, 5000)))[:1]
        response.close()
        connection.close()
    scripted.wait_for_metric("vllm:num_requests_running", lambda n: n == 0)
    kept = [scripted.get(f"{PATH}/{name.decode()}").json["status"] for name in names]
    assert len(kept) == 20 and set(kept) == {"cancelled"}


def test_a_slow_reader_gets_everything(scripted):
    said = "".join(f"line {i} of rivers\n" for i in range(100)).strip()
    body = {"model": "default", "input": [say(said)], "stream": True, "max_output_tokens": 8000}
    connection = scripted.connect(60)
    connection.request("POST", PATH, json.dumps(body))
    response = connection.getresponse()
    told = b""
    for _ in range(10):
        told += response.read(50)
        time.sleep(0.05)
    told += response.read()
    connection.close()
    assert texts(Stream(told).items, "message") == said


def test_too_long_an_input(scripted):
    reply = scripted.post(PATH, {"model": "default", "input": "word " * 20000})
    assert (reply.status, reply.error["code"], reply.error["param"]) == (
        400,
        "context_length_exceeded",
        "input",
    )


def test_choices_of_tools(scripted):
    allowed = {"type": "allowed_tools", "mode": "auto", "tools": [OFFERED[0], {"type": "mcp"}]}
    for choice in ("auto", "none", allowed):
        body = {"model": "default", "input": [say("x")], "tools": OFFERED, "tool_choice": choice}
        reply = scripted.post(PATH, body)
        assert reply.status == 200 and reply.json["tool_choice"] == choice, reply.body
