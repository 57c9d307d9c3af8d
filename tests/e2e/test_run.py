"""`sluice run` in pipes: JSON, schemas, prompts from standard input, who reads going away, Ctrl-C."""

import json
import os
import pty
import re
import signal
import subprocess

import jsonschema
import pytest

from server import MAKE_GGUF, ROOT, SLUICE, clean_environment, sluice
from terminal import Terminal

QUESTION = "Where does the river go?"
RIVER = {
    "type": "object",
    "properties": {"name": {"enum": ["Rhine", "Nile"]}, "big": {"type": "boolean"}},
    "required": ["name", "big"],
    "additionalProperties": False,
}
LONG = {"type": "string", "minLength": 3000}  # an answer that nobody waits for in vain


@pytest.fixture
def schema(tmp_path):
    def write(content):
        path = tmp_path / "schema.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return write


@pytest.fixture(scope="module")
def slow_gguf(tmp_path_factory):
    """A model whose answers have no end that any machine reaches before a key is pressed."""
    path = tmp_path_factory.mktemp("models") / "slow.gguf"
    shape = "--hidden 256 --vocab 50000 --tied --type Q8_0 --context 65536".split()
    subprocess.run([MAKE_GGUF, "--out", path, *shape], check=True, capture_output=True, timeout=60)
    return path


def piped(text, *arguments):
    return subprocess.run(
        [SLUICE, "run", *map(str, arguments)],
        input=text,
        capture_output=True,
        timeout=60,
        env=clean_environment(),
    )


def complaint(ended, status):
    """The one line of a failure that printed nothing."""
    assert (ended.returncode, ended.stdout) == (status, b""), ended
    lines = ended.stderr.decode().splitlines()
    assert len(lines) == 1 and lines[0].startswith("sluice: "), ended
    return lines[0]


def test_json_says_what_the_server_says(server):
    body = {"messages": [{"role": "user", "content": QUESTION}], "max_tokens": 3, "temperature": 0}
    said = server.post("/v1/chat/completions", {"model": "default", **body}).json
    ended = sluice("run", "--json", "--max-tokens", 3, QUESTION)
    assert (ended.returncode, ended.stderr, ended.stdout.count(b"\n")) == (0, b"", 1)
    made = json.loads(ended.stdout)
    assert set(made) == {"model", "text", "finish_reason", "usage", "timings"}
    assert made["text"] == said["choices"][0]["message"]["content"]
    assert made["finish_reason"] == said["choices"][0]["finish_reason"] == "length"
    assert made["usage"].items() <= said["usage"].items() and made["usage"]["completion_tokens"] == 3
    assert made["model"] == server.model
    times = {"load_ms", "time_to_first_token_ms", "generation_ms", "tokens_per_second"}
    assert set(made["timings"]) == times and all(made["timings"][t] > 0 for t in times)


def test_one_token_has_no_speed():
    made = json.loads(sluice("run", "--json", "--max-tokens", 1, QUESTION).stdout)
    assert made["usage"]["completion_tokens"] == 1 and made["timings"]["tokens_per_second"] is None


@pytest.mark.parametrize("seed", range(5))
def test_an_answer_fits_its_schema(schema, seed):
    random = ["--temperature", "1.5", "--seed", seed]
    ended = sluice("run", "--schema", schema(RIVER), *random, QUESTION)
    assert (ended.returncode, ended.stderr) == (0, b"")
    jsonschema.validate(json.loads(ended.stdout), RIVER)
    made = json.loads(sluice("run", "--json", "--schema", schema(RIVER), *random, QUESTION).stdout)
    assert made["text"] + "\n" == ended.stdout.decode() and made["finish_reason"] == "stop"


def test_a_schema_can_come_from_a_pipe():
    command = '"$0" run --schema <(echo \'{"enum": [7]}\') hi'
    ended = subprocess.run(["bash", "-c", command, SLUICE], capture_output=True, env=clean_environment())
    assert (ended.returncode, ended.stdout) == (0, b"7\n"), ended


def test_an_answer_that_is_cut_before_it_fits(schema):
    for arguments in ([], ["--json"]):
        ended = sluice("run", *arguments, "--max-tokens", 3, "--schema", schema(RIVER), QUESTION)
        assert ended.returncode == 1 and b"--max-tokens" in ended.stderr and b" 3 " in ended.stderr
        assert len(ended.stderr.splitlines()) == 1
    assert json.loads(ended.stdout)["finish_reason"] == "length"
    ended = sluice("run", "--max-context", 14, "--schema", schema(LONG), "hi")
    assert ended.returncode == 1 and b"raise --max-context" in ended.stderr


@pytest.mark.parametrize(
    "content, words",
    [
        ('{"type": ', ["not valid JSON", "near byte"]),
        ('{"a": 1, "a": 2}', ["not valid JSON", '"a"']),
        ({"properties": {"a": {"not": {}}}}, ["#/properties/a", "`not`"]),
        ({"type": "colour"}, ["#: `type`"]),
        ({"$ref": "#/nowhere"}, ["nowhere"]),
        ("[" * 200, ["not valid JSON"]),
        ('"' + "x" * (1 << 20) + '"', ["longer than 1 MiB"]),
        ("", ["not valid JSON"]),
    ],
)
def test_what_is_wrong_with_a_schema(schema, content, words):
    path = schema(content)
    line = complaint(sluice("run", "--model", "nowhere.gguf", "--schema", path, QUESTION), 2)
    for word in [f"--schema {path}", *words]:
        assert word in line


def test_what_run_ends_with(tmp_path, server):
    plain = tmp_path / "plain.gguf"
    subprocess.run([MAKE_GGUF, "--out", plain], check=True, capture_output=True, timeout=60)
    large = tmp_path / "large.gguf"
    shape = "--hidden 1024 --vocab 500 --layers 4 --kv-heads 4 --context 1048576".split()
    subprocess.run([MAKE_GGUF, "--out", large, *shape], check=True, capture_output=True, timeout=60)
    plain.write_bytes(plain.read_bytes().replace(b"tokenizer.chat_template", b"tokenizer.chat_tempest_"))
    rows = [
        ([], 2, ["standard input is empty"]),
        (["-"], 2, ["standard input is empty"]),
        (["\n"], 2, ["prompt is empty"]),
        (["two", "prompts"], 2, ["prompts", "see sluice run --help"]),
        (["--colour", QUESTION], 2, ["--colour", "see sluice run --help"]),
        (["--schema", "", QUESTION], 2, ["--schema"]),
        (["--schema", tmp_path / "nowhere.json", QUESTION], 2, ["nowhere.json", "No such file"]),
        (["--schema", tmp_path, QUESTION], 2, [str(tmp_path), "directory"]),
        (["--isa", "abacus", QUESTION], 2, ["--isa"]),
        (["--model", "nowhere.gguf", QUESTION], 3, ["nowhere.gguf"]),
        (["--model", large, "--kv-memory", "900000GiB", QUESTION], 4, ["--kv-memory"]),
        (["--max-context", 10, QUESTION], 1, ["context of 10", "--max-context"]),
        (["--model", plain, QUESTION], 1, ["chat template"]),
    ]
    for arguments, status, words in rows:
        line = complaint(sluice("run", *arguments), status)
        for word in words:
            assert word in line, (arguments, line)


def test_without_a_prompt_a_pipe_is_read():
    answer = ["--max-tokens", "12"]
    expected = sluice("run", *answer, QUESTION).stdout
    assert piped(QUESTION.encode(), *answer).stdout == expected
    assert piped(QUESTION.encode(), *answer, "-").stdout == expected


def test_prompts_that_are_none():
    assert "UTF-8" in complaint(piped(b"\xff\xfe"), 2)
    assert "8 MiB" in complaint(piped(b"a" * ((8 << 20) + 1), "-"), 2)


def test_without_a_prompt_nobody_is_waited_for():
    """On a terminal there is no end of input to wait for."""
    master, slave = pty.openpty()
    environment = clean_environment()
    ended = subprocess.run([SLUICE, "run"], stdin=slave, capture_output=True, env=environment, timeout=20)
    os.close(slave)
    os.close(master)
    assert "see sluice run --help" in complaint(ended, 2)


def test_an_answer_does_not_steer_the_terminal(schema):
    path = schema({"const": "a\x7fb"})
    assert sluice("run", "--schema", path, QUESTION).stdout == b'"a\x7fb"\n'
    with Terminal("run", "--schema", path, QUESTION) as run:
        run.until('"a\u2421b"'.encode())


def in_bash(script, *arguments):
    return subprocess.run(
        ["bash", "-c", script, *map(str, arguments)],
        capture_output=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
        env=clean_environment(),
    )


@pytest.mark.parametrize("before", ["", "trap '' PIPE;"], ids=["as usual", "SIGPIPE ignored"])
@pytest.mark.parametrize("how", ["", "--json"])
def test_who_reads_may_leave(schema, before, how):
    reader = "true" if how else "head -c 5"
    script = f'{before} "$0" run --schema "$1" --max-tokens 4000 {how} hi | {reader}'
    ended = in_bash(script + '; echo " ${PIPESTATUS[0]}"', SLUICE, schema(LONG))
    assert ended.stdout.endswith(b" 141\n") and ended.stderr == b"", ended


def test_a_full_disk_is_said():
    for arguments in ("run --max-tokens 5 hi", "run --json hi", "inspect", "version", "man"):
        ended = in_bash(f'"$0" {arguments} >/dev/full', SLUICE)
        assert ended.returncode == 1, (arguments, ended)
        assert ended.stderr == b"sluice: cannot write to standard output: No space left on device\n"


def test_control_c_ends_run_as_shells_expect(slow_gguf):
    asked = [SLUICE, "run", "--model", slow_gguf, "--max-tokens", "60000", QUESTION]
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(asked, env=clean_environment(), **pipes) as run:
        assert run.stdout.read(1)  # it answers
        run.send_signal(signal.SIGINT)
        assert run.wait(10) == -signal.SIGINT and run.stderr.read() == b""
    # What a shell makes of it.
    script = '"$@" & pid=$!; sleep 1; kill -INT $pid; wait $pid; echo " $?"'
    ended = in_bash(f"set -m; {script}", "bash", *asked)
    assert ended.stdout.endswith(b" 130\n"), ended


DOCUMENT = (ROOT / "docs/command-line.md").read_text()
TYPED = re.findall(r"^    (.*\bsluice (?:run|inspect) .*)$", DOCUMENT, re.M)


def test_the_document_has_commands():
    assert len(TYPED) >= 4


@pytest.mark.parametrize("line", TYPED)
def test_what_the_document_says_to_type(line, tmp_path):
    """With the program, a model and a schema where a reader would have them; git and jq may be elsewhere."""
    subprocess.run([MAKE_GGUF, "--out", tmp_path / "model.gguf"], check=True, capture_output=True, timeout=60)
    (tmp_path / "river.json").write_text(json.dumps(RIVER))
    read_text = "import json, sys; print(json.load(sys.stdin)[sys.argv[2][1:]])"
    around = f"""cd "$1"; set -o pipefail
        sluice() {{ "$0" "$@"; }}
        git() {{ echo "-a river"; echo "+two rivers"; }}
        jq() {{ python3 -c '{read_text}' "$@"; }}"""
    ended = in_bash(f"{around}\n{line}", SLUICE, tmp_path)
    assert (ended.returncode, ended.stderr) == (0, b"") and ended.stdout.strip(), ended
