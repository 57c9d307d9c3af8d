"""/experts: what each expert computed, as one can tell from outside; and what /metrics says of it."""

import re
import subprocess

import pytest

from server import MAKE_GGUF, Server

SHAPE = ("layers", "experts", "experts_used")


def complete(server, prompt, tokens):
    body = {"model": "default", "prompt": prompt, "max_tokens": tokens, "ignore_eos": True, "temperature": 0}
    reply = server.post("/v1/completions", body)
    assert reply.status == 200, reply.body
    return reply.json["usage"]


def check(use):
    """The shape, and that every token chose its experts once in every layer."""
    rows = use["tokens_per_expert"]
    assert len(rows) == len(use["distinct_experts"]) == use["layers"]
    for row, distinct in zip(rows, use["distinct_experts"]):
        assert len(row) == use["experts"]
        assert sum(row) == use["tokens"] * use["experts_used"]
        assert distinct <= min(use["steps"] * use["experts"], sum(row))
        assert distinct >= use["steps"] * use["experts_used"]
    return use


@pytest.fixture
def fresh():
    with Server() as running:
        yield running


def test_the_sums_are_computed_tokens_by_layers_by_choices(fresh):
    info = fresh.get("/server_info").json
    empty = check(fresh.get("/experts").json)
    assert [empty[key] for key in SHAPE] == [info[key] for key in SHAPE]
    assert empty["experts"] > 1 and empty["tokens"] == empty["steps"] == 0
    computed = 0
    for prompt, tokens in (("One two three", 1), ("A river is " * 30, 20), ("A river is " * 30, 20)):
        usage = complete(fresh, prompt, tokens)
        cached = usage["prompt_tokens_details"]["cached_tokens"]
        computed += usage["prompt_tokens"] - cached + usage["completion_tokens"] - 1
        use = check(fresh.get("/experts").json)
        assert use["tokens"] == computed
    assert cached > 0, "the last prompt was found in the cache, and not counted again"
    all_cells = sum(map(sum, use["tokens_per_expert"]))
    assert all_cells == computed * info["experts_used"] * info["layers"]


def test_metrics_have_a_series_a_layer(fresh):
    assert "sluice:expert_balancedness{" not in fresh.get("/metrics").body.decode()
    complete(fresh, "Once upon a time", 30)
    use = check(fresh.get("/experts").json)
    text = fresh.get("/metrics").body.decode()
    shown = re.findall(r'^sluice:expert_balancedness\{.*layer="(\d+)"\} (\S+)$', text, re.M)
    expected = [sum(row) / len(row) / max(row) for row in use["tokens_per_expert"]]
    assert [int(layer) for layer, _ in shown] == list(range(use["layers"]))
    assert [float(value) for _, value in shown] == pytest.approx(expected)
    assert fresh.metric("sluice:experts_used_total") == sum(use["distinct_experts"])
    assert fresh.metric("sluice:moe_ffn_calls_total") == use["steps"] * use["layers"]


def test_a_dense_model_has_none(tmp_path):
    model = tmp_path / "dense.gguf"
    shape = ("--arch", "qwen3")
    subprocess.run([MAKE_GGUF, "--out", model, *shape], check=True, capture_output=True, timeout=60)
    with Server("--model", model) as dense:
        complete(dense, "One two three", 3)
        use = dense.get("/experts").json
        assert use["layers"] == dense.get("/server_info").json["layers"] > 0
        assert (use["experts"], use["experts_used"], use["steps"], use["tokens"]) == (0, 0, 0, 0)
        assert use["tokens_per_expert"] == use["distinct_experts"] == []
        assert "sluice:expert" not in dense.get("/metrics").body.decode()


def test_it_wants_a_key_where_the_api_does():
    with Server("--api-key", "the-key", key="the-key") as locked:
        assert locked.get("/experts").status == 200
        locked.key = None
        assert locked.get("/experts").status == 401
        assert b"sluice:experts_used_total" in locked.get("/metrics").body


def test_methods(server):
    head = server.request("HEAD", "/experts")
    assert (head.status, head.body) == (200, b"")
    refused = server.post("/experts", {})
    assert refused.status == 405 and refused.headers["Allow"] == "GET, HEAD"
