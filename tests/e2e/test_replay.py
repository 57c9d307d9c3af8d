"""Answers that come back in a conversation keep the tokens that they were generated with."""

import pytest

from server import RANDOM_MODEL, Server

CHAT = "/v1/chat/completions"
BLOCK = 32  # tokens of a KV block, at most: what is found in the cache ends with one


def chat(server, messages, **fields):
    body = {"model": server.model, "messages": messages, "temperature": 1.5, "max_tokens": 150, "seed": 5}
    reply = server.post(CHAT, {**body, **fields})
    assert reply.status == 200, reply.body
    return reply.json["choices"][0]["message"], reply.json["usage"]


def converse(server, turns, **fields):
    """Per turn after the first: tokens found in the cache, and those that the turn before ended with."""
    messages, found, before = [], [], None
    for turn in range(turns):
        messages.append({"role": "user", "content": f"Turn {turn}: go on."})
        answer, usage = chat(server, messages, seed=turn, **fields)
        if before is not None:
            found.append((usage["prompt_tokens_details"]["cached_tokens"], before))
        before = usage["prompt_tokens"] + usage["completion_tokens"]
        messages.append({"role": "assistant", "content": answer["content"]})
    return found


def test_what_was_said_is_found_whole(server):
    for found, before in converse(server, 5, cache_salt="replay"):
        assert found > before - BLOCK


def test_streams_are_remembered_before_they_end(server):
    messages = [{"role": "user", "content": "Streamed: go on."}]
    body = {"model": server.model, "messages": messages, "temperature": 1.5, "max_tokens": 150, "seed": 8}
    frames = list(server.stream(CHAT, {**body, "stream_options": {"include_usage": True}}))
    text = "".join(f["choices"][0]["delta"].get("content") or "" for f in frames if f["choices"])
    usage = frames[-1]["usage"]
    messages += [{"role": "assistant", "content": text}, {"role": "user", "content": "And?"}]
    found = chat(server, messages)[1]["prompt_tokens_details"]["cached_tokens"]
    assert found > usage["prompt_tokens"] + usage["completion_tokens"] - BLOCK


def test_calls_are_found_however_they_are_spelled(server):
    tool = {
        "type": "function",
        "function": {
            "name": "note",
            "parameters": {
                "type": "object",
                "properties": {"n": {"type": "integer"}, "on": {"type": "boolean"}},
                "required": ["n", "on"],
            },
        },
    }
    fields = {"tools": [tool], "cache_salt": "calls"}
    messages = [{"role": "user", "content": "Note it."}]
    answer, usage = chat(server, messages, tool_choice="required", **fields)
    call = answer["tool_calls"][0]
    call["function"]["arguments"] = call["function"]["arguments"].replace(":", " : ")
    messages += [answer, {"role": "tool", "tool_call_id": call["id"], "content": "noted"}]
    found = chat(server, messages, **fields)[1]["prompt_tokens_details"]["cached_tokens"]
    assert found > usage["prompt_tokens"] + usage["completion_tokens"] - BLOCK


@pytest.fixture(scope="module")
def forgetful():
    with Server("--model", RANDOM_MODEL, "--replay-bytes", "0") as running:
        yield running


def test_without_it_a_prompt_is_its_text_alone(forgetful):
    """Random answers are rarely spelled as the tokenizer would spell them: the cache misses some of them."""
    assert any(found <= before - BLOCK for found, before in converse(forgetful, 5))
