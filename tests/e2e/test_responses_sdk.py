"""OpenAI's Python SDK and the Responses API on the scripted model: what it streams, parses and chains."""

import json
from typing import Annotated

import openai
import pydantic
import pytest

from server import Server, say
from test_responses import OFFERED, Stream
from test_streams import written_call


@pytest.fixture
def sdk(scripted):
    with openai.OpenAI(base_url=scripted.url + "/v1", api_key="none", max_retries=0, timeout=60) as made:
        yield made


def ask(sdk, *items, **more):
    return sdk.responses.create(model="default", input=list(items), **more)


def test_text_and_usage(sdk):
    answer = sdk.responses.create(model="default", input=say("Rivers run: naïve 🏔️")["content"])
    assert (answer.output_text, answer.status) == ("Rivers run: naïve 🏔️", "completed")
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens
    cut = ask(sdk, say("one two three"), max_output_tokens=3)
    assert (cut.output_text, cut.status) == ("one", "incomplete")
    assert cut.incomplete_details.reason == "max_output_tokens"


def test_a_stateless_tool_loop(sdk, scripted):
    call = written_call(scripted.template, "look", {"path": "a/é b", "deep": True})
    items = [say("Let me look.\n" + call, "It is a river.", cut="random:3")]
    first = ask(sdk, *items, tools=OFFERED, store=False)
    (called,) = [item for item in first.output if item.type == "function_call"]
    assert json.loads(called.arguments) == {"path": "a/é b", "deep": True}
    items += [item.model_dump(exclude_none=True) for item in first.output]
    items.append({"type": "function_call_output", "call_id": called.call_id, "output": "a river"})
    assert ask(sdk, *items, tools=OFFERED, store=False).output_text == "It is a river."


def test_a_tool_loop_by_name(sdk, scripted):
    call = written_call(scripted.template, "now", {})
    first = ask(sdk, say(call, "It is noon.", "It still is."), tools=OFFERED, instructions="Once.")
    called = first.output[-1]
    noon = {"type": "function_call_output", "call_id": called.call_id, "output": "12:00"}
    second = ask(sdk, noon, tools=OFFERED, previous_response_id=first.id)
    assert second.output_text == "It is noon." and second.previous_response_id == first.id
    assert second.instructions is None
    again = ask(sdk, noon, tools=OFFERED, previous_response_id=second.id)
    assert again.output_text == "It still is."
    # A name can be gone on from more than once, also without the responses before it.
    sdk.responses.delete(first.id)
    assert ask(sdk, noon, tools=OFFERED, previous_response_id=second.id).output_text == "It still is."
    given = sdk.responses.input_items.list(second.id, order="asc", limit=100).data
    assert [item.type for item in given if item.type != "reasoning"] == [
        "message",
        "function_call",
        "function_call_output",
    ]


def test_the_same_prompt_as_when_all_is_sent(sdk):
    first = ask(sdk, say("One.", "Two."))
    chained = ask(sdk, say("Two."), previous_response_id=first.id)
    items = [say("One.", "Two."), *[i.model_dump(exclude_none=True) for i in first.output], say("Two.")]
    whole = ask(sdk, *items)
    assert chained.output_text == whole.output_text
    assert chained.usage.input_tokens == whole.usage.input_tokens


def test_streams_accumulate(sdk, scripted):
    calls = [("look", {"path": "p"}), ("now", {}), ("sum", {"n": 7, "of": [1, "x"]})]
    said = "\n".join(written_call(scripted.template, *call) for call in calls)
    with sdk.responses.stream(
        model="default", input=[say("Look:\n" + said, cut="random:5")], tools=OFFERED
    ) as stream:
        text = "".join(e.delta for e in stream if e.type == "response.output_text.delta")
        final = stream.get_final_response()
    got = [(i.name, json.loads(i.arguments)) for i in final.output if i.type == "function_call"]
    assert got == calls and final.output_text.strip() == text.strip() == "Look:"
    kept = sdk.responses.retrieve(final.id)
    assert [item.id for item in kept.output] == [item.id for item in final.output]
    assert kept.output_text == final.output_text and kept.usage == final.usage


def test_stored_responses_can_be_read_and_deleted(sdk):
    answer = ask(sdk, say("Stored."), metadata={"k": "v"})
    again = sdk.responses.retrieve(answer.id)
    assert again.model_dump() == answer.model_dump()
    sdk.responses.delete(answer.id)
    for gone in (
        lambda: sdk.responses.retrieve(answer.id),
        lambda: sdk.responses.delete(answer.id),
        lambda: sdk.responses.input_items.list(answer.id),
        lambda: sdk.responses.cancel(answer.id),
        lambda: ask(sdk, say("x"), previous_response_id=answer.id),
    ):
        with pytest.raises(openai.NotFoundError) as raised:
            gone()
        assert answer.id in str(raised.value)
    kept_nowhere = ask(sdk, say("Not stored."), store=False)
    assert not kept_nowhere.store
    with pytest.raises(openai.NotFoundError):
        sdk.responses.retrieve(kept_nowhere.id)


def test_input_items_in_pages(sdk):
    items = [{"role": "developer", "content": f"rule {i}"} for i in range(6)] + [say("Done.")]
    answer = ask(sdk, *items)
    listed = [i.content[0].text for i in sdk.responses.input_items.list(answer.id, limit=3)]
    assert listed == [item["content"] for item in reversed(items)]  # the SDK goes from page to page
    page = sdk.responses.input_items.list(answer.id, limit=2, order="asc")
    assert page.has_more and page.data[0].content[0].text == "rule 0"
    after = sdk.responses.input_items.list(answer.id, after=page.data[-1].id, limit=100, order="asc")
    assert not after.has_more and len(after.data) == 5 and after.data[0].content[0].text == "rule 2"
    for wrong in ({"limit": 0}, {"limit": 101}, {"order": "up"}, {"after": "nothing"}):
        with pytest.raises(openai.BadRequestError) as raised:
            sdk.responses.input_items.list(answer.id, **wrong)
        assert raised.value.param in wrong


def test_how_a_response_ended_is_kept(sdk, scripted):
    stream = ask(sdk, say("word " * 200, delay_ms=5), stream=True)
    events = iter(stream)
    name = next(events).response.id
    while next(events).type != "response.output_text.delta":
        pass
    stream.close()
    scripted.wait_for_metric("vllm:num_requests_running", lambda n: n == 0, seconds=3)
    left = sdk.responses.retrieve(name)
    assert left.status == "cancelled" and left.output[-1].status == "incomplete"
    assert left.usage is None
    gone_on = ask(sdk, say("Later."), previous_response_id=name)
    assert gone_on.output_text == "Later."


def test_only_the_newest_are_kept():
    with Server("--response-store-count", 2) as server:
        body = {"model": "default", "input": "x", "max_output_tokens": 1}
        names = [server.post("/v1/responses", body).json["id"] for _ in range(3)]
        found = [server.get(f"/v1/responses/{name}").status for name in names]
        assert found == [404, 200, 200]
        assert server.metric("sluice:stored_responses") == 2
        both = server.metric("sluice:stored_response_bytes")
        assert server.request("DELETE", f"/v1/responses/{names[2]}").status == 200
        assert 0 < server.metric("sluice:stored_response_bytes") < both
        assert server.request("DELETE", f"/v1/responses/{names[1]}").status == 200
        assert server.metric("sluice:stored_responses") == 0
        assert server.metric("sluice:stored_response_bytes") == 0


def test_no_store():
    with Server("--response-store-bytes", 0) as server:
        answer = server.post("/v1/responses", {"model": "default", "input": "x", "max_output_tokens": 1}).json
        assert answer["store"] is False
        assert server.get(f"/v1/responses/{answer['id']}").status == 404


def test_methods_and_paths(scripted):
    assert scripted.request("PUT", "/v1/responses/resp_1").headers["Allow"] == "GET, HEAD, DELETE"
    assert scripted.request("DELETE", "/v1/responses").status == 405
    missing = scripted.get("/v1/responses/resp_1")
    assert (missing.status, missing.error["param"]) == (404, "response_id")
    streamed = scripted.post("/v1/responses", {"model": "default", "input": [say("x")], "stream": True})
    name = Stream(streamed.body).response["id"]
    assert scripted.get(f"/v1/responses/{name}?stream=true").error["param"] == "stream"
    assert scripted.get(f"/v1/responses/{name}?include[]=x").json["id"] == name
    assert scripted.post(f"/v1/responses/{name}/cancel", {}).status == 400


def test_pydantic_models_come_back_as_such(client, server):
    class Box(pydantic.BaseModel):
        count: int
        flags: list[bool] = pydantic.Field(max_length=3)
        note: Annotated[str, pydantic.Field(max_length=40)] | None

    for seed in range(3):
        done = client.responses.parse(
            model=server.model,
            input="A box.",
            text_format=Box,
            temperature=1.2,
            max_output_tokens=3000,
            extra_body={"seed": seed},
        )
        assert isinstance(done.output_parsed, Box) and done.text.format.type == "json_schema"


def test_a_call_can_be_required(client, server):
    tools = [{"type": "function", "name": "count", "parameters": {"type": "object", "properties": {}}}]
    for choice in ("required", {"type": "function", "name": "count"}):
        done = client.responses.create(
            model=server.model, input="Count.", tools=tools, tool_choice=choice, max_output_tokens=3000
        )
        assert [item.name for item in done.output if item.type == "function_call"][:1] == ["count"]


@pytest.mark.parametrize(
    "given, param",
    [
        ({"type": "yaml"}, "text.format"),
        ({"type": "json_schema", "name": "x", "schema": {"type": 3}}, "text.format.schema"),
        ({"type": "json_schema", "name": 3, "schema": {}}, "text.format.name"),
    ],
)
def test_formats_that_cannot_be_kept_are_refused_by_name(server, given, param):
    reply = server.post("/v1/responses", {"model": "default", "input": "x", "text": {"format": given}})
    assert (reply.status, reply.error["param"]) == (400, param)
    assert param in reply.error["message"]
