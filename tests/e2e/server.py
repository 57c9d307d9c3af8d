"""A sluice process under test: started, waited for, asked, stopped. Standard library only."""

import base64
import contextlib
import http.client
import json
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
SLUICE = os.environ.get("SLUICE", str(ROOT / "build/release/sluice"))
SCRIPTED = pathlib.Path(SLUICE).parent / "tests/scripted_server"
# Untrained: its likeliest answers have no end, and its tokens are rarely those of the tokenizer.
RANDOM_MODEL = ROOT / "build/release/models/random.gguf"
MAKE_GGUF = ROOT / "build/release/tools/make_tiny_gguf"
START_SECONDS = 60


def clean_environment():
    """The environment without SLUICE_* settings, which would change what the command line says."""
    return {k: v for k, v in os.environ.items() if not k.startswith("SLUICE")}


def sluice(*arguments, timeout=60, **kwargs):
    """Runs the program to its end; never raises for its exit status."""
    return subprocess.run(
        [SLUICE, *map(str, arguments)],
        capture_output=True,
        timeout=timeout,
        stdin=subprocess.DEVNULL,
        env=clean_environment(),
        **kwargs,
    )


class Client:
    """Plain HTTP to an address; `key`: what the server asks for, if it does."""

    key = None

    def __init__(self, host, port):
        self.host, self.port = host, port

    def connect(self, timeout=120):
        return http.client.HTTPConnection(self.host, self.port, timeout=timeout)

    def get(self, path):
        return self.request("GET", path)

    def post(self, path, body, **kwargs):
        return self.request("POST", path, body, **kwargs)

    def request(self, method, path, body=None, timeout=120, headers=None):
        """One request on a connection of its own; body: bytes, or anything that JSON can say."""
        connection = self.connect(timeout)
        try:
            if body is not None and not isinstance(body, bytes):
                body = json.dumps(body).encode()
            fields = {"Content-Type": "application/json", **(headers or {})}
            if self.key:
                fields["Authorization"] = f"Bearer {self.key}"
            connection.request(method, path, body, fields)
            return Reply(connection.getresponse())
        finally:
            connection.close()

    def stream(self, path, body, timeout=120):
        """Yields the data of each SSE frame, parsed; ends at [DONE]. Closing the generator disconnects."""
        connection = self._ask(path, {**body, "stream": True}, timeout)
        response = None
        try:
            response = connection.getresponse()
            assert response.status == 200, (response.status, response.read())
            assert response.getheader("Content-Type").startswith("text/event-stream")
            for line in response:
                if line.startswith(b"data: "):
                    data = line[len(b"data: ") :].strip()
                    if data == b"[DONE]":
                        return
                    yield json.loads(data)
            raise AssertionError("the stream ended without [DONE]")
        finally:
            if response:
                response.close()
            connection.close()

    def hang_up(self, path, body):
        """Sends a request and closes without reading a byte."""
        self._ask(path, body, timeout=10).close()

    def _ask(self, path, body, timeout):
        connection = self.connect(timeout)
        connection.request("POST", path, json.dumps(body).encode(), {"Content-Type": "application/json"})
        return connection

    def metric(self, name):
        """The sum of a metric over its labels; fails when it is not exported."""
        text = self.get("/metrics").body.decode()
        values = re.findall(rf"^{re.escape(name)}(?:{{[^}}]*}})? (\S+)$", text, re.M)
        assert values, f"{name} is not in /metrics:\n{text}"
        return sum(map(float, values))

    def wait_for_metric(self, name, accepts, seconds=10):
        until = time.monotonic() + seconds
        while not accepts(value := self.metric(name)):
            assert time.monotonic() < until, f"{name} stays {value}"
            time.sleep(0.02)


class Server(Client):
    def __init__(self, *arguments, key=None):
        self.key = key
        self._start(SLUICE, "serve", "--host", "127.0.0.1", "--port", "0", *arguments)

    def _start(self, *command):
        self._output = tempfile.NamedTemporaryFile(prefix="sluice-", suffix=".log")
        self.process = subprocess.Popen(
            [*map(str, command)],
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            env=clean_environment(),
        )
        try:
            self.url = self._wait("start-up line with the URL", self._announced_url)
            address = urllib.parse.urlsplit(self.url)
            super().__init__(address.hostname, address.port)
            self._wait("200 from /ready", self._ready)
        except BaseException:
            self.kill()
            raise
        self.model = self.get("/v1/models").json["data"][0]["id"]

    def output(self):
        return pathlib.Path(self._output.name).read_text(errors="replace")

    def _wait(self, what, probe):
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            assert (
                self.process.poll() is None
            ), f"the server ended ({self.process.returncode}):\n{self.output()}"
            if (found := probe()) is not None:
                return found
            time.sleep(0.02)
        raise AssertionError(f"no {what} within {START_SECONDS} s:\n{self.output()}")

    def _announced_url(self):
        """The start-up line names the address that it really listens on."""
        match = re.search(r"http://127\.0\.0\.1:[1-9]\d*", self.output())
        return match.group() if match else None

    def _ready(self):
        return True if self.get("/ready").status == 200 else None

    def terminate(self, timeout=30):
        """SIGTERM, then its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._output.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()


class ScriptedServer(Server):
    """The same server over a model that says what the user message tells it to: see say()."""

    def __init__(self, *arguments):
        self._start(SCRIPTED, *arguments)


class BusyServer(ScriptedServer):
    """Runs one request, lets one wait, and refuses others for retry_after_ms."""

    retry_after_ms = 300

    def __init__(self):
        super().__init__("--max-running", 1, "--max-queue", 1, "--retry-after-ms", self.retry_after_ms)

    @contextlib.contextmanager
    def filled(self):
        """It runs a request and one waits; the value frees both."""
        slow, held = {"model": "default", "messages": [say("w" * 1000, delay_ms=5)]}, []

        def leave():
            while held:
                held.pop().close()

        try:
            for metric in ("vllm:num_requests_running", "vllm:num_requests_waiting"):
                held.append(self._ask("/v1/chat/completions", slow, timeout=60))
                self.wait_for_metric(metric, lambda n: n == 1)
            yield leave
        finally:
            leave()


def say(*answers, cut="bytes", delay_ms=0):
    """A user message: the answers to it and, one each, to the tool results after it; how they are cut."""
    texts = "".join(f"[[say:{base64.b64encode(a.encode()).decode()}]]" for a in answers)
    return {"role": "user", "content": f"{texts}[[cut:{cut}]][[delay:{delay_ms}]]"}


class Reply:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def error(self):
        """The error object; fails unless it has exactly OpenAI's four keys."""
        error = self.json["error"]
        assert set(error) == {"message", "type", "param", "code"}, error
        assert isinstance(error["message"], str) and error["message"]
        return error
