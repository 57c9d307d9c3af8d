"""What clients send back of a conversation, odd or not, becomes the prompt that is meant: no answer of a
model, and no habit of a client, ends a conversation with an error. On the scripted model's templates."""

import json

import pytest

from server import say
from test_streams import TOOLS, written_call

CHAT = "/v1/chat/completions"
USER = {"role": "user", "content": "hi"}
LOOK = [{"type": "function", "function": {"name": "look", "parameters": TOOLS["look"]}}]


def called(arguments, **more):
    call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": arguments}}
    return {"role": "assistant", "tool_calls": [call], **more}


def result(content="r"):
    return {"role": "tool", "tool_call_id": "c1", "content": content}


def prompt(server, *messages, **more):
    body = {"model": "default", "messages": list(messages), **more}
    reply = server.post("/apply-template", body)
    assert reply.status == 200, reply.body
    return reply.json["prompt"]


def turns(text):
    """(role, text) of each turn but the one that is opened for the answer."""
    return [tuple(turn.split("<|im_end|>")[0].split("\n", 1)) for turn in text.split("<|im_start|>")[1:-1]]


def written_back(server, arguments):
    return turns(prompt(server, USER, called(arguments), result()))[1][1].strip()


def test_arguments_come_back_as_the_model_wrote_them(scripted):
    given = {"zoo": "é/\n<b>", "deep": True, "a": [1, {"k": None}], "big": -(2**63), "real": 0.1, "10": 1.0}
    said = written_call(scripted.template, "look", given)
    compact = json.dumps(given, separators=(",", ":"))
    indented = json.dumps(given, indent=4, ensure_ascii=False)
    for arguments in (given, compact, f" \n{indented} "):
        assert written_back(scripted, arguments) == said


@pytest.mark.parametrize("nothing", [None, "", " \n", "null", "{}", {}])
def test_no_arguments(scripted, nothing):
    assert written_back(scripted, nothing) == written_call(scripted.template, "look", {})


@pytest.mark.parametrize("broken", ['{"path": "a', "[1]", '"x"', "look!", '{"a": 1, "a": 2}', "[" * 200])
def test_arguments_that_are_no_object_stay_readable(scripted, broken):
    assert written_back(scripted, broken) == written_call(scripted.template, "look", {"arguments": broken})


@pytest.mark.parametrize("wrong", [1, True, [1]])
def test_arguments_of_another_type_are_refused_by_name(scripted, wrong):
    reply = scripted.post(CHAT, {"model": "default", "messages": [USER, called(wrong), result()]})
    assert (reply.status, reply.error["param"]) == (400, "messages[1].tool_calls")


def test_content_that_is_null_empty_or_absent(scripted):
    same = {prompt(scripted, USER, called("{}", **more), result()) for more in absent()}
    assert len(same) == 1
    for calls in ({}, {"tool_calls": None}, {"tool_calls": []}):
        said = [prompt(scripted, USER, {"role": "assistant", **calls, **more}, USER) for more in absent()]
        assert len(set(said)) == 1 and turns(said[0])[1] == ("assistant", "")
    found = [{"role": "tool", "tool_call_id": "c1", **more} for more in absent()]
    assert len({prompt(scripted, USER, called("{}"), message) for message in found}) == 1
    for more in ({}, {"content": None}):
        reply = scripted.post(CHAT, {"model": "default", "messages": [{"role": "user", **more}]})
        assert (reply.status, reply.error["param"]) == (400, "messages[0].content")


def absent():
    return {"content": None}, {"content": ""}, {"content": []}, {}


def test_system_and_developer_messages_stay_where_they_are(scripted):
    roles = ["system", "developer", "user", "system", "user", "developer"]
    messages = [{"role": role, "content": f"{i}"} for i, role in enumerate(roles)]
    expected = [("user" if role == "user" else "system", f"{i}") for i, role in enumerate(roles)]
    assert turns(prompt(scripted, *messages)) == expected


def test_parts_are_one_text(scripted):
    parts = [{"type": "text", "text": "a river"}, {"type": "text", "text": "é\n"}]
    whole = "a river\né\n"
    for message in (USER, {"role": "developer"}, {"role": "assistant"}):
        told = [prompt(scripted, USER, {**message, "content": content}, USER) for content in (parts, whole)]
        assert told[0] == told[1]
    results = [prompt(scripted, USER, called("{}"), result(content)) for content in (parts, whole)]
    assert results[0] == results[1] and "<tool_response>\na river\né\n" in results[0]
    blocks = [{"type": "tool_result", "tool_use_id": "c1", "content": content} for content in (parts, whole)]
    use = {"type": "tool_use", "id": "c1", "name": "look", "input": {}}
    counted = {
        scripted.post(
            "/v1/messages/count_tokens",
            {
                "model": "default",
                "messages": [
                    USER,
                    {"role": "assistant", "content": [use]},
                    {"role": "user", "content": [block]},
                ],
            },
        ).json["input_tokens"]
        for block in blocks
    }
    assert len(counted) == 1


# features.md 4.4, 7: neither offered nor read.
def test_tools_that_are_not_to_be_called(scripted):
    plain = prompt(scripted, USER)
    assert prompt(scripted, USER, tools=LOOK, tool_choice="none") == plain
    assert prompt(scripted, USER, tools=LOOK) != plain
    said = written_call(scripted.template, "look", {"path": "p"})
    ask = {"model": "default", "messages": [say(said)], "max_tokens": 2000}
    chat = scripted.post(CHAT, {**ask, "tools": LOOK, "tool_choice": "none"}).json["choices"][0]
    assert (chat["message"]["content"], chat["finish_reason"]) == (said, "stop")
    tools = [{"name": "look", "input_schema": TOOLS["look"]}]
    choice = {"type": "none"}
    message = scripted.post("/v1/messages", {**ask, "tools": tools, "tool_choice": choice}).json
    assert [(b["type"], b["text"]) for b in message["content"]] == [("text", said)]
    tools = [{"type": "function", "name": "look", "parameters": TOOLS["look"]}]
    body = {"model": "default", "input": [say(said)], "tools": tools, "tool_choice": "none"}
    output = scripted.post("/v1/responses", body).json["output"]
    assert [(i["type"], i["content"][0]["text"]) for i in output] == [("message", said)]
    assert scripted.metric("sluice:tool_parse_failures_total") == 0


# features.md 4.4, 12: `cached_tokens` tells of it.
def test_text_that_changes_in_front_is_seen_in_cached_tokens(scripted):
    rules, question = "Rules. " * 200, say("Yes.")

    def cached(*texts):
        messages = [{"role": "system", "content": text} for text in texts] + [question]
        body = {"model": "default", "messages": messages, "cache_salt": "12"}
        usage = scripted.post(CHAT, body).json["usage"]
        return usage["prompt_tokens_details"]["cached_tokens"], usage["prompt_tokens"]

    assert cached("It is 10:00.", rules)[0] == 0
    assert cached("It is 10:01.", rules)[0] < 64  # the first block may be the same
    assert cached(rules, "It is 10:00.")[0] == 0
    hits, tokens = cached(rules, "It is 10:01.")
    assert hits >= len(rules) - 64 and hits < tokens
