"""The server that the agent talks to: one at a URL, or one that is started here and ended at the end."""

import pathlib
import re
import subprocess
import tempfile
import time

GIB = 1 << 30


class NoServer(Exception):
    """It cannot be reached or started; the message says why."""


class Started:
    """`sluice serve` on a free port, from when its start-up line is there; seconds: it has for that."""

    def __init__(self, program, model, seconds):
        command = [program, "serve", "--host", "127.0.0.1", "--port", "0"]
        command += ["--model", model] if model else []
        self.log = tempfile.NamedTemporaryFile(prefix="agent-bench-", suffix=".log")
        try:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT
            )
        except OSError as error:
            raise NoServer(f"{program}: {error.strerror}; `make build` makes it") from error
        try:
            self.url = self.wait(seconds)
        except BaseException:
            self.stop()
            raise

    def wait(self, seconds):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            said = pathlib.Path(self.log.name).read_text(errors="replace")
            if found := re.search(r"serves .* at (http://\S+)", said):
                return found[1]
            if self.process.poll() is not None:
                why = [line for line in said.splitlines() if line.startswith("sluice: ")]
                last = why[-1] if why else "it said nothing"
                raise NoServer(f"the server ended with {self.process.returncode}: {last}")
            time.sleep(0.02)
        raise NoServer(f"the server does not serve after {seconds:g} s")

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


def described(client):
    """(the model's name, its size in bytes or None) as /v1/models has them, also of llama.cpp."""
    models = client.models.list().data
    if not models:
        raise NoServer("the server has no model")
    meta = getattr(models[0], "meta", None)
    size = meta.get("size") if isinstance(meta, dict) else None
    return models[0].id, size if isinstance(size, int) and size > 0 else None


def request_seconds(size):
    """Time-out of a request: half a minute, and one minute more for each GiB, which a slow machine reads
    in 0.1 s for a token; a model of unknown size counts as one of 8 GiB."""
    return round(30 + 60 * (8 if size is None else size / GIB))


def run_seconds(size):
    """Time-out of a whole run, which makes about a hundred requests, most of them far shorter."""
    return 20 * request_seconds(size)
