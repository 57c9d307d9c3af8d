"""OpenAI's Python SDK against the scripted model: what it parses, accumulates, raises and retries."""

import json
import threading
import time

import openai
import pytest

from server import ScriptedServer, say
from test_streams import TOOLS, written_call

OFFERED = [{"type": "function", "function": {"name": n, "parameters": p}} for n, p in TOOLS.items()]


@pytest.fixture
def sdk(scripted):
    with openai.OpenAI(base_url=scripted.url + "/v1", api_key="none", max_retries=0, timeout=60) as made:
        yield made


def ask(sdk, *messages, **more):
    return sdk.chat.completions.create(model="default", messages=list(messages), **more)


def test_answer_and_usage(sdk):
    answer = ask(sdk, say("Rivers run: naïve 🏔️"), n=2)
    assert [c.message.content for c in answer.choices] == ["Rivers run: naïve 🏔️"] * 2
    assert [c.finish_reason for c in answer.choices] == ["stop"] * 2
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert answer._request_id


def test_stop_strings_and_length(sdk):
    assert ask(sdk, say("one two three"), stop=" three").choices[0].message.content == "one two"
    cut = ask(sdk, say("one two three"), max_completion_tokens=3).choices[0]
    assert (cut.message.content, cut.finish_reason) == ("one", "length")


def test_logprobs(sdk):
    answer = ask(sdk, say("abc", cut=3), logprobs=True, top_logprobs=2).choices[0]
    first = answer.logprobs.content[0]
    assert (first.token, bytes(first.bytes), len(first.top_logprobs)) == ("abc", b"abc", 2)
    assert first.top_logprobs[0].token == "abc" and first.logprob > -0.01
    assert first.top_logprobs[1].logprob < first.logprob


def test_a_tool_loop(sdk, scripted):
    call = written_call(scripted.template, "look", {"path": "a/é b", "deep": True})
    messages = [say(call, "It is a river.", cut="random:3")]
    first = ask(sdk, *messages, tools=OFFERED)
    assert first.choices[0].finish_reason == "tool_calls"
    message = first.choices[0].message
    assert json.loads(message.tool_calls[0].function.arguments) == {"path": "a/é b", "deep": True}
    result = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "a river"}
    last = ask(sdk, *messages, message.model_dump(exclude_none=True), result, tools=OFFERED)
    assert (last.choices[0].message.content, last.choices[0].finish_reason) == ("It is a river.", "stop")


def test_streamed_calls_accumulate(sdk, scripted):
    calls = [("look", {"path": "p"}), ("now", {}), ("sum", {"n": 7, "of": [1, "x"]})]
    said = "\n".join(written_call(scripted.template, *call) for call in calls)
    with sdk.chat.completions.stream(
        model="default", messages=[say(said, cut="random:5")], tools=OFFERED
    ) as stream:
        final = stream.get_final_completion().choices[0]
    assert final.finish_reason == "tool_calls"
    got = [(c.function.name, json.loads(c.function.arguments)) for c in final.message.tool_calls]
    assert got == calls


def test_one_call_where_calls_are_not_parallel(sdk, scripted):
    said = "\n".join(written_call(scripted.template, "now", {}) for _ in range(3))
    answer = ask(sdk, say(said), tools=OFFERED, parallel_tool_calls=False).choices[0]
    assert len(answer.message.tool_calls) == 1 and answer.finish_reason == "tool_calls"


def test_tools_that_are_not_to_be_called_are_not_read(sdk, scripted):
    said = written_call(scripted.template, "now", {})
    answer = ask(sdk, say(said), tools=OFFERED, tool_choice="none").choices[0]
    assert answer.message.tool_calls is None and answer.message.content == said


def test_error_classes(sdk):
    with pytest.raises(openai.BadRequestError) as wrong:
        ask(sdk, say("x"), temperature=9)
    assert wrong.value.param == "temperature"
    with pytest.raises(openai.NotFoundError) as missing:
        sdk.chat.completions.create(model="other", messages=[say("x")])
    assert missing.value.code == "model_not_found"
    with pytest.raises(openai.BadRequestError) as long:
        ask(sdk, {"role": "user", "content": "word " * 5000})
    assert long.value.code == "context_length_exceeded"


def test_a_time_out_and_a_closed_stream_end_the_work(sdk, scripted):
    slow = say("word " * 200, delay_ms=5)
    with pytest.raises(openai.APITimeoutError):
        ask(sdk.with_options(timeout=0.3), slow)
    stream = ask(sdk, slow, stream=True)
    next(iter(stream))
    stream.close()
    scripted.wait_for_metric("vllm:num_requests_running", lambda n: n == 0, seconds=3)


def test_a_full_queue_is_retried_as_the_server_says():
    with ScriptedServer("--max-running", 1, "--max-queue", 1) as server:
        with openai.OpenAI(base_url=server.url + "/v1", api_key="none", max_retries=0) as sdk:
            slow = say("w" * 300, delay_ms=5)
            threads = [threading.Thread(target=ask, args=(sdk, slow)) for _ in range(2)]
            threads[0].start()
            server.wait_for_metric("vllm:num_requests_running", lambda n: n == 1)
            threads[1].start()
            server.wait_for_metric("vllm:num_requests_waiting", lambda n: n == 1)
            with pytest.raises(openai.RateLimitError) as full:
                ask(sdk, say("x"))
            told = float(full.value.response.headers["retry-after"])
            begin = time.monotonic()
            answer = ask(sdk.with_options(max_retries=8), say("at last"))
            assert answer.choices[0].message.content == "at last"
            assert time.monotonic() - begin >= 0.9 * told
            for thread in threads:
                thread.join()
