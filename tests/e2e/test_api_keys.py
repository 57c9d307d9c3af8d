"""A server with API keys: who is let in, what the others are told, and that keys stay secret."""

import anthropic
import openai
import pytest

from server import Server, sluice

GIVEN, FILED = "sk-given-0a1b2c", "sk-filed-9z8y7x"
HELLO = [{"role": "user", "content": "hi"}]
CHAT = {"model": "default", "messages": HELLO, "max_tokens": 1}


@pytest.fixture(scope="module")
def locked(tmp_path_factory):
    path = tmp_path_factory.mktemp("keys") / "keys.txt"
    path.write_text(f"\n{FILED}\n")
    with Server("--api-key", GIVEN, "--api-key-file", path, key=GIVEN) as running:
        yield running


def ask(server, method, path, body=None, **headers):
    server.key = None
    try:
        return server.request(method, path, body, headers=headers)
    finally:
        server.key = GIVEN


@pytest.mark.parametrize("key", [GIVEN, FILED])
@pytest.mark.parametrize("field", ["Authorization", "x-api-key"])
def test_a_key_opens_every_route(locked, key, field):
    value = f"Bearer {key}" if field == "Authorization" else key
    assert ask(locked, "GET", "/v1/models", **{field: value}).status == 200
    assert ask(locked, "POST", "/v1/chat/completions", CHAT, **{field: value}).status == 200
    assert ask(locked, "POST", "/v1/messages", CHAT, **{field: value}).status == 200


@pytest.mark.parametrize("headers", [{}, {"Authorization": f"Bearer {GIVEN}x"}, {"x-api-key": GIVEN[:-1]}])
@pytest.mark.parametrize(
    "method, path", [("POST", "/v1/completions"), ("GET", "/version"), ("GET", "/no"), ("PUT", "/tokenize")]
)
def test_without_it_401(locked, method, path, headers):
    reply = ask(locked, method, path, b"not even JSON" if method == "POST" else None, **headers)
    assert (reply.status, reply.error["code"]) == (401, "invalid_api_key")
    assert reply.headers["WWW-Authenticate"] == "Bearer"


def test_anthropics_routes_say_it_in_their_words(locked):
    reply = ask(locked, "POST", "/v1/messages/count_tokens", CHAT)
    assert reply.status == 401 and reply.json["error"]["type"] == "authentication_error"


def test_the_clients_know_the_errors(locked):
    for key in (GIVEN, FILED):
        with openai.OpenAI(base_url=locked.url + "/v1", api_key=key) as client:
            assert client.models.list().data
        with anthropic.Anthropic(base_url=locked.url, api_key=key) as client:
            assert client.messages.create(**CHAT).id
    with openai.OpenAI(base_url=locked.url + "/v1", api_key="wrong") as client:
        with pytest.raises(openai.AuthenticationError):
            client.models.list()
    with anthropic.Anthropic(base_url=locked.url, api_key="wrong") as client:
        with pytest.raises(anthropic.AuthenticationError):
            client.messages.create(**CHAT)


@pytest.mark.parametrize("path", ["/health", "/ready", "/metrics"])
def test_probes_need_none(locked, path):
    assert ask(locked, "GET", path).status == 200


def test_keys_are_never_told(locked):
    for path in ("/server_info", "/v1/models", "/metrics", "/nothing"):
        body = locked.get(path).body.decode()
        assert GIVEN not in body and FILED not in body
    locked.get(f"/v1/models?api_key={GIVEN}")
    assert GIVEN not in locked.output() and FILED not in locked.output()
    assert "/v1/models" in locked.output()  # requests are logged at all


def test_wrong_keys_end_the_start(tmp_path):
    (tmp_path / "empty").write_text("\n")
    for flag, value in (
        ("--api-key", ""),
        ("--api-key", "two words"),
        ("--api-key-file", tmp_path / "empty"),
        ("--api-key-file", tmp_path / "nowhere"),
    ):
        ended = sluice("serve", "--port", "0", flag, value, timeout=10)
        assert ended.returncode > 0 and flag.encode() in ended.stderr, ended
        assert b"two words" not in ended.stderr
