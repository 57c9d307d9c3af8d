"""What the documentation tells people to type works: every command of it is run, or checked in a cheaper way.

Commands of sluice, curl and Python are run, with a tiny model wherever a file is named. What cannot be run
is in CHEAPER, with the way it is checked and the reason. What is neither fails: give it a line there.
"""

import functools
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib

import pytest

import doc_commands
from doc_commands import Command
from server import MAKE_GGUF, ROOT, SLUICE, Server, clean_environment

URL = "http://127.0.0.1:8080"
MODEL = re.compile(r"[\w./-]+\.gguf")


# ---- ways: what is done with a command


def shell(command, reader, timeout=60, typed=""):
    """As a reader would type it, in a folder that looks like theirs."""
    for path in MODEL.findall(command.text):
        reader.place(path)
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command.text.replace(URL, reader.server.url)],
        cwd=reader.folder,
        env=reader.environment,
        input=typed.encode(),
        capture_output=True,
        timeout=timeout,
    )


def run(command, reader):
    ended = shell(command, reader)
    assert ended.returncode == 0, ended.stderr.decode()
    assert ended.stdout.strip() or ">" in command.text, "it printed nothing"
    if '"stream": true' in command.text:
        assert ended.stdout.count(b"data: ") > 3 and b"data: [DONE]" in ended.stdout


def is_known(command, reader):
    """The program has that command; a sentence that names it does not say with what."""
    program, word = command.text.split()
    ended = shell(Command(command.place, "sh", f"{program} --help"), reader)
    assert re.search(rf"^  {word} ", ended.stdout.decode(), re.M), f"there is no command {word}"


def talk(command, reader):
    """One question, and the end of what is typed."""
    ended = shell(command, reader, typed="Tell me about rivers.\n")
    assert ended.returncode == 0 and ended.stdout.strip(), ended.stderr.decode()


def serve(command, reader):
    """Until it is ready, at an address of its own; then it is stopped as with Ctrl-C."""
    text = re.sub(r"--(?:port|host) \S+", "", command.text)
    text = MODEL.sub(lambda found: str(reader.place(found[0])), text)
    with Server(*shlex.split(text)[2:]) as started:
        assert started.terminate() == 0


def python(command, reader):
    text = command.text.replace(URL, reader.server.url)
    ended = subprocess.run(
        [sys.executable, "-c", text],
        env=reader.environment,
        capture_output=True,
        timeout=60,
        cwd=reader.folder,
    )
    assert ended.returncode == 0 and ended.stdout.strip(), ended.stderr.decode()


def toml(command, reader):
    assert tomllib.loads(command.text)


def as_json(command, reader):
    assert json.loads(command.text)


def makes(command, reader):
    """make knows the target, and every setting is one of the Makefile's."""
    given = command.text.split()[1:]
    ended = subprocess.run(["make", "-n", *given], cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert ended.returncode == 0 and ended.stdout.strip(), ended.stderr
    for setting in (word.split("=")[0] for word in given if "=" in word):
        assert f"$({setting})" in (ROOT / "Makefile").read_text(), f"the Makefile has no {setting}"


def configures(command, reader):
    """CMake has the preset, and a CMakeLists.txt the target."""
    presets = json.loads((ROOT / "CMakePresets.json").read_text())["configurePresets"]
    for preset in re.findall(r"--preset (\S+)", command.text):
        assert preset in [each["name"] for each in presets]
    for target in re.findall(r"--target (\S+)", command.text):
        assert any(target in path.read_text() for path in ROOT.glob("*/**/CMakeLists.txt"))


@functools.cache
def help_of(script):
    ended = subprocess.run(
        [sys.executable, ROOT / script, "--help"], capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def knows_flags(command, reader):
    """The script's --help names every flag."""
    script, *given = command.text.split()
    for flag in (word for word in given if word.startswith("--")):
        assert flag in help_of(script), f"{script} has no {flag}"


def is_built(command, reader):
    program = command.text.split()[0].rsplit("/", 1)[1]
    assert any(program in path.read_text() for path in (ROOT / "bench").glob("CMakeLists.txt"))


def parses(command, reader):
    ended = subprocess.run(["bash", "-n", "-c", command.text], capture_output=True, timeout=10)
    assert ended.returncode == 0, ended.stderr.decode()


# ---- which way a command goes: the first line that fits

SLUICE_IS = r"(?:build/release/)?sluice"
CHEAPER = [  # (what it looks like, way, why it is not simply run)
    (r"make serve\b.*", makes, "test_first_run.py runs it, with the compiler played"),
    (r"make test", makes, "that is this run"),
    (r"make build", makes, "this run's program comes from it"),
    (r"make bootstrap-test", makes, "installs packages; tests/tools/bootstrap_test.py plays it"),
    (r"make check", makes, ".ci/run runs it; it would look at files that others are writing"),
    (r"make (?:asan|tsan)", makes, "compiles everything again, for half an hour"),
    (r"make bench\b.*", makes, "minutes, and a quiet machine; tests/bench runs the programs shortly"),
    (r"make format", makes, "changes the source"),
    (r"cmake --preset .*", configures, "compiles for minutes"),
    (
        r"bench/\w+\.py\b.*",
        knows_flags,
        "measures for minutes, some a model of 18 GB; tests/bench runs the parts",
    ),
    (r"build/release/bench/\w+", is_built, "tests/bench/bench_programs_test.py runs all of them"),
    (r"tools/agent_bench\b.*", knows_flags, "test_agent_bench.py runs it"),
    (r"tools/first_run\b.*", knows_flags, "test_first_run.py runs it, with the compiler played"),
    (r"python3 -m venv VENV && .*", parses, "compiles llama.cpp for minutes, from the network"),
    (
        rf"{SLUICE_IS} COMMAND --help",
        parses,
        "not a command but its form; test_errors.py asks each for --help",
    ),
    (rf"{SLUICE_IS} serve(?! --help)\b.*", serve, "does not end by itself"),
    (rf"{SLUICE_IS} chat(?! --help)\b.*", talk, "reads what is typed"),
]
RUN = re.compile(rf"(?:(?:{SLUICE_IS}|curl|echo|printf|cat) [^\n]*(?:\n(?!\w)[^\n]*)*(?:\n|$))+")
LANGUAGES = {"python": python, "toml": toml, "json": as_json}


def way(command):
    """What is done with it; None: nothing, which is a mistake."""
    if command.language not in ("sh", "span"):
        return LANGUAGES.get(command.language)
    if command.language == "span" and re.fullmatch(rf"{SLUICE_IS} [a-z]+", command.text):
        return is_known
    for pattern, cheaper, _ in CHEAPER:
        if re.fullmatch(pattern, command.text):
            return cheaper
    return run if RUN.fullmatch(command.text) else None


class Reader:
    """A folder with the program where README has it, and the server at the address that README has."""

    def __init__(self, folder, server):
        self.folder, self.server = folder, server
        for name in ("build/release/sluice", "bin/sluice"):
            (folder / name).parent.mkdir(parents=True)
            (folder / name).symlink_to(SLUICE)
        for name in ("tools", "bench", "docs"):
            (folder / name).symlink_to(ROOT / name)
        self.tiny = folder / "tiny"
        subprocess.run([MAKE_GGUF, "--out", self.tiny], check=True, capture_output=True, timeout=60)
        paths = f"{folder}/bin:{os.environ['PATH']}"
        self.environment = {**clean_environment(), "PATH": paths, "HOME": str(folder)}

    def place(self, path):
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        if not file.exists():
            file.symlink_to(self.tiny)
        return file


@pytest.fixture(scope="module")
def reader(server, tmp_path_factory):
    return Reader(tmp_path_factory.mktemp("reader"), server)


COMMANDS = doc_commands.all_commands()


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_a_command_of_the_documentation(command, reader):
    chosen = way(command)
    assert chosen, f"{command.place}: nothing checks `{command.text}`: give it a line in CHEAPER"
    chosen(command, reader)


def test_the_commands_are_found():
    """In every page that has some; a page whose form is no longer understood would have none."""
    found = {each.place.split(":")[0] for each in COMMANDS}
    assert {"README.md", "CONTRIBUTING.md", "bench/README.md", "docs/command-line.md"} <= found
    assert sum(way(each) in (run, serve, talk, python) for each in COMMANDS) >= 6


def test_no_exception_is_left_over():
    for pattern, _, why in CHEAPER[:-2]:  # those of serve and chat are ways of their own
        assert any(re.fullmatch(pattern, each.text) for each in COMMANDS), f"no command is {pattern}: {why}"


PAGE = """# A page
Say `make nonsense` or `make`, then `sluice inspect --nonsense` of `sluice: ` and `--flag`.

    sluice version      what it is
    rm -rf build        # all of it

```sh
curl -s http://127.0.0.1:8080/v1/models
sluice inspect
rm -rf build
```

```
  sluice run "in a diagram"
  clients --HTTP--> net/
```

```perl
print 1
```

1. A list
    that goes on
"""


def test_how_commands_are_found():
    found = [
        (each.place, each.language, each.text.splitlines()[0]) for each in doc_commands.commands("p", PAGE)
    ]
    assert found == [
        ("p:2", "span", "make nonsense"),
        ("p:2", "span", "sluice inspect --nonsense"),
        ("p:4", "sh", "sluice version"),
        ("p:5", "sh", "rm -rf build"),
        ("p:7", "sh", "curl -s http://127.0.0.1:8080/v1/models"),
        ("p:13", "sh", 'sluice run "in a diagram"'),
        ("p:18", "perl", "print 1"),
    ]


@pytest.mark.parametrize(
    "text, language",
    [
        ("rm -rf build", "sh"),
        ("sluice inspect\nrm -rf build", "sh"),
        ("make nonsense", "span"),
        ("print 1", "perl"),
    ],
)
def test_a_command_that_nothing_checks_is_found(text, language):
    assert way(Command("p:1", language, text)) is None


@pytest.mark.parametrize(
    "text, language",
    [
        ("sluice inspect --nonsense", "span"),
        ("sluice nonsense", "span"),
        ("sluice inspect\nsluice nonsense", "sh"),
        ("sluice serve --nonsense", "sh"),
        ("make serve NONSENSE=1", "sh"),
        ("cmake --preset nonsense", "sh"),
        ("bench/serve.py --nonsense", "sh"),
        ("build/release/bench/nonsense", "sh"),
        ("curl -sf http://127.0.0.1:8080/nonsense", "sh"),
        ("print(nonsense)", "python"),
        ("= nonsense", "toml"),
    ],
)
def test_a_command_that_does_not_work_fails(text, language, reader):
    command = Command("p:1", language, text)
    with pytest.raises((AssertionError, tomllib.TOMLDecodeError)):
        way(command)(command, reader)
