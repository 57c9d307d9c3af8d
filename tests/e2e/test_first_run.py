"""The first minutes: `make serve` in a clone of the working tree, its stages, its curl, and what it says when
it cannot serve. Only cmake is played, by a script that puts the program where the compiler would.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import threading

import pytest

from server import ROOT, SLUICE, clean_environment

CMAKE = """case $1 in
    --preset) echo "-- Configuring done"; mkdir -p build/release; exit "${CONFIGURES:-0}" ;;
    --build) echo "[2/2] Linking CXX sluice"; cp "$BUILT" build/release/sluice; exit "${COMPILES:-0}" ;;
esac"""
NOTHING_INSTALLED = {"dpkg-query": "exit 1", "id": "echo 1000", "sudo": "exit 1", "apt-get": "exit 100"}


def git(*arguments, cwd):
    given = ["-c", "user.name=first run", "-c", "user.email=first@run", "-c", "commit.gpgsign=false"]
    return subprocess.run(["git", *given, *arguments], cwd=cwd, check=True, capture_output=True, timeout=60)


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """A repository whose HEAD is the working tree."""
    folder = tmp_path_factory.mktemp("repository")
    listed = git("ls-files", "-co", "--exclude-standard", "-z", cwd=ROOT).stdout.decode()
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    git("init", "--quiet", cwd=folder)
    git("add", "--all", cwd=folder)
    git("commit", "--quiet", "--message", "all", cwd=folder)
    return folder


def environment(folder, programs, **more):
    """With these programs in front of those of the same name."""
    folder.mkdir(exist_ok=True)
    for name, body in programs.items():
        (folder / name).write_text(f"#!/bin/bash\n{body}\n")
        (folder / name).chmod(0o755)
    kept = {k: v for k, v in clean_environment().items() if not k.startswith(("MAKE", "MFLAGS"))}
    return {**kept, "PATH": f"{folder}:{os.environ['PATH']}", "BUILT": SLUICE, **more}


def test_from_clone_to_the_first_token(repository, tmp_path):
    out = tmp_path / "report.json"
    ended = subprocess.run(
        [sys.executable, ROOT / "tools/first_run", "--source", repository, "--out", out, "--timeout", "60"],
        env=environment(tmp_path / "bin", {"cmake": CMAKE}, TMPDIR=str(tmp_path)),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.returncode == 0, ended.stderr
    report = json.loads(out.read_text())
    seconds = report["seconds"]
    assert report["cpu_seconds"] > 0
    assert list(seconds) == ["clone", "packages", "configure", "compile", "serve", "answer", "total"]
    assert all(value >= 0 for value in seconds.values()) and seconds["total"] > 0
    assert "| compile |" in ended.stdout
    assert sorted(os.listdir(tmp_path)) == ["bin", "report.json"], "it leaves something behind"


@pytest.mark.parametrize(
    "flags, address, key",
    [
        (["--host", "127.0.0.1"], "http://127.0.0.1:", False),
        (["--host", "0.0.0.0", "--api-key", "secret"], "http://127.0.0.1:", True),
    ],
)
def test_the_curl_fits_the_server(flags, address, key):
    command = [SLUICE, "serve", "--port", "0", *flags]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=clean_environment()
    ) as process:
        alarm = threading.Timer(60, process.kill)  # then the output ends
        alarm.start()
        try:
            curl = next((line for line in process.stdout if line.startswith("curl")), "nothing")
            assert address in curl and ("Authorization: Bearer YOUR_KEY" in curl) is key
            told = subprocess.run(
                ["bash", "-c", curl.replace("YOUR_KEY", "secret")], capture_output=True, timeout=60
            )
            assert b"data: [DONE]" in told.stdout
        finally:
            alarm.cancel()
            process.kill()


def test_a_run_that_fails_says_so(repository, tmp_path):
    for more, word in (
        ({"COMPILES": "1"}, "next: if a compiler was killed"),
        ({"CONFIGURES": "1"}, "Configuring done"),
    ):
        ended = subprocess.run(
            [sys.executable, ROOT / "tools/first_run", "--source", repository],
            env=environment(tmp_path / "bin", {"cmake": CMAKE}, **more),
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert ended.returncode == 1 and ended.stdout == "", ended
        assert word in ended.stderr and "before it served" in ended.stderr


class Make:
    """`make serve` in the repository, to its end."""

    def __init__(self, repository, folder):
        self.repository, self.folder = repository, folder

    def __call__(self, *settings, programs=None, command="exec"):
        shutil.rmtree(self.folder, ignore_errors=True)
        ended = subprocess.run(
            ["bash", "-c", f'{command} make serve "$@"', "make", *settings],
            cwd=self.repository,
            env=environment(self.folder, {"cmake": CMAKE, **(programs or {})}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        ours = [line for line in ended.stderr.splitlines() if not line.startswith(("make", "["))]
        return ended, ours


@pytest.fixture
def make(repository, tmp_path):
    return Make(repository, tmp_path / "bin")


def test_missing_packages_and_no_way_to_install_them(make):
    ended, lines = make("PORT=0", programs=NOTHING_INSTALLED)
    assert ended.returncode != 0 and "[2/4]" not in ended.stdout
    assert len(lines) == 2 and "neither root nor is there sudo" in lines[0], lines
    assert lines[1].startswith("next, as root: apt-get install g++ cmake ninja-build ")


def test_missing_packages_and_no_network(make):
    ended, lines = make("PORT=0", programs={**NOTHING_INSTALLED, "id": "echo 0"})
    assert ended.returncode != 0 and "[2/4]" not in ended.stdout
    assert "is there a network?" in lines[-2] and lines[-1].startswith("next, as root: apt-get install ")


def test_a_busy_port_is_said_before_anything_is_compiled(make):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended, lines = make(f"PORT={port}")
    assert ended.returncode != 0 and ended.stdout == ""
    assert lines[0] == f"serve: port {port} is in use by another program"
    assert lines[1].startswith(f"next: make serve PORT={port + 1}")


def test_a_port_that_is_taken_meanwhile(make):
    with socket.socket() as taken:  # bound, but nobody answers there
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        ended, lines = make(f"PORT={port}")
    assert ended.returncode != 0 and "[4/4] serve" in ended.stdout
    assert f"sluice: cannot listen on 127.0.0.1:{port}" in lines[0]
    assert lines[1].startswith(f"next: make serve PORT={port + 1}")


@pytest.mark.parametrize("port", ["x", "80800", "65536", "-1", "1;ls"])
def test_what_is_no_port(make, port):
    ended, lines = make(f"PORT={port}")
    assert ended.returncode != 0 and ended.stdout == ""
    assert lines[0].startswith("serve: PORT=") and lines[1].startswith("next: make serve PORT=8080")


def test_a_model_that_is_not_there(make):
    ended, lines = make("PORT=0", "MODEL=no such.gguf")
    assert ended.returncode != 0 and ended.stdout == ""
    assert lines[0] == "serve: no such.gguf is no file that can be read"
    assert lines[1].startswith("next: make serve MODEL=")


def test_a_model_that_is_none(make):
    ended, lines = make("PORT=0", "MODEL=README.md")
    assert ended.returncode != 0
    assert lines[0] == "sluice: README.md: not a GGUF file" and lines[1].startswith(
        "next: make serve MODEL="
    )


def test_too_little_memory(make):
    ended, lines = make("PORT=0", command="ulimit -v 300000;")
    assert ended.returncode != 0
    assert lines[0].startswith("sluice: ") and "KV cache" in lines[0], lines
    assert lines[1].startswith("next: build/release/sluice inspect says what is needed")


def test_wrong_flags(make):
    ended, lines = make("PORT=0", "ARGS=--colour blue")
    assert ended.returncode != 0 and "--colour" in ended.stderr
    assert lines[-1].startswith("next: build/release/sluice serve --help")
