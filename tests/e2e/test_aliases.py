"""One model under several names."""

import pytest

from server import Server

HELLO = [{"role": "user", "content": "hi"}]


@pytest.fixture(scope="module")
def aliased():
    with Server("--model-name", "own", "--alias", "gpt-4o", "--alias", "org/other") as running:
        yield running


def test_every_name_is_listed(aliased):
    entries = aliased.get("/v1/models").json["data"]
    assert [m["id"] for m in entries] == ["own", "gpt-4o", "org/other"]
    assert {m["root"] for m in entries} == {"own"}
    for entry in entries:
        assert aliased.get(f"/v1/models/{entry['id']}").json == entry
    assert aliased.get("/v1/models/default").json == entries[0]
    assert aliased.get("/v1/models/gpt-4").status == 404


@pytest.mark.parametrize(
    "asked, told", [("own", "own"), ("default", "own"), ("gpt-4o", "gpt-4o"), ("org/other", "org/other")]
)
def test_the_answer_has_the_name_that_was_asked_for(aliased, asked, told):
    chat = {"model": asked, "messages": HELLO, "max_tokens": 2}
    prompt = {"model": asked, "prompt": "hi", "max_tokens": 2}
    assert aliased.post("/v1/chat/completions", chat).json["model"] == told
    assert aliased.post("/v1/completions", prompt).json["model"] == told
    assert aliased.post("/v1/messages", chat).json["model"] == told
    assert {c["model"] for c in aliased.stream("/v1/chat/completions", chat)} == {told}
    assert aliased.post("/tokenize", {"model": asked, "messages": HELLO}).status == 200


def test_no_other_name_will_do(aliased):
    for asked in ("gpt-4", "GPT-4O", "org/other/", ""):
        reply = aliased.post("/v1/chat/completions", {"model": asked, "messages": HELLO})
        assert (reply.status, reply.error["code"]) == (404, "model_not_found")


def test_metrics_know_the_own_name_alone(aliased):
    text = aliased.get("/metrics").body.decode()
    assert 'model_name="own"' in text and "gpt-4o" not in text
