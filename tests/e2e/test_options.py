"""Settings from a file; what the system may do to the process: few descriptors, closed pipes, two signals."""

import json
import os
import re
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
    assert ended.returncode == 3 and ended.stdout == b""
    assert name in ended.stderr and b"broken.gguf" in ended.stderr, ended.stderr


def test_inspect_names_the_missing_key(tiny_gguf, tmp_path):
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(tiny_gguf.replace(b"qwen3moe.block_count", b"qwen3moe.clock_bount"))
    ended = sluice("inspect", broken)
    assert ended.returncode == 3 and b"block_count" in ended.stderr, ended.stderr


def test_inspect_reads_well(tiny_gguf, tmp_path):
    whole = tmp_path / "whole.gguf"
    whole.write_bytes(tiny_gguf)
    ended = sluice("inspect", whole)
    facts = dict(line.split(None, 1) for line in ended.stdout.decode().splitlines())
    assert ended.returncode == 0 and ended.stderr == b""
    assert facts["architecture"] == "qwen3moe" and facts["experts"].split()[0] != "none"
    assert facts["file"].startswith(str(whole)) and facts["memory"].startswith("fits here: ")


def inspected(*arguments, status=0):
    ended = sluice("inspect", "--json", *arguments)
    assert ended.returncode == status, ended
    return json.loads(ended.stdout)


def test_inspect_says_the_same_as_json(tiny_gguf, tmp_path):
    whole = tmp_path / "whole.gguf"
    whole.write_bytes(tiny_gguf)
    facts = inspected(whole)
    assert facts["path"] == str(whole) and facts["file_bytes"] == len(tiny_gguf)
    assert sum(t["parameters"] for t in facts["types"].values()) == facts["parameters"]
    assert facts["experts_used"] < facts["experts"] and facts["active_parameters"] < facts["parameters"]
    assert facts["vocabulary"]["tokens"] == facts["vocab"]
    assert "<|im_end|>" in facts["vocabulary"]["end_tokens"]
    assert facts["chat_template"]["present"] and facts["chat_template"]["tool_calls"] != "none"


def test_inspect_sums_the_memory_of_so_many_contexts():
    one = inspected("--context", 1000)["memory"]
    assert (one["context"], one["concurrency"], one["fits"]) == (1000, 1, True)
    assert one["needed_bytes"] == one["weights_bytes"] + one["kv_bytes"] + one["reserve_bytes"]
    seven = inspected("--context", 1000, "--concurrency", 7)["memory"]
    assert seven["kv_bytes"] == 7 * one["kv_bytes"]
    assert inspected("--context", 1000, "--kv-type", "f32")["memory"]["kv_bytes"] == 2 * one["kv_bytes"]


@pytest.fixture(scope="module")
def long_gguf(tmp_path_factory):
    """A model that states a context of which no machine has room for 4096."""
    path = tmp_path_factory.mktemp("models") / "long.gguf"
    shape = "--hidden 256 --vocab 500 --context 1048576".split()
    subprocess.run([MAKE_GGUF, "--out", path, *shape], check=True, capture_output=True, timeout=60)
    return path


def test_inspect_says_why_it_does_not_fit(long_gguf):
    model = long_gguf
    ended = sluice("inspect", model, "--concurrency", 4096)
    facts = dict(line.split(None, 1) for line in ended.stdout.decode().splitlines())
    assert ended.returncode == 4 and ended.stderr == b""
    assert facts["memory"].startswith("does not fit here, because ") and "are available" in facts["memory"]
    memory = inspected(model, "--concurrency", 4096, status=4)["memory"]
    assert not memory["fits"] and memory["needed_bytes"] > memory["available_bytes"]
    fitting = re.search(r"--max-context (\d+)", memory["verdict"])
    assert inspected(model, "--concurrency", 4096, "--max-context", int(fitting[1]) // 2)["memory"]["fits"]


def test_what_serve_ends_with_and_the_next_step(long_gguf):
    """One line, a number of its own, and what to do; docs/command-line.md has the table."""
    too_much = ("--model", long_gguf, "--max-running", 4096, "--kv-memory", "900000GiB")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        rows = [
            (("--port", taken.getsockname()[1]), 5, "--port"),
            (("--port", 0, *too_much), 4, "--kv-memory"),
            (("--port", 0, "--model", "nowhere.gguf"), 3, "nowhere.gguf"),
            (("--port", 0, "--model", "/tmp"), 3, "/tmp"),
            (("--port", 0, "--isa", "abacus"), 2, "--isa"),
            (("--port", 0, "--api-key-file", "nowhere.txt"), 2, "nowhere.txt"),
        ]
        for arguments, status, word in rows:
            ended = sluice("serve", "--log-level", "off", *arguments)
            lines = ended.stderr.decode().splitlines()
            assert ended.returncode == status and ended.stdout == b"", ended
            assert len(lines) == 1 and lines[0].startswith("sluice: ") and word in lines[0], ended
