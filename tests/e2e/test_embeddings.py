"""/v1/embeddings: every form of input, both encodings, the same bits whatever runs beside."""

import base64
import struct
from concurrent.futures import ThreadPoolExecutor

import pytest

from server import Server

PATH = "/v1/embeddings"
TEXTS = ["Rivers run to the sea.", "naïve 1234", "x", "Rivers run to the sea. " * 40]


def ask(server, given, **fields):
    return server.post(PATH, {"model": "default", "input": given, **fields})


def vectors(server, given, **fields):
    reply = ask(server, given, **fields)
    assert reply.status == 200, reply.body
    data = reply.json["data"]
    assert [d["index"] for d in data] == list(range(len(data)))
    return [d["embedding"] for d in data]


def test_the_official_client_gets_unit_vectors(server, client):
    size = server.get("/v1/models").json["data"][0]["meta"]["n_embd"]
    by_base64 = client.embeddings.create(model=server.model, input=TEXTS)  # its default
    numbers = client.embeddings.create(model="default", input=TEXTS, encoding_format="float")
    assert by_base64.model == numbers.model == server.model
    for a, b in zip(by_base64.data, numbers.data, strict=True):
        assert len(a.embedding) == size and a.embedding == pytest.approx(b.embedding, rel=1e-6)
        assert sum(v * v for v in b.embedding) == pytest.approx(1, rel=1e-5)
    assert by_base64.usage.prompt_tokens == by_base64.usage.total_tokens > 40 * 5


def test_base64_is_the_same_bits(server):
    (number,), (text,) = vectors(server, "x"), vectors(server, "x", encoding_format="base64")
    raw = base64.b64decode(text, validate=True)
    assert struct.pack(f"<{len(number)}f", *number) == raw


def test_every_form_of_input(server):
    tokens = [server.post("/tokenize", {"prompt": t}).json["tokens"] for t in TEXTS]
    one_by_one = [vectors(server, t)[0] for t in TEXTS]
    assert vectors(server, TEXTS) == one_by_one
    assert vectors(server, tokens) == one_by_one
    assert vectors(server, tokens[1]) == one_by_one[1:2]
    assert len(set(map(tuple, one_by_one))) == len(TEXTS)
    usage = ask(server, TEXTS).json["usage"]
    assert usage == {"prompt_tokens": sum(map(len, tokens)), "total_tokens": sum(map(len, tokens))}


@pytest.mark.parametrize("pooling", ["last", "mean"])
def test_what_runs_beside_changes_no_bit(pooling):
    with Server("--pooling", pooling, "--step-tokens", "64") as own:
        alone = [vectors(own, t)[0] for t in TEXTS]
        story = {"model": "default", "prompt": "Once", "max_tokens": 60, "ignore_eos": True}
        with ThreadPoolExecutor(24) as pool:
            stories = [pool.submit(own.post, "/v1/completions", story) for _ in range(8)]
            answers = [pool.submit(vectors, own, TEXTS) for _ in range(16)]
            assert all(a.result() == alone for a in answers)
            assert all(s.result().status == 200 for s in stories)
        assert own.get("/server_info").json["pooling"] == pooling
        hits = own.metric("vllm:prefix_cache_hits_total")
        assert [vectors(own, t)[0] for t in TEXTS] == alone
        assert (own.metric("vllm:prefix_cache_hits_total") > hits) == (pooling == "last")


@pytest.mark.parametrize(
    "fields, param",
    [
        ({"input": []}, "input"),
        ({"input": ""}, "input"),
        ({"input": None}, "input"),
        ({"input": [""]}, "input"),
        ({"input": [-1]}, "input"),
        ({"input": ["a", 1]}, "input"),
        ({"input": ["a"] * 1025}, "input"),
        ({"encoding_format": "int8"}, "encoding_format"),
        ({"dimensions": 1}, "dimensions"),
        ({"dimensions": 0}, "dimensions"),
        ({"model": "other"}, "model"),
    ],
)
def test_what_is_wrong_is_named(server, fields, param):
    reply = server.post(PATH, {"model": "default", "input": "x", **fields})
    assert reply.status == (404 if param == "model" else 400) and reply.error["param"] == param


def test_the_size_may_be_said_and_the_context_is_the_limit(server):
    model = server.get("/v1/models").json["data"][0]
    assert len(vectors(server, "x", dimensions=model["meta"]["n_embd"])) == 1
    reply = ask(server, [5] * (model["max_model_len"] + 1))
    assert reply.status == 400 and reply.error["code"] == "context_length_exceeded"
    assert reply.error["param"] == "input"
