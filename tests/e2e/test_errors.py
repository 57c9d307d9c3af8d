"""Wrong input at the socket, in the body, on the command line, in files: a clear answer, never a crash."""

import json
import socket
import subprocess
import time

import openai
import pytest

from server import MAKE_GGUF, SLUICE, Client, clean_environment, sluice

CHAT = {"model": "default", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 2}


def test_unknown_model_is_404(client):
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model="gpt-0", messages=CHAT["messages"])
    assert caught.value.code == "model_not_found"


def test_too_long_a_prompt_is_400_context_length_exceeded(server):
    context = server.get("/v1/models").json["data"][0]["max_model_len"]
    reply = server.post("/v1/completions", {"model": "default", "prompt": [5] * (context + 1)})
    assert (reply.status, reply.error["code"]) == (400, "context_length_exceeded")
    fits = server.post(
        "/v1/completions", {"model": "default", "prompt": [5] * (context - 1), "max_tokens": 64}
    )
    assert fits.status == 200 and fits.json["usage"]["completion_tokens"] == 1


@pytest.mark.parametrize(
    "field, value",
    [
        ("temperature", -1),
        ("temperature", "hot"),
        ("temperature", 3),
        ("top_p", 1.5),
        ("top_p", -0.1),
        ("n", 0),
        ("n", 2**31),
        ("n", 1.5),
        ("max_tokens", -1),
        ("max_tokens", "many"),
        ("max_tokens", 2**63),
        ("messages", []),
        ("messages", "hello"),
        ("messages", [{"role": "ghost", "content": "x"}]),
        ("logit_bias", {"-1": 1}),
        ("logit_bias", {"2147483647": 1}),
        ("stop", [1]),
        ("stop", ["x"] * 1000),
        ("top_logprobs", 21),
        ("seed", "x"),
        ("presence_penalty", 5),
        ("frequency_penalty", "a"),
        ("stream", "yes"),
        ("top_k", -2),
    ],
)
def test_a_wrong_field_is_400_and_named(server, field, value):
    body = {**CHAT, field: value}
    if field == "top_logprobs":
        body["logprobs"] = True
    reply = server.post("/v1/chat/completions", body)
    assert reply.status == 400, reply.body
    assert reply.error["type"] == "invalid_request_error"
    assert field in (reply.error["param"] or "") or field in reply.error["message"], reply.error


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"{}",
        b'{"model":"default"}',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"model":"default","messages":[{"role":"user","content":"\xc3"}]}',
        json.dumps(CHAT).encode() + b"x",
    ],
)
def test_a_broken_body_is_400(server, body):
    reply = server.request("POST", "/v1/chat/completions", body)
    assert reply.status == 400 and reply.error


@pytest.mark.parametrize(
    "method, path, status",
    [
        ("POST", "/", 405),
        ("GET", "/nothing", 404),
        ("GET", "/v2/models", 404),
        ("GET", "/v1/chat/completions", 405),
        ("POST", "/v1/models", 405),
        ("DELETE", "/v1/completions", 405),
        ("GET", "/v1/models/nobody", 404),
    ],
)
def test_unknown_routes_and_methods(server, method, path, status):
    reply = server.request(method, path, b"{}" if method == "POST" else None)
    assert reply.status == status and reply.error


def exchange(server, data, timeout=5):
    """Sends raw bytes and returns all that comes back until the server closes."""
    with socket.create_connection((server.host, server.port), timeout) as connection:
        connection.sendall(data)
        received = b""
        while piece := connection.recv(65536):
            received += piece
        return received


@pytest.mark.parametrize(
    "data",
    [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64),
        b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: +5\r\n\r\nabcde",
        b"GET /health HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
        b"GET /health HTTP/1.1\r\n folded: x\r\n\r\n",
    ],
    ids=["http2", "tls", "length-and-chunked", "signed-length", "two-hosts", "folded"],
)
def test_what_is_not_plain_http_is_closed_cleanly(server, data):
    received = exchange(server, data)
    assert b" 200 " not in received[:20]
    assert server.get("/health").status == 200


def test_health_ready_metrics(server):
    assert server.get("/health").status == 200
    assert server.get("/ready").status == 200
    assert 0 <= server.metric("vllm:kv_cache_usage_perc") <= 1
    assert server.metric("vllm:num_requests_waiting") >= 0


def test_a_busy_port_ends_the_second_server_with_a_message(server):
    ended = sluice("serve", "--port", server.port, timeout=30)
    assert ended.returncode not in (0, None) and ended.returncode > 0
    assert str(server.port).encode() in ended.stderr + ended.stdout


def test_an_unknown_flag_is_named():
    ended = sluice("serve", "--colour", "blue")
    assert ended.returncode > 0 and b"--colour" in ended.stderr


@pytest.mark.parametrize(
    "arguments", [["--help"], *([c, "--help"] for c in ("serve", "run", "chat", "inspect"))]
)
def test_help_reads(arguments):
    ended = sluice(*arguments)
    assert ended.returncode == 0 and b"--" in ended.stdout and ended.stderr == b""


def test_version():
    ended = sluice("version")
    assert ended.returncode == 0 and ended.stdout.startswith(b"sluice ")


@pytest.mark.parametrize("value", ["lots", "-1", "512XB", "1KiB"])
def test_a_wrong_kv_memory_is_refused(value):
    ended = sluice("serve", "--port", "0", f"--kv-memory={value}")
    assert ended.returncode > 0 and b"kv" in (ended.stderr + ended.stdout).lower()


@pytest.fixture(scope="module")
def tiny_gguf(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "tiny.gguf"
    made = subprocess.run([MAKE_GGUF, "--out", path], capture_output=True, timeout=60)
    assert made.returncode == 0, made.stderr
    return path


def ends_soon(*arguments):
    start = time.monotonic()
    ended = sluice(*arguments, timeout=10)
    assert time.monotonic() - start < 1.0 and ended.returncode > 0, ended
    return (ended.stderr + ended.stdout).decode(errors="replace")


@pytest.mark.parametrize(
    "command",
    [("serve", "--port", "0", "--model"), ("run", "hi", "--model"), ("inspect",)],
    ids=["serve", "run", "inspect"],
)
def test_a_truncated_model_is_refused_within_a_second(tiny_gguf, tmp_path, command):
    whole = tiny_gguf.read_bytes()
    for size in (0, 3, 24, len(whole) // 3, len(whole) - 1):
        cut = tmp_path / f"cut-{size}.gguf"
        cut.write_bytes(whole[:size])
        assert cut.name in ends_soon(*command, cut)


def test_a_missing_model_is_named():
    assert "nowhere.gguf" in ends_soon("serve", "--port", "0", "--model", "nowhere.gguf")


def test_an_unknown_architecture_lists_what_is_supported(tiny_gguf, tmp_path):
    """The same file under a name of the same length that no registry has."""
    whole = tiny_gguf.read_bytes()
    assert b"qwen3moe" in whole
    other = tmp_path / "other.gguf"
    other.write_bytes(whole.replace(b"qwen3moe", b"martian9"))
    for command in (("serve", "--port", "0", "--model"), ("run", "hi", "--model"), ("inspect",)):
        message = ends_soon(*command, other)
        for word in ("martian9", "qwen3moe", "qwen3", "qwen2", "llama"):
            assert word in message


def test_the_api_answers_501_for_an_unknown_architecture(tiny_gguf, tmp_path):
    other = tmp_path / "other.gguf"
    other.write_bytes(tiny_gguf.read_bytes().replace(b"qwen3moe", b"martian9"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        client = Client(*free.getsockname())
    process = subprocess.Popen(
        [SLUICE, "serve", "--port", str(client.port), "--model", str(other), "--on-load-error", "serve"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=clean_environment(),
    )
    try:
        until = time.monotonic() + 10
        while True:  # the port is open before the file is read: 503 until then
            try:
                reply = client.post("/v1/chat/completions", CHAT)
                if reply.error["code"] != "unavailable":
                    break
            except ConnectionRefusedError:
                pass
            assert process.poll() is None and time.monotonic() < until
            time.sleep(0.05)
        assert (reply.status, reply.error["code"]) == (501, "unsupported_architecture")
        assert "martian9" in reply.error["message"] and "qwen3moe" in reply.error["message"]
        assert client.get("/health").status == 200
        assert client.get("/ready").status == 503
    finally:
        process.kill()
        process.wait()
