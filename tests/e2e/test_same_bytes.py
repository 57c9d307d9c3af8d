"""The promise: a request gives the same bytes whatever else runs, is cancelled or preempted."""

import concurrent.futures
import json
import random
import threading

import pytest

from server import Server, sluice

BLOCK = 32


@pytest.fixture(scope="module")
def shape():
    return json.loads(sluice("inspect", "--json").stdout)


def pool_bytes(shape, blocks):
    """What --kv-memory has to be for that many blocks of f16 keys and values."""
    return blocks * BLOCK * shape["layers"] * shape["kv_heads"] * shape["head_dim"] * 2 * 2


def mixed_requests(shape, count, seed=20261124):
    """Token prompts of lengths around block edges, half behind a shared prefix, greedy and sampled."""
    rng = random.Random(seed)
    words = min(shape["vocab"], 256) - 1
    shared = [rng.randint(1, words) for _ in range(2 * BLOCK)]
    lengths = [1, 7, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 80]
    made = []
    for i in range(count):
        prompt = [rng.randint(1, words) for _ in range(rng.choice(lengths))]
        if i % 2:
            prompt = shared[: rng.choice([BLOCK - 1, BLOCK, 2 * BLOCK])] + prompt
        body = {
            "model": "default",
            "prompt": prompt,
            "max_tokens": rng.choice([8, 33, 48]),
            "ignore_eos": True,
            "logprobs": 1,
            "temperature": 0,
        }
        if i % 3 == 2:
            body |= {"temperature": 1.1, "top_p": 0.95, "top_k": 40, "seed": i, "frequency_penalty": 0.3}
        if i % 8 == 7:
            body |= {"n": 2, "temperature": 0.9, "seed": i}
        made.append(body)
    return made


def choices(server, body):
    reply = server.post("/v1/completions", body)
    assert reply.status == 200, reply.body
    return sorted(reply.json["choices"], key=lambda c: c["index"])


def streamed_choices(server, body):
    """The same from a stream, put together again: text, finish reason and logprobs of each choice."""
    parts = {}
    for chunk in server.stream("/v1/completions", body):
        for piece in chunk["choices"]:
            whole = parts.setdefault(
                piece["index"],
                {
                    "index": piece["index"],
                    "text": "",
                    "finish_reason": None,
                    "tokens": [],
                    "token_logprobs": [],
                },
            )
            whole["text"] += piece["text"]
            whole["finish_reason"] = piece["finish_reason"] or whole["finish_reason"]
            if piece.get("logprobs"):
                whole["tokens"] += piece["logprobs"]["tokens"]
                whole["token_logprobs"] += piece["logprobs"]["token_logprobs"]
    return [parts[i] for i in sorted(parts)]


def essence(choice):
    logprobs = choice.get("logprobs") or choice
    return (
        choice["index"],
        choice["text"],
        choice["finish_reason"],
        logprobs["tokens"],
        logprobs["token_logprobs"],
    )


def cancel_soon(server, body, frames):
    """Hangs up after a few frames of a stream, or before the first."""
    body = {**body, "max_tokens": 400}
    if frames == 0:
        return server.hang_up("/v1/completions", body)
    stream = server.stream("/v1/completions", body)
    for _ in range(frames):
        if next(stream, None) is None:
            break
    stream.close()


def test_64_concurrent_requests_equal_each_alone(shape):
    requests = mixed_requests(shape, 64)
    with Server() as calm:
        alone = [[essence(c) for c in choices(calm, body)] for body in requests]
    rng = random.Random(5)
    with Server(f"--kv-memory={pool_bytes(shape, 24)}", "--max-running=64", "--stretch=0") as crowded:
        start = threading.Barrier(80)

        def ask(i):
            start.wait()
            answer = streamed_choices if i % 2 else choices
            return [essence(c) for c in answer(crowded, requests[i])]

        def disturb(i):
            start.wait()
            cancel_soon(crowded, requests[i % 64], rng.randint(0, 4))

        with concurrent.futures.ThreadPoolExecutor(80) as threads:
            answers = [threads.submit(ask, i) for i in range(64)]
            cancels = [threads.submit(disturb, 3 * i) for i in range(16)]
            for future in cancels:
                future.result(timeout=300)
            together = [future.result(timeout=300) for future in answers]
        assert (
            crowded.metric("vllm:num_preemptions_total") > 0
        ), "the pool was not small enough to show anything"
        crowded.wait_for_metric("vllm:num_requests_running", lambda v: v == 0)
        crowded.wait_for_metric("vllm:kv_cache_usage_perc", lambda v: v == 0)
    different = [i for i in range(64) if together[i] != alone[i]]
    assert not different, f"requests {different} depend on what ran beside them"


@pytest.mark.parametrize(
    "flags",
    [["--threads=1"], ["--threads=2", "--step-tokens=7"], ["--step-tokens=512"], ["--prefix-cache=false"]],
    ids=lambda f: " ".join(f),
)
def test_settings_do_not_change_answers(server, shape, flags):
    requests = mixed_requests(shape, 8, seed=3)
    expected = [[essence(c) for c in choices(server, body)] for body in requests]
    with Server(*flags) as other:
        assert [[essence(c) for c in choices(other, body)] for body in requests] == expected


def test_an_answer_from_the_prefix_cache_is_the_same(server, shape):
    prompt = [7 + i % 90 for i in range(3 * BLOCK + 5)]
    body = {
        "model": "default",
        "prompt": prompt,
        "max_tokens": 12,
        "temperature": 0,
        "logprobs": 1,
        "ignore_eos": True,
    }
    first = choices(server, body)
    hits = server.metric("vllm:prefix_cache_hits_total")
    assert choices(server, body) == first
    assert server.metric("vllm:prefix_cache_hits_total") >= hits + 3 * BLOCK


def test_run_and_serve_give_the_same_text(server):
    prompt = "Where does the river go?"
    reply = server.post(
        "/v1/chat/completions",
        {
            "model": "default",
            "messages": [{"role": "user", "content": prompt}],
            "max_tokens": 24,
            "temperature": 0,
        },
    )
    ended = sluice("run", "--max-tokens", 24, "--temperature", 0, prompt)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.decode() == reply.json["choices"][0]["message"]["content"] + "\n"
