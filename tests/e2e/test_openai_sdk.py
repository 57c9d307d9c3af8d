"""OpenAI's Python SDK against the scripted model: what it parses, accumulates, raises and retries."""

import asyncio
import json
import threading
import time
from typing import Literal

import openai
import pydantic
import pytest

from server import say
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


def test_a_full_queue_is_retried_as_the_server_says(busy):
    times = []
    hooks = {"request": [lambda _: times.append(time.monotonic())]}
    with openai.OpenAI(
        base_url=busy.url + "/v1",
        api_key="none",
        max_retries=0,
        http_client=openai.DefaultHttpxClient(event_hooks=hooks),
    ) as sdk, busy.filled() as leave:
        with pytest.raises(openai.RateLimitError) as full:
            ask(sdk, say("x"))
        assert full.value.code == "rate_limit_exceeded"
        told = full.value.response.headers
        assert (told["retry-after"], told["retry-after-ms"]) == ("1", str(busy.retry_after_ms))
        times.clear()
        threading.Timer(0.05, leave).start()
        answer = ask(sdk.with_options(max_retries=8), say("at last"))
        assert answer.choices[0].message.content == "at last"
        assert 0 <= times[1] - times[0] - busy.retry_after_ms / 1000 < 0.2


class Box(pydantic.BaseModel):
    size: Literal["small", "large"]
    count: int
    labels: list[str]


BOX = Box(size="large", count=7, labels=["é", "🦀"])


def test_a_stream_has_the_type_of_its_answer(sdk, scripted):
    asked = {"model": "default", "messages": [say(BOX.model_dump_json(), cut="random:2")]}
    with sdk.chat.completions.stream(**asked, response_format=Box) as stream:
        deltas = [event for event in stream if event.type == "content.delta"]
        final = stream.get_final_completion().choices[0].message
    assert final.parsed == BOX and "".join(d.delta for d in deltas) == final.content
    assert any(isinstance(d.parsed, dict) and d.parsed.get("size") == "large" for d in deltas)
    with pytest.raises(openai.LengthFinishReasonError):
        sdk.chat.completions.parse(**asked, response_format=Box, max_tokens=5)


def test_a_streamed_call_has_the_type_of_its_tool(sdk, scripted):
    said = written_call(scripted.template, "Box", BOX.model_dump())
    with sdk.chat.completions.stream(
        model="default", messages=[say(said, cut="random:2")], tools=[openai.pydantic_function_tool(Box)]
    ) as stream:
        final = stream.get_final_completion().choices[0].message
    assert [call.function.parsed_arguments for call in final.tool_calls] == [BOX]


def test_a_cancelled_task_ends_the_work(scripted):
    async def run():
        async with openai.AsyncOpenAI(base_url=scripted.url + "/v1", api_key="none", max_retries=0) as sdk:
            begun = asyncio.Event()

            async def read():
                async for _ in await ask(sdk, say("word " * 400, delay_ms=5), stream=True):
                    begun.set()

            task = asyncio.create_task(read())
            await begun.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(run())
    scripted.wait_for_metric("vllm:num_requests_running", lambda n: n == 0, seconds=3)
