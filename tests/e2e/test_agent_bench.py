"""tools/agent_bench: an agent that does all right passes every task; one that errs fails where it errs."""

import contextlib
import functools
import http.server
import importlib.machinery
import importlib.util
import json
import os
import subprocess
import sys
import threading

import openai
import pytest

from server import ROOT, SLUICE, ScriptedServer, clean_environment
from test_streams import written_call

sys.path.insert(0, str(ROOT / "tools"))
from agent import calculator, runner, sandbox, score, served  # noqa: E402
from agent.tasks import TASKS  # noqa: E402

PROGRAM = ROOT / "tools/agent_bench"
ALL = {task.name for task in TASKS}


def good(task):
    """What the agent says, answer by answer: a call, or a text that ends a turn."""
    return [step for turn in task.turns for step in (*turn.calls, turn.answer)]


def changed(change):
    """The good agent, each of whose steps is what change() makes of it; None: left out."""
    return lambda task: [made for step in good(task) if (made := change(step)) is not None]


def with_arguments(change):
    """An agent whose calls have other arguments."""
    return changed(lambda step: step if isinstance(step, str) else (step[0], change(dict(step[1]))))


def wrong_value(arguments):
    return {k: v + " + 1" if k in ("value", "content", "expression") else v for k, v in arguments.items()}


def wrong_place(arguments):
    stored = len(arguments) == 2
    return {k: "x" + v if stored and k in ("key", "path") else v for k, v in arguments.items()}


def wrong_tool(step):
    if step[0] == "kv_set":
        return "write_file", {"path": step[1]["key"], "content": step[1]["value"]}
    if step[0] == "write_file":
        return "kv_set", {"key": step[1]["path"], "value": step[1]["content"]}
    return ("kv_get", {"key": step[1]["expression"]}) if step[0] == "calculator" else step


def no_call(step):
    return step if isinstance(step, str) else None


def no_storing(step):
    return None if step[0] in ("kv_set", "write_file") else step


def escape(arguments):
    return {k: "../" + v if k == "path" else v for k, v in arguments.items()}


def wrong_end(task):
    return good(task)[:-1] + ["That is 4711, as I have said."]


def silent_end(task):
    return good(task)[:-1] + [""]


def meddler(task):
    return [("kv_set", {"key": "mine", "value": "1"}), *good(task)]


def endless(task):
    return good(task)[:1] * 60


def talker(task):
    return ["Let me think about that. " * 200]


def shouter(task):
    return [[good(task)[0]] * 9]


FAULTY = {
    "wrong value": (with_arguments(wrong_value), ("holds", "the calculator never gave")),
    "wrong place": (with_arguments(wrong_place), ("is not there", "holds")),
    "wrong tool": (changed(wrong_tool), ("should not be there", "the calculator never gave")),
    "no call": (changed(no_call), ("is not there", "holds", "the calculator never gave")),
    "no storing": (changed(no_storing), ("is not there", "holds")),
    "path escape": (with_arguments(escape), ("leaves the folder",)),
    "wrong end": (wrong_end, ("the last answer says none of",)),
    "silent end": (silent_end, ("the last answer says none of",)),
    "meddler": (meddler, ("key 'mine' should not be there",)),
    "endless": (endless, ("calls without end",)),
    "talker": (talker, ("longer than 400 tokens",)),
    "shouter": (shouter, ("9 calls in one answer",)),
}


def written(template, step):
    if isinstance(step, str):
        return step
    calls = step if isinstance(step, list) else [step]
    return "\n".join(written_call(template, *call) for call in calls)


def rules(agent, template):
    """A script for the scripted server: the answers of the agent to each task, told by its first question."""
    return [
        {"anywhere": [task.turns[0].ask], "turn": i, "text": written(template, step), "cut": 12}
        for task in TASKS
        for i, step in enumerate(agent(task))
    ]


@contextlib.contextmanager
def acting(agent, folder, template="hermes", *flags):
    script = folder / "script.json"
    script.write_text(json.dumps(rules(agent, template)))
    with ScriptedServer("--template", template, "--script", script, *flags) as running:
        yield running


def results(server):
    """name -> result of every task."""
    limits = runner.Limits(request_seconds=30, run_seconds=200, max_tokens=400)
    with openai.OpenAI(base_url=server.url + "/v1", api_key="none", max_retries=0) as client:
        run = runner.Run(client, "default", limits)
        return {task.name: run.task(task) for task in TASKS}


def failed(found):
    return {name for name, result in found.items() if not result["passed"]}


@pytest.mark.parametrize("template", ["hermes", "coder"])
def test_the_good_agent_passes_all(template, tmp_path):
    with acting(good, tmp_path, template) as server:
        found = results(server)
    assert not failed(found), [found[name]["why"] for name in failed(found)]
    for task in TASKS:
        assert found[task.name]["calls"] == sum(len(turn.calls) for turn in task.turns)
        assert found[task.name]["turns"] == len(task.turns) >= 2


@pytest.mark.parametrize("fault", FAULTY)
def test_a_faulty_agent_fails_where_it_errs(fault, tmp_path):
    agent, why = FAULTY[fault]
    errs = {task.name for task in TASKS if agent(task) != good(task)}
    assert len(errs) >= 8
    with acting(agent, tmp_path) as server:
        found = results(server)
    assert failed(found) == errs
    for name in errs:
        assert any(part in reason for reason in found[name]["why"] for part in why), found[name]["why"]


def test_only_the_end_counts(tmp_path):
    """An agent that errs, reads that it did, and then does what was asked passes."""

    def clumsy(task):
        return [("kv_get", {"name": "x"}), ("calculator", {"expression": "1 +"}), *good(task)]

    with acting(clumsy, tmp_path) as server:
        assert failed(results(server)) == set()


def test_the_tasks_are_what_they_say():
    assert len(TASKS) == len(ALL) == 20
    assert sum(task.hard for task in TASKS) == 3
    asked = [task.turns[0].ask for task in TASKS]
    assert len(set(asked)) == 20
    for task in TASKS:
        before = (task.kv, task.files)
        kv, files, calculated = score.right_end(task)
        assert calculated or (kv, files) != before, f"{task.name} is passed by doing nothing"
        assert any(score.says(task.turns[-1].answer, each) for each in task.says), task.name


@pytest.mark.parametrize(
    "expression, value",
    [
        ("347 + 285", "632"),
        ("2 + 3 * 4 - 5", "9"),
        ("(2 + 3) * -(4 - 6)", "10"),
        ("-3*-2", "6"),
        ("7/2", "3.5"),
        ("1/3", "0.333333333333"),
        ("0.1+0.2", "0.3"),
        ("75 / 3", "25"),
        ("8/4/2", "1"),
        ("99999999999 * 99999999999", "9999999999800000000001"),
    ],
)
def test_the_calculator(expression, value):
    assert calculator.calculate(expression) == value


@pytest.mark.parametrize(
    "expression",
    ["", " ", "1 +", "1 2", "()", "(1", "1)", "1/0", "1/(2-2)", "2**3", "2^3", "abs(1)", "x", "1,000"]
    + ["__import__('os')", "9" * 201, "(" * 150, "1 (2)", "* 2", "1 + * 2", "\u0661"],
)
def test_what_the_calculator_refuses(expression):
    with pytest.raises(ValueError):
        calculator.calculate(expression)


def test_the_calculator_is_not_deep():
    assert calculator.calculate("(" * 90 + "1" + ")" * 90) == "1"
    assert calculator.calculate("-" * 198 + "1") == "1"


@pytest.fixture
def box(tmp_path):
    folder = tmp_path / "box"
    folder.mkdir()
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "link").symlink_to(tmp_path)
    return sandbox.Sandbox(folder, {"a": "1"}, {"in.txt": "inside"})


OUTSIDE = ["../secret.txt", "/etc/hostname", "a/../../secret.txt", "link/secret.txt", "..", ".", "", "link"]


@pytest.mark.parametrize("path", OUTSIDE)
def test_paths_that_leave_the_folder(box, tmp_path, path):
    for tool, more in (("read_file", {}), ("write_file", {"content": "x"})):
        assert box.call(tool, json.dumps({"path": path, **more})) == "error: the path leaves the folder"
    assert (tmp_path / "secret.txt").read_text() == "secret"
    assert sorted(os.listdir(tmp_path)) == ["box", "secret.txt"]
    assert box.escapes == [path, path]


@pytest.mark.parametrize(
    "name, arguments, word",
    [
        ("kv_get", "{", "not JSON"),
        ("kv_get", "[" * 100_000, "not JSON"),
        ("kv_get", "[]", "the arguments are key"),
        ("kv_get", "{}", "the arguments are key"),
        ("kv_get", '{"key": "a", "more": "b"}', "the arguments are key"),
        ("kv_get", '{"key": 1}', "key is not a string"),
        ("kv_get", '{"key": "\\ud800"}', "half a character"),
        ("kv_get", '{"key": "b"}', "no such key"),
        ("kv_set", json.dumps({"key": "a", "value": "x" * 20_000}), "at most|more than"),
        ("read_file", '{"path": "out.txt"}', "no such file"),
        ("read_file", '{"path": "\\u0000"}', "error"),
        ("write_file", json.dumps({"path": "x" * 300, "content": ""}), "too long"),
        ("write_file", '{"path": "in.txt/x", "content": ""}', "error"),
        ("checked", "{}", "no tool"),
        ("rm", "{}", "no tool"),
    ],
)
def test_calls_that_are_wrong(box, name, arguments, word):
    told = box.call(name, arguments)
    assert told.startswith("error: ") and any(part in told for part in word.split("|")), told
    assert (box.kv, box.files()["in.txt"]) == ({"a": "1"}, "inside")


def test_the_sandbox_is_bounded(box):
    told = [box.call("kv_set", json.dumps({"key": f"k{i}", "value": ""})) for i in range(70)]
    assert told[:63] == ["ok"] * 63 and "64 keys already" in told[-1]
    told = [box.call("write_file", json.dumps({"path": f"d/f{i}", "content": ""})) for i in range(70)]
    assert told[:63] == ["ok"] * 63 and "64 files already" in told[-1]


@pytest.mark.parametrize(
    "answer, wanted, found",
    [
        ("632 - 114 = 518", "518", True),
        ("It is **1,284**.", "1284", True),
        ("518.", "518", True),
        ("518.0", "518", False),
        ("-518", "518", False),
        ("5180", "518", False),
        ("1518", "518", False),
        ("0.518", "518", False),
        ("kobade.txt says: Apple\nfox  stone", "apple fox stone", True),
        ("the file `sorela.txt`", "sorela.txt", True),
        ("pineapple fox stone", "apple fox stone", False),
        ("", "518", False),
    ],
)
def test_what_an_answer_says(answer, wanted, found):
    assert score.says(answer, wanted) is found


def test_time_grows_with_the_model():
    assert served.request_seconds(8 << 20) == 30
    assert served.request_seconds(18 << 30) > 1000
    assert 30 < served.request_seconds(None) < 1000
    assert served.run_seconds(8 << 20) == 600


@functools.cache
def program():
    """The program as a module: what it says of its arguments needs no process."""
    loader = importlib.machinery.SourceFileLoader("agent_bench", str(PROGRAM))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("agent_bench", loader))
    loader.exec_module(module)
    return module


def bench(*arguments, **environment):
    return subprocess.run(
        [sys.executable, PROGRAM, "--sluice", SLUICE, *map(str, arguments)],
        env={**clean_environment(), **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_the_program_against_a_url(tmp_path):
    out = tmp_path / "report.json"
    with acting(good, tmp_path) as server:
        ended = bench("--url", server.url, "--gate", "1", "--out", out)
    assert ended.returncode == 0, ended.stderr
    report = json.loads(out.read_text())
    assert (report["passed"], report["of"], report["met"]) == (20, 20, True)
    assert {each["task"] for each in report["tasks"]} == ALL
    assert all(each["completion_tokens"] > 0 and each["seconds"] > 0 for each in report["tasks"])
    assert ended.stdout.count("| yes |") == 20 and "20 of 20 passed" in ended.stdout


def test_a_gate_that_is_not_met(tmp_path):
    with acting(wrong_end, tmp_path) as server:
        chosen = ("--task", "two_keys", "--task", "two_sums")
        ended = bench("--url", server.url, *chosen, "--out", tmp_path / "r.json")
    assert ended.returncode == 1 and "0 of 2 passed" in ended.stdout and "not met" in ended.stdout
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["tasks"][0]["messages"][-1]["content"].startswith("That is 4711")


def test_it_starts_a_server_of_its_own():
    ended = bench("--task", "two_sums", "--max-tokens", "40")
    assert ended.returncode in (0, 1), ended.stderr
    assert "| two_sums |" in ended.stdout


@pytest.mark.parametrize(
    "arguments, environment",
    [
        (["--gate", "1.5"], {}),
        (["--task", "nothing"], {}),
        (["--url", "http://127.0.0.1:1", "--model", "x"], {}),
        (["--request-timeout", "0"], {}),
        (["--run-timeout", "nan"], {}),
        ([], {"AGENT_BENCH_RUN_TIMEOUT": "soon"}),
        (["--out", "/nowhere/report.json"], {}),
    ],
)
def test_wrong_arguments(arguments, environment, monkeypatch, capsys):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        program().main(arguments)
    assert ended.value.code == 2 and "error: argument " in capsys.readouterr().err


def test_no_server():
    ended = bench("--url", "http://127.0.0.1:1")
    assert ended.returncode == 3 and ended.stderr.startswith("agent_bench: http://127.0.0.1:1: "), ended
    ended = bench("--model", "/nowhere/model.gguf")
    assert ended.returncode == 3 and "ended with 3" in ended.stderr, ended
    assert "/nowhere/model.gguf" in ended.stderr
    ended = bench("--sluice", "/nowhere/sluice")
    assert ended.returncode == 3 and "make build" in ended.stderr, ended


class Leaves(http.server.BaseHTTPRequestHandler):
    """Names a model, and hangs up when it is asked."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(b'{"object": "list", "data": [{"id": "m", "object": "model"}]}')

    def do_POST(self):
        self.close_connection = True

    def log_message(self, *_):
        pass


def test_a_server_that_goes_away():
    with http.server.HTTPServer(("127.0.0.1", 0), Leaves) as gone:
        thread = threading.Thread(target=gone.serve_forever)
        thread.start()
        ended = bench("--url", f"http://127.0.0.1:{gone.server_port}")
        gone.shutdown()
        thread.join()
    assert ended.returncode == 3 and "the server went away" in ended.stderr, ended


def test_time_outs(tmp_path):
    flags = ("--task", "two_sums", "--task", "two_keys", "--task", "set_then_get")
    with acting(good, tmp_path, "hermes", "--delay-ms", 300) as server:
        limits = {"AGENT_BENCH_REQUEST_TIMEOUT": "0.5", "AGENT_BENCH_RUN_TIMEOUT": "0.9"}
        ended = bench("--url", server.url, *flags, **limits)
    assert ended.returncode == 1, ended.stderr
    assert "no answer within 0.5 s" in ended.stdout, ended.stdout
    assert "the run's 0.9 s are over" in ended.stdout, ended.stdout


def test_the_list_names_all_tasks(capsys):
    assert program().main(["--list"]) == 0
    assert ALL == {line.split()[0] for line in capsys.readouterr().out.splitlines()}
