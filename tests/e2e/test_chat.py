"""`sluice chat` as people use it: on a terminal and in a pipe, with its own engine and with a server."""

import json
import os
import re
import signal
import stat
import subprocess
import termios
import time

import pytest

from server import MAKE_GGUF, SLUICE, ScriptedServer, clean_environment, say
from terminal import Terminal

PASTE = b"\x1b[200~%b\x1b[201~"
UP = b"\x1b[A"


@pytest.fixture(scope="module")
def scripted():
    with ScriptedServer() as running:
        yield running


@pytest.fixture
def talk(tmp_path):
    """Starts a chat on a terminal, with a state folder of its own, and waits for its prompt."""
    started = []

    def start(*arguments, **environment):
        state = {"XDG_STATE_HOME": str(tmp_path / "state"), "NO_COLOR": "", **environment}
        chat = Terminal("chat", *arguments, **state)
        started.append(chat)
        chat.until(b"Ctrl-D leaves.\r\n")
        chat.until(b"> ")
        return chat

    yield start
    for chat in started:
        chat.__exit__()


def piped(text, *arguments, **environment):
    return subprocess.run(
        [SLUICE, "chat", *map(str, arguments)],
        input=text.encode(),
        capture_output=True,
        timeout=60,
        env={**clean_environment(), **environment},
    )


def enter(chat, text):
    """Types a line; what is shown between it and the next prompt."""
    chat.type(text.encode() + b"\n")
    chat.until(b"\x1b[?2004l")
    return chat.until(b"\x1b[?2004h> ").decode().removesuffix("\x1b[?2004h> ")


def saved(chat, path):
    """The conversation, by /save."""
    assert enter(chat, f"/save {path}").strip() == "saved"
    return [(m["role"], m["content"]) for m in json.loads(path.read_text())["messages"]]


@pytest.mark.parametrize("by_url", [False, True], ids=["engine", "url"])
def test_a_conversation_in_a_pipe(server, by_url):
    questions = ["Where does the river go?", "And\\", "then?", "Why?"]
    settings = ["--max-tokens", 12, "--temperature", 0, "--system", "Be brief."]
    chat = piped("\n".join(questions), *settings, *(["--url", server.url] if by_url else []))
    assert (chat.returncode, chat.stderr) == (0, b"")
    messages, answers = [{"role": "system", "content": "Be brief."}], []
    for question in ("Where does the river go?", "And\nthen?", "Why?"):
        messages.append({"role": "user", "content": question})
        body = {"model": "default", "messages": messages, "max_tokens": 12, "temperature": 0}
        reply = server.post("/v1/chat/completions", body).json["choices"][0]["message"]
        messages.append({"role": "assistant", "content": reply["content"]})
        answers.append(reply["content"] + "\n")
    assert chat.stdout.decode() == "".join(answers)


def test_commands_and_errors_in_a_pipe(scripted):
    chat = piped("hi\n/set seed x\n/sing\n/undo\n/stats\nho\n", "--url", scripted.url)
    assert chat.stdout == b"You said: hi\nYou said: ho\n"
    errors = chat.stderr.decode().splitlines()
    assert errors[0].startswith("sluice: `seed` must be an integer")
    assert errors[1].startswith("sluice: there is no command /sing")
    assert errors[2] == "taken back; 0 questions remain"
    assert errors[3].startswith("  prompt ") and errors[4].startswith("  answer ")
    assert chat.returncode == 1, "a script learns that something was wrong"
    assert piped("/help\n/set\n/exit\nhi\n", "--url", scripted.url).returncode == 0


def test_answers_are_shown_while_they_come(talk, scripted):
    chat = talk("--url", scripted.url)
    chat.type(say("first" + "." * 60 + "last", delay_ms=20)["content"].encode() + b"\n")
    chat.until(b"first")
    assert b"last" not in chat.seen, "the answer came at once"
    chat.until(b"last\r\n")
    chat.until(b"> ")
    figures = enter(chat, "/stats")
    tokens, first, pace = re.search(
        r"answer  (\d+) tokens in \S+ s, the first after (\S+) s, then (\S+) tokens/s", figures
    ).groups()
    assert int(tokens) >= 69 and 0 < float(first) < 1 and 10 < float(pace) <= 51
    assert re.search(r"prompt  \d+ tokens, \d+ of them from the cache", figures)


def test_control_c_stops_the_answer_of_a_server(talk, scripted, tmp_path):
    chat = talk("--url", scripted.url)
    chat.type(say("w" * 1000, delay_ms=5)["content"].encode() + b"\n")
    chat.until(b"\x1b[?2004l")
    chat.until(b"wwwww")
    chat.type(b"\x03")
    chat.until(b"stopped\r\n", 10)
    scripted.wait_for_metric("vllm:num_requests_running", lambda n: n == 0)
    chat.until(b"> ")
    (_, question), (role, answer) = saved(chat, tmp_path / "a.json")
    assert role == "assistant" and 5 <= len(answer) < 1000 and set(answer) == {"w"}
    assert enter(chat, "still there?") == "You said: still there?\r\n"


def test_control_c_stops_the_answer_of_the_engine(talk, tmp_path):
    # Its answers have no end that any machine reaches before the key: thousands of slow, likeliest tokens.
    model = tmp_path / "talkative.gguf"
    shape = "--hidden 256 --vocab 50000 --tied --type Q8_0 --context 65536".split()
    subprocess.run([MAKE_GGUF, "--out", model, *shape], check=True, capture_output=True, timeout=60)
    chat = talk("--model", model, "--max-tokens", 60000, "--temperature", 0)
    for _ in range(2):
        chat.type(b"Where does the river go?\n")
        chat.until(b"\x1b[?2004l")
        time.sleep(0.1)
        chat.type(b"\x03")
        chat.until(b"stopped", 10)
        chat.until(b"> ")
    chat.type(b"\x04")
    assert chat.process.wait(10) == 0


def test_keys_at_the_prompt(talk, scripted, tmp_path):
    chat = talk("--url", scripted.url)
    chat.type(b"never asked")
    chat.until(b"never asked")
    chat.type(b"\x03")
    assert b"leaves" not in chat.until(b"^C\r\n") + chat.until(b"> ")
    for said in (b"", b"Ctrl-D or /exit leaves\r\n"):
        chat.type(b"\x03")
        chat.until(b"^C\r\n")
        assert chat.until(b"\x1b[?2004h> ").removesuffix(b"\x1b[?2004h> ") == said
    chat.type(b'"""\n')
    chat.until(b"h. ")
    chat.type(b"never asked\n")
    chat.until(b"h. ")
    chat.type(b"\x03")
    chat.until(b"\x1b[?2004h> ")
    assert enter(chat, "hexxo\x7f\x7f\x7fllo") == "You said: hello\r\n"
    chat.type(b"/retr\t\n")
    chat.until(b"You said: hello\r\n")
    chat.until(b"> ")
    assert [text for _, text in saved(chat, tmp_path / "a.json")] == ["hello", "You said: hello"]
    chat.type(b"\x04")
    assert chat.process.wait(10) == 0


def test_messages_of_several_lines(talk, scripted, tmp_path):
    chat = talk("--url", scripted.url)
    for lines in (['"""', "one", "/exit", '"""'], ["one\\", "/exit"], ['"""one', '/exit"""']):
        for line in lines[:-1]:
            chat.type(line.encode() + b"\n")
            chat.until(b"\x1b[?2004h. ")
        assert enter(chat, lines[-1]) == "You said: one\r\n/exit\r\n"
    chat.type(PASTE % b"one\n\ttwo\x1b[31m\rthree\n")
    assert enter(chat, "four") == "You said: one\r\n\ttwo[31m\r\nthree\r\nfour\r\n"
    chat.type(PASTE % b"/system one\ntwo\n")
    chat.type(b"\n")
    chat.until(b"\x1b[?2004l")
    chat.until(b"> ")
    messages = saved(chat, tmp_path / "a.json")
    assert messages[0] == ("system", "one\ntwo")
    assert [text for role, text in messages if role == "user"] == ["one\n/exit"] * 3 + [
        "one\n\ttwo[31m\nthree\nfour"
    ]


def test_settings_say_what_the_server_says(talk, server):
    chat = talk("--temperature", 0, "--max-tokens", 3)
    assert re.search(r"temperature +0(\.0)? .*\n(.*\n)*.*max_tokens +3 ", enter(chat, "/set"))
    for name, value in (("temperature", 3), ("top_p", 0), ("top_k", 1.5), ("max_tokens", 0), ("seed", "x")):
        body = {"model": "default", "messages": [{"role": "user", "content": "hi"}], name: value}
        refused = server.post("/v1/chat/completions", body)
        assert enter(chat, f"/set {name} {value}") == refused.error["message"] + "\r\n"
    assert "no setting `colour`" in enter(chat, "/set colour blue")
    assert re.match(r"  top_k +40 ", enter(chat, "/set top-k 40"))
    assert re.match(r"  top_k +default ", enter(chat, "/set top_k default"))
    enter(chat, "/set max_tokens 1")
    enter(chat, "hi")
    assert "answer  1 tokens" in enter(chat, "/stats")


def test_a_wrong_setting_ends_the_start():
    for flag, value, words in (("--top-p", 0, b"`top_p` must be"), ("--temperature", 9, b"--temperature")):
        ended = piped("", flag, value)
        assert ended.returncode == 2 and words in ended.stderr and b"loading" not in ended.stderr


def test_the_system_message(talk, scripted, tmp_path):
    chat = talk("--url", scripted.url, "--system", "Be brief.")
    assert enter(chat, "/system") == "Be brief.\r\n"
    enter(chat, "/system Be kind.")
    enter(chat, "hi")
    assert saved(chat, tmp_path / "a.json")[:2] == [("system", "Be kind."), ("user", "hi")]
    enter(chat, "/clear")
    assert saved(chat, tmp_path / "a.json") == [("system", "Be kind.")]
    enter(chat, "/system none")
    assert enter(chat, "/system") == "there is no system message\r\n"


def test_conversations_are_saved_and_loaded(talk, scripted, tmp_path):
    chat, path = talk("--url", scripted.url), tmp_path / "a.json"
    assert "needs the name" in enter(chat, "/save")
    for question in ("one", "two"):
        enter(chat, question)
    before = saved(chat, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [role for role, _ in before] == ["user", "assistant"] * 2
    enter(chat, "/undo")
    assert len(saved(chat, path)) == 2, "its own file is written again"
    (tmp_path / "other").write_text("mine")
    assert "is there already" in enter(chat, f"/save {tmp_path}/other")
    assert (tmp_path / "other").read_text() == "mine"

    wrong = tmp_path / "wrong.json"
    for text, words in (("{", "not valid JSON"), ('[{"role":"x"}]', "`messages[0].role`"), ("[]", "a list")):
        wrong.write_text(text)
        assert words in enter(chat, f"/load {wrong}")
    assert "cannot be read" in enter(chat, f"/load {tmp_path}/nowhere.json")
    wrong.write_text(json.dumps([{"role": "user", "content": "open"}]))
    assert "a question that /retry asks" in enter(chat, f"/load {wrong}")
    assert enter(chat, "/retry") == "You said: open\r\n"

    again = talk("--url", scripted.url)
    assert enter(again, f"/load {path}") == "2 messages\r\n"
    enter(again, "two")
    assert saved(again, path) == before


def test_the_history_is_kept_and_private(talk, scripted, tmp_path):
    chat = talk("--url", scripted.url)
    enter(chat, "remember me")
    chat.type(b"\x04")
    assert chat.process.wait(10) == 0
    path = tmp_path / "state/sluice/chat_history"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    chat = talk("--url", scripted.url)
    chat.type(UP)
    chat.until(b"remember me")
    chat.type(b"\x03")
    chat.until(b"> ")
    enter(chat, "/nonsense with words")
    chat.type(UP)
    chat.until(b"/nonsense with words")  # a wrong command is not lost
    assert sorted(os.listdir(path.parent)) == ["chat_history"]


def test_no_place_for_a_history_is_no_trouble(talk, scripted, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    chat = talk("--url", scripted.url, XDG_STATE_HOME=str(tmp_path / "file"))
    assert enter(chat, "hi") == "You said: hi\r\n"
    chat.type(UP)
    chat.until(b"hi")


def test_thoughts_and_escapes(talk, scripted):
    answer = say("<think>\nhm\n</think>\n\nHi \x1b[31mred\x07")["content"]
    chat = talk("--url", scripted.url)
    assert enter(chat, answer) == "\x1b[2mhm\x1b[0m\r\n\r\nHi \u241b[31mred\u2407\r\n"
    chat = talk("--url", scripted.url, NO_COLOR="1")
    assert enter(chat, answer) == "<think>\r\nhm\r\n</think>\r\n\r\nHi \u241b[31mred\u2407\r\n"
    assert piped(answer, "--url", scripted.url).stdout == b"Hi \x1b[31mred\x07\n"


def is_raw(chat):
    return not termios.tcgetattr(chat.master)[3] & termios.ICANON


def wait_for(condition, seconds=10):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_signals_leave_the_terminal_well(talk, scripted):
    chat = talk("--url", scripted.url)
    wait_for(lambda: is_raw(chat))
    mode = termios.tcgetattr(chat.master)
    mode[3] |= termios.ICANON | termios.ECHO  # what a shell does while the chat is stopped
    termios.tcsetattr(chat.master, termios.TCSANOW, mode)
    chat.process.send_signal(signal.SIGCONT)
    wait_for(lambda: is_raw(chat))
    assert enter(chat, "hi") == "You said: hi\r\n"
    chat.process.send_signal(signal.SIGTERM)
    assert chat.process.wait(10) == 0
    assert not is_raw(chat)


def test_a_dumb_terminal_sees_no_escapes(scripted, tmp_path):
    with Terminal("chat", "--url", scripted.url, TERM="dumb", XDG_STATE_HOME=str(tmp_path)) as chat:
        shown = chat.until(b"> ")
        chat.type(say("<think>\nhm\n</think>\n\nHi")["content"].encode() + b"\n")
        shown += chat.until(b"Hi\r\n") + chat.until(b"> ")
        assert b"\x1b" not in shown
