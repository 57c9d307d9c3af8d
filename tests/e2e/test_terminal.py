"""The commands as people see them: what goes to which stream, on a terminal and in a pipe; Ctrl-C, Ctrl-D."""

import os
import pty
import select
import subprocess
import time

from server import MAKE_GGUF, SLUICE, Server, clean_environment, sluice

QUESTION = "Where does the river go?"
ANSWER = ["--max-tokens", "12", "--temperature", "0"]


class Terminal:
    """A command whose every stream is a terminal."""

    def __init__(self, *arguments):
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen(
            [SLUICE, *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=clean_environment(),
            preexec_fn=lambda: (os.setsid(), os.close(os.open(os.ttyname(0), os.O_RDWR))),
        )
        os.close(slave)
        self.seen = b""

    def type(self, keys):
        os.write(self.master, keys)

    def until(self, text, seconds=30):
        """What is shown up to and with the text; takes it."""
        end = time.monotonic() + seconds
        while text not in self.seen:
            assert time.monotonic() < end, f"no {text!r} in {self.seen!r}"
            if select.select([self.master], [], [], 0.1)[0]:
                self.seen += os.read(self.master, 65536)
        shown, _, self.seen = self.seen.partition(text)
        return shown + text

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self.master)


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


def test_chat_remembers_what_was_said(server):
    questions = [QUESTION, "And then?", "Why?"]
    piped = subprocess.run(
        [SLUICE, "chat", *ANSWER],
        input="\n".join(questions).encode(),
        capture_output=True,
        env=clean_environment(),
    )
    assert piped.returncode == 0
    expected = conversation(server, *questions)
    assert piped.stdout.decode() == "".join(answer + "\n" for answer in expected)
    assert expected[1] != conversation(server, "And then?")[0], "the history does not matter to this model"


def test_chat_on_a_terminal_ends_with_control_d(server):
    with Terminal("chat", *ANSWER) as chat:
        chat.until(b"Ctrl-D ends")
        chat.until(b"> ")
        chat.type(QUESTION.encode() + b"\n")
        shown = chat.until(b"\r\n> ").decode(errors="replace")
        answer = conversation(server, QUESTION)[0]
        assert answer.splitlines()[0] in shown
        chat.type(b"\x04")
        assert chat.process.wait(10) == 0


def test_control_c_stops_the_answer_and_not_the_chat(tmp_path):
    # Its answers have no end that any machine reaches before the key: thousands of slow, likeliest tokens.
    model = tmp_path / "talkative.gguf"
    shape = "--hidden 256 --vocab 50000 --tied --type Q8_0 --context 65536".split()
    subprocess.run([MAKE_GGUF, "--out", model, *shape], check=True, capture_output=True, timeout=60)
    with Terminal("chat", "--model", model, "--max-tokens", "60000", "--temperature", "0") as chat:
        chat.until(b"> ")
        chat.type(b"\x03")  # nothing to stop: nothing happens
        for _ in range(2):
            chat.type(QUESTION.encode() + b"\n")
            chat.until(QUESTION.encode() + b"\r\n")
            time.sleep(0.1)
            chat.type(b"\x03")
            chat.until(b"cancelled", 10)
            chat.until(b"> ")
        chat.type(b"\x04")
        assert chat.process.wait(10) == 0


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
