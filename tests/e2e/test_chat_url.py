"""`sluice chat --url` with servers that refuse, break off or talk nonsense: one line says what is wrong."""

import contextlib
import json
import socket
import socketserver
import threading

import pytest

from server import Server
from terminal import Terminal
from test_chat import piped

KEY = "sk-chat-0a1b2c"


@pytest.fixture(scope="module")
def locked():
    with Server("--api-key", KEY, key=KEY) as running:
        yield running


def complaint(ended, status=1):
    """The only line of a chat that failed."""
    assert (ended.returncode, ended.stdout) == (status, b""), ended
    lines = ended.stderr.decode().splitlines()
    assert len(lines) == 1 and lines[0].startswith("sluice: "), lines
    assert KEY not in lines[0]
    return lines[0]


def test_nobody_listens():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound, but not listening: nobody else gets it meanwhile
        url = f"http://127.0.0.1:{held.getsockname()[1]}"
        for more in ([], ["--model-name", "m"]):
            said = complaint(piped("hi\n", "--url", url, *more))
            assert f"no server answers at {url}/v1" in said


@pytest.mark.parametrize("url", ["127.0.0.1:8080", "ftp://127.0.0.1/", "http://me:pw@127.0.0.1/"])
def test_what_is_no_address(url):
    assert "--url must be http://" in complaint(piped("hi\n", "--url", url), status=2)


def test_the_key(locked):
    for more in ([], ["--api-key", KEY + "x"]):
        said = complaint(piped("hi\n", "--url", locked.url, *more))
        assert "(401)" in said and "SLUICE_API_KEY" in said
    asked = ["--url", locked.url, "--max-tokens", 1]
    assert piped("hi\n", *asked, "--api-key", KEY).returncode == 0
    for variable in ("SLUICE_API_KEY", "OPENAI_API_KEY"):
        assert piped("hi\n", *asked, **{variable: KEY}).returncode == 0
    assert "--api-key" in complaint(piped("hi\n", *asked, "--api-key", "a\r\nX-Other: b"), status=2)


def test_a_model_that_is_not_there(server):
    said = complaint(piped("hi\n", "--url", server.url, "--model-name", "nobody"))
    assert "(404)" in said and "`nobody` does not exist" in said
    asked = ["--url", server.url + "/v1/", "--model-name", "default", "--max-tokens", 1]
    assert piped("hi\n", *asked).returncode == 0


def test_a_busy_server(busy):
    with busy.filled():
        said = complaint(piped("hi\n", "--url", busy.url))
        assert "(429)" in said and "try again in 1 s" in said


def test_what_the_server_refuses_can_be_asked_otherwise(server):
    chat = piped("hi\n/set max_tokens 1\n/retry\n", "--url", server.url, "--seed", 1, "--temperature", 0)
    assert chat.returncode == 0 and len(chat.stdout) > 1


class Canned(socketserver.ThreadingTCPServer):
    """Answers /models, and every chat with the same bytes; then it hangs up, or stays until it is left."""

    daemon_threads = True

    def __init__(self, answer, stays=False):
        self.answer, self.stays, self.left = answer, stays, threading.Event()
        super().__init__(("127.0.0.1", 0), self.Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            asked = self.rfile.readline()
            length = 0
            while (line := self.rfile.readline().strip().lower()) != b"":
                if line.startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            self.rfile.read(length)
            if asked.startswith(b"GET /v1/models "):
                body = json.dumps({"data": [{"id": "canned"}]}).encode()
                self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
                return
            self.wfile.write(self.server.answer)
            if self.server.stays:
                self.wfile.flush()
                self.rfile.read()
                self.server.left.set()

    @contextlib.contextmanager
    def running(self):
        with self:
            thread = threading.Thread(target=self.serve_forever, args=(0.05,))
            thread.start()
            try:
                yield self
            finally:
                self.shutdown()
                thread.join()


def stream(*events, head=b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"):
    return head + b"".join(b"data: %b\n\n" % event for event in events)


def chunk(text, reason=None):
    return json.dumps({"choices": [{"delta": {"content": text}, "finish_reason": reason}]}).encode()


@pytest.mark.parametrize(
    "answer, words",
    [
        (stream(chunk("half")), "broke the answer off"),
        (stream(chunk("half"), b'{"error": {"message": "bad \\u001b luck"}}'), "reports: bad \u241b luck"),
        (stream(b"{"), "no chat completion"),
        (stream(b"x" * (1 << 20)), "more than 1 MiB"),
        (stream(chunk("half"), head=b"HTTP/1.1 200 OK\r\n\r\n"), "does not stream"),
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 999\r\n\r\n", "broke"),
        (b"HTTP/1.1 502 Bad\r\nContent-Length: 6\r\n\r\n<html>", "answers 502"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\nContent-Length: 0\r\n\r\n", "answers 302"),
        (b"nonsense\r\n\r\n", "no answer from"),
        (b"", "broke"),
    ],
)
def test_answers_that_go_wrong(answer, words):
    with Canned(answer).running() as canned:
        ended = piped("hi\n", "--url", canned.url)
        assert ended.returncode == 1 and ended.stdout in (b"", b"half\n")
        assert words in ended.stderr.decode()


def test_other_servers_ways_are_understood():
    events = (chunk("<think>hm</think>"), chunk("Hello"), chunk("", "stop"))
    with Canned(stream(*events)).running() as canned:  # no usage, no [DONE]
        ended = piped("hi\n/stats\n", "--url", canned.url)
        assert (ended.returncode, ended.stdout) == (0, b"Hello\n")
        assert "answer  about 2 tokens" in ended.stderr.decode()


def test_control_c_hangs_up(tmp_path):
    with Canned(stream(chunk("half")), stays=True).running() as canned:
        with Terminal("chat", "--url", canned.url, XDG_STATE_HOME=str(tmp_path)) as chat:
            chat.until(b"> ")
            chat.type(b"hi\n")
            chat.until(b"half")
            assert not canned.left.is_set()
            chat.type(b"\x03")
            chat.until(b"stopped\r\n", 10)
            assert canned.left.wait(10), "the server would go on computing"
