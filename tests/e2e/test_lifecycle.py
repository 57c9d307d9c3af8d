"""Starting, draining, hanging up and being full."""

import concurrent.futures
import time

from server import Server

ENDLESS = {"model": "default", "prompt": [1, 2, 3], "max_tokens": 100_000, "ignore_eos": True}


def test_sigterm_lets_streams_finish_then_exits_0():
    with Server() as server:
        body = {**ENDLESS, "max_tokens": 200}
        stream = server.stream("/v1/completions", body)
        next(stream)
        server.process.terminate()
        texts = [c["choices"][0]["text"] for c in stream if c["choices"]]
        assert len(texts) > 2, "the stream was cut"
        assert server.process.wait(30) == 0


def test_sigterm_when_idle_exits_0_at_once():
    with Server() as server:
        start = time.monotonic()
        assert server.terminate() == 0
        assert time.monotonic() - start < 5


def test_a_disconnect_frees_everything(server):
    for frames in (1, 5, 0):
        if frames == 0:
            server.hang_up("/v1/completions", ENDLESS)  # not streamed, and gone before an answer
        else:
            stream = server.stream("/v1/completions", ENDLESS)
            for _ in range(frames):
                next(stream)
            stream.close()
        server.wait_for_metric("vllm:num_requests_running", lambda v: v == 0)
        server.wait_for_metric("vllm:kv_cache_usage_perc", lambda v: v == 0)


def test_the_first_token_leaves_before_the_last_is_computed(server):
    start = time.monotonic()
    times = [
        time.monotonic() - start for _ in server.stream("/v1/completions", {**ENDLESS, "max_tokens": 2000})
    ]
    assert len(times) > 100
    assert times[0] < times[-1] / 4, "the text came at the end"


def test_a_full_queue_is_429_with_retry_after():
    with Server("--max-queue=1", "--max-running=1") as server:
        running = server.stream("/v1/completions", ENDLESS)
        next(running)
        with concurrent.futures.ThreadPoolExecutor(8) as threads:
            body = {**ENDLESS, "max_tokens": 1}
            replies = [threads.submit(server.post, "/v1/completions", body) for _ in range(8)]
            time.sleep(0.2)
            running.close()
            replies = [r.result(60) for r in replies]
        statuses = sorted(r.status for r in replies)
        assert set(statuses) == {200, 429}, statuses
        refused = next(r for r in replies if r.status == 429)
        assert int(refused.headers["Retry-After"]) >= 1 and refused.error["code"] == "rate_limit_exceeded"


def test_one_connection_serves_many_requests(server):
    connection = server.connect()
    for _ in range(5):
        connection.request("GET", "/health")
        response = connection.getresponse()
        assert response.status == 200
        response.read()
    connection.close()
