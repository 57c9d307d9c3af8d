"""The server that is measured: somebody else's, or one that is started for it. Standard library only."""

import json
import re
import shlex
import subprocess
import tempfile
import time
import urllib.request

import machine

START_SECONDS = 900  # a large file on a slow disk


def metric(url, name):
    """One figure of a server's /metrics, whatever its labels."""
    text = urllib.request.urlopen(url + "/metrics", timeout=10).read().decode()
    found = re.search(rf"^{re.escape(name)}(?:\{{.*\}})? (\S+)$", text, re.M)
    if not found:
        raise RuntimeError(f"the server's /metrics has no {name}")
    return float(found[1])


class Server:
    """The server under test: somebody else's at --url, or one that is started here and ended at the end."""

    def __init__(self, options):
        self.process, self.url = None, options.url
        if not options.url:
            command = [options.binary, "serve", "--port", "0", *shlex.split(options.flags)]
            command += ["--model", options.model] if options.model else []
            self.log = tempfile.NamedTemporaryFile(suffix=".log")
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log
            )

    def __enter__(self):
        try:
            self.wait_until_ready()
        except BaseException:
            self.__exit__()  # which Python calls only for what was entered
            raise
        return self

    def wait_until_ready(self):
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            if self.process and self.process.poll() is not None:
                raise RuntimeError("the server ended:\n" + self.output())
            if not self.url and (found := re.search(r"http://[\w.]+:[1-9]\d*", self.output())):
                self.url = found.group()
            try:
                if self.url and urllib.request.urlopen(self.url + "/ready", timeout=5).status == 200:
                    return
            except OSError:
                pass
            time.sleep(0.02)
        raise RuntimeError("the server does not become ready")

    def __exit__(self, *_):
        if self.process:
            self.process.terminate()
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def output(self):
        return open(self.log.name, errors="replace").read()

    def memory_bytes(self, field):
        return machine.memory_bytes(self.process.pid, field) if self.process else None

    def model_name(self):
        return json.load(urllib.request.urlopen(self.url + "/v1/models", timeout=10))["data"][0]["id"]
