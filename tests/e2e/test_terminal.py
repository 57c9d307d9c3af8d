"""The commands as people see them: what goes to which stream, on a terminal and in a pipe."""

import subprocess

from server import SLUICE, Server, clean_environment, sluice
from terminal import Terminal

QUESTION = "Where does the river go?"
ANSWER = ["--max-tokens", "12", "--temperature", "0"]


def said(server, messages):
    body = {"model": "default", "messages": messages, "max_tokens": 12, "temperature": 0}
    return server.post("/v1/chat/completions", body).json["choices"][0]["message"]["content"]


def conversation(server, *questions):
    messages = []
    for question in questions:
        messages.append({"role": "user", "content": question})
        messages.append({"role": "assistant", "content": said(server, messages)})
    return [m["content"] for m in messages[1::2]]


def test_run_prints_only_the_answer(server):
    ended = sluice("run", *ANSWER, QUESTION)
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert ended.stdout.decode() == conversation(server, QUESTION)[0] + "\n"


def test_run_reads_the_prompt_from_standard_input():
    piped = subprocess.run(
        [SLUICE, "run", *ANSWER, "-"], input=QUESTION.encode(), capture_output=True, env=clean_environment()
    )
    assert piped.stdout == sluice("run", *ANSWER, QUESTION).stdout


def test_a_bar_on_a_terminal_and_lines_in_a_pipe():
    with Terminal("serve", "--port", "0") as serve:
        shown = serve.until(b" at http://127.0.0.1:")
        assert b"\rloading" in shown and b"100 %" in shown and b"MiB/s" in shown
        serve.type(b"\x03")
        assert serve.process.wait(10) == 0
    with Server() as server:
        assert "\r" not in server.output() and "loading 100 %" in server.output()
    with Terminal("run", *ANSWER, QUESTION) as run:
        assert b"\rloading" in run.until(b"100 %")


def test_the_start_line_says_what_is_served(server):
    line = next(one for one in server.output().splitlines() if one.startswith("sluice serves"))
    model = server.get("/v1/models").json["data"][0]
    for word in (
        server.model,
        model["meta"]["architecture"],
        "experts",
        f"context {model['max_model_len']}",
        "KV blocks",
        "cpu/",
        "threads",
        server.url,
    ):
        assert word in line
