"""Settings from a file; what the system may do to the process: few descriptors, closed pipes, two signals."""

import os
import resource
import signal
import socket
import subprocess
import time

import pytest

from server import MAKE_GGUF, SLUICE, Client, Server, clean_environment, sluice


def test_a_config_file_sets_what_flags_set(tmp_path):
    config = tmp_path / "sluice.toml"
    config.write_text('model-name = "from-the-file"\nmax-context = 64\nthreads = 1 # a comment\n')
    with Server("--config", config, "--max-context", 96) as server:
        assert server.model == "from-the-file"
        assert server.get("/v1/models").json["data"][0]["max_model_len"] == 96
        assert " 1 threads," in server.output()


@pytest.mark.parametrize(
    "line, word", [("colour = 1", "colour"), ('port = "x"', "port"), ("port", "sluice.toml:1")]
)
def test_a_mistake_in_the_config_file_is_named(tmp_path, line, word):
    config = tmp_path / "sluice.toml"
    config.write_text(line + "\n")
    ended = sluice("serve", f"--config={config}", timeout=10)
    assert ended.returncode == 2 and word in ended.stderr.decode(), ended


def limited(soft, hard):
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Limited:
    """A server with a limit of open files; its log goes nowhere."""

    def __init__(self, soft, hard):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.client = Client(*free.getsockname())
        self.process = subprocess.Popen(
            [SLUICE, "serve", "--port", str(self.client.port)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=clean_environment(),
            preexec_fn=limited(soft, hard),
        )
        assert b"sluice serves" in self.process.stdout.readline()

    def crowd(self, count):
        address = (self.client.host, self.client.port)
        return [socket.create_connection(address, timeout=5) for _ in range(count)]

    def cpu_seconds(self):
        with open(f"/proc/{self.process.pid}/stat") as stat:
            user, system = stat.read().rsplit(")", 1)[1].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def test_the_soft_limit_of_open_files_is_raised():
    with Limited(64, 400) as server:
        crowd = server.crowd(200)
        assert server.client.get("/health").status == 200
        assert server.client.metric("sluice:connections") >= 200
        for one in crowd:
            one.close()


def test_without_descriptors_it_waits_and_goes_on():
    with Limited(60, 60) as server:
        crowd = server.crowd(100)
        before = server.cpu_seconds()
        time.sleep(0.5)
        assert server.cpu_seconds() - before < 0.2, "it spins"
        for one in crowd:
            one.close()
        assert server.client.get("/health").status == 200


def test_a_closed_log_does_not_end_the_server():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        client = Client(*free.getsockname())
    process = subprocess.Popen(
        [SLUICE, "serve", "--port", str(client.port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=clean_environment(),
    )
    try:
        assert b"sluice serves" in process.stdout.readline()
        process.stdout.close()
        process.stderr.close()
        assert [client.get("/health").status for _ in range(3)] == [200] * 3
        process.terminate()
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()


def test_a_second_signal_ends_at_once():
    with Server() as server:
        endless = {"model": "default", "prompt": [1], "max_tokens": 100_000, "ignore_eos": True}
        stream = server.stream("/v1/completions", endless)
        next(stream)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.1)
        start = time.monotonic()
        assert server.terminate() == 128 + signal.SIGTERM
        assert time.monotonic() - start < 1
        with pytest.raises(Exception):
            list(stream)  # cut: never a false end


@pytest.fixture(scope="module")
def tiny_gguf(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "tiny.gguf"
    subprocess.run([MAKE_GGUF, "--out", path], check=True, capture_output=True, timeout=60)
    return path.read_bytes()


def test_inspect_names_the_tensor_at_fault(tiny_gguf, tmp_path):
    name = b"blk.0.attn_q.weight"
    at = tiny_gguf.index(name) + len(name)
    dimensions = int.from_bytes(tiny_gguf[at : at + 4], "little")
    kind = at + 4 + 8 * dimensions
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(tiny_gguf[:kind] + (99).to_bytes(4, "little") + tiny_gguf[kind + 4 :])
    ended = sluice("inspect", broken)
    assert ended.returncode == 1 and ended.stdout == b""
    assert name in ended.stderr and b"broken.gguf" in ended.stderr, ended.stderr


def test_inspect_names_the_missing_key(tiny_gguf, tmp_path):
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(tiny_gguf.replace(b"qwen3moe.block_count", b"qwen3moe.clock_bount"))
    ended = sluice("inspect", broken)
    assert ended.returncode == 1 and b"block_count" in ended.stderr, ended.stderr


def test_inspect_reads_well(tiny_gguf, tmp_path):
    whole = tmp_path / "whole.gguf"
    whole.write_bytes(tiny_gguf)
    ended = sluice("inspect", whole)
    facts = dict(line.split(None, 1) for line in ended.stdout.decode().splitlines())
    assert facts["architecture"] == "qwen3moe" and int(facts["experts"]) > 1
    assert facts["path"] == str(whole) and int(facts["file_bytes"]) == len(tiny_gguf)
