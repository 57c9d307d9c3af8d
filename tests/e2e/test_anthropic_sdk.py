"""Anthropic's Python SDK against the scripted model: what it parses, accumulates and raises."""

import asyncio
import threading
import time
from typing import Literal

import anthropic
import pydantic
import pytest

from server import say
from test_streams import TOOLS, written_call

OFFERED = [{"name": n, "description": n, "input_schema": p} for n, p in TOOLS.items()]


@pytest.fixture
def sdk(scripted):
    with anthropic.Anthropic(base_url=scripted.url, api_key="none", max_retries=0, timeout=60) as made:
        yield made


def ask(sdk, *messages, **more):
    return sdk.messages.create(model="default", max_tokens=2000, messages=list(messages), **more)


def test_message(sdk):
    message = ask(sdk, say("Rivers run: naïve 🏔️"), system="Be brief.")
    assert [(b.type, b.text) for b in message.content] == [("text", "Rivers run: naïve 🏔️")]
    assert (message.stop_reason, message.stop_sequence) == ("end_turn", None)
    assert message._request_id and message.id.startswith("msg_")


def test_stop_sequence_and_length(sdk):
    message = ask(sdk, say("one two three"), stop_sequences=[" three", "never"])
    assert (message.content[0].text, message.stop_reason) == ("one two", "stop_sequence")
    assert message.stop_sequence == " three"
    cut = sdk.messages.create(model="default", max_tokens=3, messages=[say("one two")])
    assert (cut.content[0].text, cut.stop_reason, cut.usage.output_tokens) == ("one", "max_tokens", 3)


def test_counted_tokens_are_the_prompts(sdk):
    asked = {"model": "default", "messages": [say("x")], "system": "Be brief.", "tools": OFFERED}
    usage = sdk.messages.create(max_tokens=5, **asked).usage
    counted = sdk.messages.count_tokens(**asked).input_tokens
    assert counted == usage.input_tokens + (usage.cache_read_input_tokens or 0)


def test_a_tool_loop(sdk, scripted):
    given = {"path": "a/é b", "deep": True}
    said = "I look.\n" + written_call(scripted.template, "look", given)
    messages = [say(said, "It is a river.", cut="random:3")]
    first = ask(sdk, *messages, tools=OFFERED)
    assert first.stop_reason == "tool_use"
    assert [b.type for b in first.content] == ["text", "tool_use"]
    call = first.content[1]
    assert (call.name, call.input) == ("look", given)
    result = {"type": "tool_result", "tool_use_id": call.id, "content": [{"type": "text", "text": "river"}]}
    turn = {"role": "assistant", "content": [b.model_dump(exclude_none=True) for b in first.content]}
    last = ask(sdk, *messages, turn, {"role": "user", "content": [result]}, tools=OFFERED)
    assert (last.content[0].text, last.stop_reason) == ("It is a river.", "end_turn")


def test_the_stream_accumulates_to_the_message(sdk, scripted):
    calls = [("look", {"path": "p"}), ("now", {}), ("sum", {"n": 7, "of": [1, "x"]})]
    said = "I do.\n" + "\n".join(written_call(scripted.template, *call) for call in calls)
    with sdk.messages.stream(
        model="default", max_tokens=2000, messages=[say(said, cut="random:5")], tools=OFFERED
    ) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_message()
    assert (kinds[0], kinds[-1]) == ("message_start", "message_stop")
    assert final.content[0].text.strip() == "I do." and final.stop_reason == "tool_use"
    assert [(b.name, b.input) for b in final.content[1:]] == calls


def test_thinking(sdk, scripted):
    if scripted.template != "hermes":
        thinks = say("4")
        assert [b.type for b in ask(sdk, thinks).content] == ["text"]
        return
    thinks = say("<think>\nTwo and two.\n</think>\n\n4", cut="random:2")
    enabled = {"type": "enabled", "budget_tokens": 1024}
    thought, answer = ask(sdk, thinks, thinking=enabled).content
    assert (thought.type, thought.thinking.strip()) == ("thinking", "Two and two.")
    assert (answer.type, answer.text.strip()) == ("text", "4")
    with sdk.messages.stream(
        model="default", max_tokens=2000, messages=[thinks], thinking=enabled
    ) as stream:
        streamed = stream.get_final_message().content
    assert (streamed[0].thinking, streamed[1].text) == (thought.thinking, answer.text)
    assert streamed[0].signature


def test_error_classes(sdk):
    with pytest.raises(anthropic.BadRequestError) as wrong:
        ask(sdk, say("x"), extra_body={"temperature": 9})
    assert wrong.value.body["error"]["type"] == "invalid_request_error"
    assert "temperature" in wrong.value.body["error"]["message"]
    with pytest.raises(anthropic.NotFoundError) as missing:
        sdk.messages.create(model="other", max_tokens=1, messages=[say("x")])
    assert missing.value.body["error"]["type"] == "not_found_error"
    with pytest.raises(anthropic.BadRequestError):
        ask(sdk, {"role": "user", "content": "word " * 5000})


def test_a_time_out_and_a_closed_stream_end_the_work(sdk, scripted):
    slow = say("word " * 200, delay_ms=5)
    with pytest.raises(anthropic.APITimeoutError):
        ask(sdk.with_options(timeout=0.3), slow)
    stream = ask(sdk, slow, stream=True)
    next(iter(stream))
    stream.close()
    scripted.wait_for_metric("vllm:num_requests_running", lambda n: n == 0, seconds=3)


def test_a_full_queue_is_retried_as_the_server_says(busy):
    times = []
    hooks = {"request": [lambda _: times.append(time.monotonic())]}
    with anthropic.Anthropic(
        base_url=busy.url,
        api_key="none",
        max_retries=0,
        http_client=anthropic.DefaultHttpxClient(event_hooks=hooks),
    ) as sdk, busy.filled() as leave:
        with pytest.raises(anthropic.RateLimitError) as full:
            ask(sdk, say("x"))
        assert full.value.body["error"]["type"] == "rate_limit_error"
        told = full.value.response.headers
        assert (told["retry-after"], told["retry-after-ms"]) == ("1", str(busy.retry_after_ms))
        times.clear()
        threading.Timer(0.05, leave).start()
        assert ask(sdk.with_options(max_retries=8), say("at last")).content[0].text == "at last"
        assert 0 <= times[1] - times[0] - busy.retry_after_ms / 1000 < 0.2


class Box(pydantic.BaseModel):
    size: Literal["small", "large"]
    count: int
    labels: list[str]


BOX = Box(size="large", count=7, labels=["é", "🦀"])


def test_an_answer_has_its_type(sdk):
    asked = {"model": "default", "max_tokens": 2000, "messages": [say(BOX.model_dump_json(), cut="random:2")]}
    assert sdk.messages.parse(**asked, output_format=Box).parsed_output == BOX
    with sdk.messages.stream(**asked, output_format=Box) as stream:
        assert stream.get_final_message().parsed_output == BOX
    # Effort and a format beside each other, as older clients have it.
    body = {"output_config": {"effort": "low"}, "output_format": anthropic_format(Box)}
    broken = say('{"size": "medium", "count": "many"}')
    bent = Box.model_validate_json(ask(sdk, broken, extra_body=body).content[0].text)
    assert bent.size in ("small", "large")


def anthropic_format(model):
    schema = {**model.model_json_schema(), "additionalProperties": False}
    return {"type": "json_schema", "schema": schema}


# The runner keeps its conversation as a thread at the server, unless told otherwise; this server keeps none.
@pytest.mark.parametrize("more", [{}, {"thread": False}, {"stream": True}])
def test_the_tool_runner_goes_on_until_there_is_text(sdk, scripted, more):
    ran = []

    @anthropic.beta_tool
    def look(path: str, deep: bool = False) -> str:
        """Looks.

        Args:
            path: where
            deep: below
        """
        ran.append((path, deep))
        return f"river {len(ran)}"

    calls = [{"path": "a/é b", "deep": True}, {"path": "b"}, {"path": "c", "deep": False}]
    said = [written_call(scripted.template, "look", given) for given in calls]
    runner = sdk.beta.messages.tool_runner(
        model="default",
        max_tokens=2000,
        messages=[say(*said, "It is a river.", cut="random:5")],
        tools=[look],
        **more,
    )
    assert runner.until_done().content[0].text == "It is a river."
    assert ran == [("a/é b", True), ("b", False), ("c", False)]


def test_a_thread_that_is_gone_on_with_is_not_known(sdk):
    with pytest.raises(anthropic.NotFoundError) as raised:
        ask(sdk, say("x"), extra_body={"thread": {"type": "continue", "previous_message_id": "msg_1"}})
    assert raised.value.body["error"]["details"] == {"error_code": "thread_not_found"}
    assert ask(sdk, say("x"), extra_body={"thread": {"type": "create"}}).content[0].text == "x"
    for wrong in ({"type": "fork"}, {}, "create"):
        with pytest.raises(anthropic.BadRequestError, match="thread"):
            ask(sdk, say("x"), extra_body={"thread": wrong})


def test_a_cancelled_task_ends_the_work(scripted):
    async def run():
        async with anthropic.AsyncAnthropic(base_url=scripted.url, api_key="none", max_retries=0) as sdk:
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
