"""Responses that are made without their client: polled, cancelled, deleted, refused, and ended by a drain."""

import random
import threading
import time

import openai
import pytest

from server import RANDOM_MODEL, ScriptedServer, Server, say
from test_responses import OFFERED
from test_streams import written_call

PATH = "/v1/responses"
SLOW = say("word " * 400, delay_ms=5)


@pytest.fixture
def sdk(scripted):
    with openai.OpenAI(base_url=scripted.url + "/v1", api_key="none", max_retries=0, timeout=60) as made:
        yield made


def begin(sdk, *items, **more):
    return sdk.responses.create(model="default", input=list(items), background=True, **more)


def poll(get, accepts, seconds=20):
    until = time.monotonic() + seconds
    while not accepts(response := get()):
        assert time.monotonic() < until, response
        time.sleep(0.02)
    return response


def ended(response):
    return response.status not in ("queued", "in_progress")


def test_it_goes_on_and_is_found(sdk, scripted):
    call = written_call(scripted.template, "now", {})
    begun = begin(sdk, say("Let me see.\n" + call, "It is noon.", delay_ms=5), tools=OFFERED)
    assert begun.status in ("queued", "in_progress") and begun.background and begun.usage is None
    done = poll(lambda: sdk.responses.retrieve(begun.id), ended)
    assert (done.status, done.output_text.strip()) == ("completed", "Let me see.")
    assert done.usage.output_tokens > 0 and done.created_at == begun.created_at
    noon = {"type": "function_call_output", "call_id": done.output[-1].call_id, "output": "12:00"}
    second = sdk.responses.create(
        model="default", input=[noon], tools=OFFERED, previous_response_id=done.id
    )
    assert second.output_text == "It is noon."
    assert sdk.responses.cancel(done.id).status == "completed"  # too late


def test_what_is_there_so_far(sdk, scripted):
    begun = begin(sdk, SLOW)
    half = poll(lambda: sdk.responses.retrieve(begun.id), lambda r: len(r.output_text) > 20)
    assert half.status == "in_progress" and half.output[-1].status == "in_progress"
    (given,) = sdk.responses.input_items.list(begun.id)
    assert given.content[0].text == SLOW["content"]
    with pytest.raises(openai.BadRequestError) as early:
        sdk.responses.create(model="default", input="x", previous_response_id=begun.id)
    assert early.value.param == "previous_response_id"
    gone = sdk.responses.cancel(begun.id)
    assert gone.status == "cancelled" and gone.output_text.startswith(half.output_text)
    assert gone.output[-1].status == "incomplete"
    assert sdk.responses.cancel(begun.id) == gone == sdk.responses.retrieve(begun.id)
    scripted.wait_for_metric("vllm:num_requests_running", lambda n: n == 0, seconds=3)


def test_deleting_ends_it(sdk, scripted):
    begun = begin(sdk, SLOW)
    sdk.responses.delete(begun.id)
    with pytest.raises(openai.NotFoundError):
        sdk.responses.retrieve(begun.id)
    scripted.wait_for_metric("vllm:num_requests_running", lambda n: n == 0, seconds=3)


def test_only_those_in_the_background_are_cancelled(sdk):
    answer = sdk.responses.create(model="default", input=[say("x")])
    with pytest.raises(openai.BadRequestError):
        sdk.responses.cancel(answer.id)


@pytest.mark.parametrize("more", [{"stream": True}, {"store": False}])
def test_what_it_does_not_go_with(scripted, more):
    reply = scripted.post(PATH, {"model": "default", "input": "x", "background": True, **more})
    assert (reply.status, reply.error["param"]) == (400, "background")


def test_too_long_a_prompt_is_refused_at_once(scripted):
    reply = scripted.post(PATH, {"model": "default", "input": "word " * 20000, "background": True})
    assert (reply.status, reply.error["code"]) == (400, "context_length_exceeded")


def test_queued_and_full():
    with ScriptedServer("--max-running", 1, "--max-queue", 1) as server:
        body = {"model": "default", "input": [SLOW], "background": True}
        first = server.post(PATH, body).json["id"]
        server.wait_for_metric("vllm:num_requests_running", lambda n: n == 1)
        second = server.post(PATH, body).json
        assert second["status"] == "queued"
        assert server.get(f"{PATH}/{second['id']}").json["status"] == "queued"
        full = server.post(PATH, body)
        assert full.status == 429 and full.headers["Retry-After"]
        assert server.metric("sluice:background_responses") == 2
        assert server.post(f"{PATH}/{second['id']}/cancel", None).json["status"] == "cancelled"
        assert server.get(f"{PATH}/{second['id']}").json["output"] == []
        assert server.post(f"{PATH}/{first}/cancel", {}).json["status"] == "cancelled"
        server.wait_for_metric("vllm:num_requests_running", lambda n: n == 0, seconds=3)
        assert server.metric("sluice:background_responses") == 0
        assert server.metric("sluice:stored_responses") == 2


def test_how_many_there_may_be():
    with Server("--model", RANDOM_MODEL, "--background-responses", 1) as server:
        body = {"model": "default", "input": "x", "background": True, "max_output_tokens": 2000}
        one = server.post(PATH, body)
        assert one.status == 200
        assert server.post(PATH, body).status == 429
        server.request("DELETE", f"{PATH}/{one.json['id']}")
        assert server.post(PATH, body).status == 200
    with Server("--background-responses", 0) as server:
        assert server.post(PATH, body).error["param"] == "background"


def test_its_body_counts_until_it_ends():
    with Server("--model", RANDOM_MODEL, "--bodies-bytes", "1MiB") as server:
        large = {"model": "default", "input": "x", "max_output_tokens": 4000}
        large["client_metadata"] = "x" * 700_000
        name = server.post(PATH, {**large, "background": True}).json["id"]
        assert server.post(PATH, {**large, "max_output_tokens": 1}).status == 503
        assert server.post(f"{PATH}/{name}/cancel", {}).json["status"] == "cancelled"
        server.wait_for_metric("vllm:num_requests_running", lambda n: n == 0, seconds=3)
        assert server.post(PATH, {**large, "max_output_tokens": 1}).status == 200


def test_one_that_fails():
    with Server("--model", RANDOM_MODEL, "--request-time", "30ms") as server:
        body = {"model": "default", "input": "x", "background": True, "max_output_tokens": 4000}
        name = server.post(PATH, body).json["id"]
        read = f"{PATH}/{name}"
        failed = poll(lambda: server.get(read).json, lambda r: r["status"] not in ("queued", "in_progress"))
        assert failed["status"] == "failed" and failed["error"]["code"] == "server_error"
        assert failed["usage"] is None


def test_a_drain_waits_for_it_and_then_ends_it():
    with ScriptedServer() as server:
        body = {"model": "default", "background": True}
        quick = {**body, "input": [say("word " * 20, delay_ms=5)]}
        assert server.post(PATH, quick).status == 200
        began = time.monotonic()
        assert server.terminate() == 0
        assert time.monotonic() - began < 1.9  # what the scripted server waits
    with ScriptedServer() as server:
        for _ in range(3):
            slow = {**body, "input": [say("word " * 1000, delay_ms=20)]}
            assert server.post(PATH, slow).status == 200
        began = time.monotonic()
        assert server.terminate() == 0
        assert 1.5 < time.monotonic() - began < 5


def test_many_polled_and_cancelled_at_random(scripted):
    seen, lock = [], threading.Lock()

    def client(seed):
        rng = random.Random(seed)
        for _ in range(8):
            said = say("word " * rng.randint(1, 60), cut=f"random:{seed}", delay_ms=1)
            name = scripted.post(PATH, {"model": "default", "input": [said], "background": True}).json["id"]
            for _ in range(rng.randint(0, 5)):
                assert scripted.get(f"{PATH}/{name}").json["status"] in ("queued", "in_progress", "completed")
            if rng.random() < 0.5:
                status = scripted.post(f"{PATH}/{name}/cancel", {}).json["status"]
                assert status in ("cancelled", "completed")
            read = f"{PATH}/{name}"
            last = poll(lambda: scripted.get(read).json, lambda r: r["status"] in ("completed", "cancelled"))
            with lock:
                seen.append(last["status"])

    threads = [threading.Thread(target=client, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 48 and {"completed", "cancelled"} == set(seen)
    scripted.wait_for_metric("vllm:num_requests_running", lambda n: n == 0, seconds=3)
