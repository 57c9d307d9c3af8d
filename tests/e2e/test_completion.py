"""What the program writes about itself: completion of bash, zsh and fish, the man page; and installing it."""

import os
import pathlib
import pty
import re
import select
import shutil
import subprocess
import time

import pytest

from server import SLUICE, clean_environment, sluice


def printed(*arguments):
    ended = sluice(*arguments)
    assert (ended.returncode, ended.stderr) == (0, b""), ended
    return ended.stdout.decode()


COMMANDS = re.findall(r"^  ([a-z]+) +[A-Z]", printed("--help").partition("Subcommands:")[2], re.M)
HELP = {command: printed(command, "--help") for command in COMMANDS}


def flags(command):
    """As its help lists them: `  -h,--help   Print ...`."""
    lines = re.findall(r"^  (-\S+)", HELP[command], re.M)
    return {flag for line in lines for flag in line.split(",")}


def choices(command):
    """Of each flag that says what it takes: `  --weights ENUM:{auto,repacked,mapped}=auto`."""
    found = re.findall(r"^  (--[a-z-]+) \S*?\{([^}]+)\}", HELP[command], re.M)
    return {flag: set(values.split(",")) for flag, values in found}


def test_the_help_is_understood_here():
    assert {"serve", "run", "chat", "inspect", "completion", "man"} <= set(COMMANDS)
    assert {"--help", "-h", "--schema", "--json", "--model"} <= flags("run")
    assert choices("serve")["--weights"] == {"auto", "repacked", "mapped"}
    assert len(flags("serve")) > 50 and len(choices("serve")) >= 6


def shells(*names):
    """The test's parameter `name`; those that are not here are skipped, and say so."""
    missing = lambda name: pytest.mark.skipif(not shutil.which(name), reason=f"{name} is not installed")
    return pytest.mark.parametrize("name", [pytest.param(name, marks=missing(name)) for name in names])


def in_shell(*command, folder=None):
    ended = subprocess.run(
        list(map(str, command)),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=30,
        stdin=subprocess.DEVNULL,
        env={**clean_environment(), "PATH": f"{pathlib.Path(SLUICE).parent}:{os.environ['PATH']}"},
    )
    assert (ended.returncode, ended.stderr) == (0, ""), ended
    return ended.stdout.splitlines()


def bash(*words, folder=None):
    script = """source <(sluice completion bash)
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        _sluice
        [ ${#COMPREPLY[@]} = 0 ] || printf '%s\\n' "${COMPREPLY[@]}" """
    return in_shell("bash", "-c", script, "bash", "sluice", *words, folder=folder)


def fish(*words, folder=None):
    script = "sluice completion fish | source; complete -C (string join ' ' -- $argv)"
    lines = in_shell("fish", "--no-config", "-c", script, "sluice", *words, folder=folder)
    return [line.partition("\t")[0] for line in lines]


def zsh(*words, folder=None):
    """What zsh's own functions are told, as words."""
    script = """compdef() { }
        _describe() { print -rl -- ${commands%%:*} }
        _arguments() { print -rl -- "$@" }
        source <(sluice completion zsh)
        words=("$@") CURRENT=$#
        _sluice"""
    specs = in_shell("zsh", "-f", "-c", script, "zsh", "sluice", *words, folder=folder)
    return [re.match(r"\*?(-?[^=\[]+)", spec)[1] for spec in specs if not spec.startswith(":")]


COMPLETE = {"bash": bash, "zsh": zsh, "fish": fish}


@shells(*COMPLETE)
def test_the_script_has_no_mistake(name):
    script = 'sluice completion "$0" | "$0" -n' if name != "fish" else "sluice completion fish | fish -n"
    in_shell("bash", "-o", "pipefail", "-c", script, name)


@shells(*COMPLETE)
def test_commands_and_every_flag_of_the_help(name):
    complete = COMPLETE[name]
    assert set(complete("")) - {"-h", "--help"} == set(COMMANDS)
    for command in COMMANDS:
        assert set(complete(command, "-")) == flags(command), command


@shells("bash", "fish")
def test_values(name):
    complete = COMPLETE[name]
    for command in COMMANDS:
        for flag, values in choices(command).items():
            assert set(complete(command, flag, "")) == values, (command, flag)
    assert complete("serve", "--weights", "ma") == ["mapped"]
    assert set(complete("completion", "")) >= {"bash", "zsh", "fish"}
    assert complete("serve", "--port", "") == [], "any number will do"


@shells("bash", "fish")
def test_files(name, tmp_path):
    (tmp_path / "my-model.gguf").touch()
    (tmp_path / "folder").mkdir()
    for words in (["run", "--schema"], ["serve", "--model"], ["chat", "--config"], ["inspect"]):
        found = COMPLETE[name](*words, "my", folder=tmp_path)
        assert found == ["my-model.gguf"], words
    assert "serve" not in COMPLETE[name]("inspect", "", folder=tmp_path)


def test_bash_takes_the_sign_of_equality():
    assert bash("serve", "--weights", "=", "re") == ["repacked"]
    assert set(bash("serve", "--kv-type", "=")) == choices("serve")["--kv-type"]


SETUP = {
    "bash": "bind 'set enable-bracketed-paste off'; source <(sluice completion bash)",
    "zsh": "autoload -U compinit; compinit -u -D; source <(sluice completion zsh)",
}
START = {"bash": ["bash", "--noprofile", "--norc", "-i"], "zsh": ["zsh", "-f", "-i"]}


@shells(*SETUP)
def test_typed_in_a_terminal(name):
    """The real thing: letters, the key Tab, and what the shell makes of them, which it then runs."""
    process, master = pty.fork()
    if process == 0:
        path = f"{pathlib.Path(SLUICE).parent}:{os.environ['PATH']}"
        os.execvpe(name, START[name], {**clean_environment(), "PATH": path, "TERM": "dumb"})
    seen = b""

    def until(word):
        nonlocal seen
        end = time.monotonic() + 20
        while word not in seen:
            assert time.monotonic() < end, f"no {word!r} in {seen!r}"
            if select.select([master], [], [], 0.1)[0]:
                seen += os.read(master, 65536)
        seen = seen.partition(word)[2]

    try:
        os.write(master, f"{SETUP[name]}; echo rea'dy'\n".encode())
        until(b"ready\r\n")
        os.write(master, b"sluice vers\t\n")
        until(b"sluice 0.")
        os.write(master, b"sluice run --sch\tnowhere.json x\n")
        until(b"sluice: --schema nowhere.json cannot be read")
    finally:
        os.close(master)
        os.kill(process, 9)
        os.waitpid(process, 0)


def test_shells_that_we_do_not_know():
    ended = sluice("completion", "tcsh")
    assert ended.returncode == 2 and b"{bash,zsh,fish}" in ended.stderr


@pytest.mark.parametrize(
    "tool",
    [
        ["man", "--warnings", "-E", "UTF-8", "-l"],
        ["groff", "-man", "-ww", "-z"],
        ["mandoc", "-Tlint", "-W", "error"],
    ],
    ids=lambda tool: tool[0],
)
def test_the_man_page_is_clean(tool, tmp_path):
    if not shutil.which(tool[0]):
        pytest.skip(f"{tool[0]} is not installed")
    page = tmp_path / "sluice.1"
    page.write_text(printed("man"))
    shown = "\n".join(in_shell(*tool, page))  # fails on anything on standard error
    if tool[0] == "man":
        assert "EXIT STATUS" in shown and "--schema FILE" in shown
    else:
        assert shown == ""


def test_the_man_page_has_all_of_the_help():
    page = printed("man").replace("\\-", "-")
    words = set(re.findall(r"[\w.-]+", re.sub(r"\\f[BIR]", " ", page)))
    for command in COMMANDS:
        assert flags(command) <= words and command in words
        assert set(re.findall(r"\(Env:(\w+)\)", HELP[command])) <= words
        for values in choices(command).values():
            assert values <= words
    for default in re.findall(r"^  --\S+ [^\s=]*=(\S+)", HELP["serve"], re.M):
        assert f"Default: {default}." in page
    for section in ("NAME", "SYNOPSIS", "COMMANDS", "OPTIONS", "EXIT STATUS", "ENVIRONMENT", "EXAMPLES"):
        assert f".SH {section}\n" in page


def test_installing_puts_everything_in_place(tmp_path):
    build = pathlib.Path(SLUICE).parent
    if not (build / "cmake_install.cmake").exists():
        pytest.skip(f"{build} is no build folder")
    in_shell("cmake", "--install", build, "--prefix", tmp_path)
    assert (tmp_path / "share/man/man1/sluice.1").read_text() == printed("man")
    for path, name in (
        ("bash-completion/completions/sluice", "bash"),
        ("zsh/site-functions/_sluice", "zsh"),
        ("fish/vendor_completions.d/sluice.fish", "fish"),
    ):
        assert (tmp_path / "share" / path).read_text() == printed("completion", name)
    assert in_shell(tmp_path / "bin/sluice", "version") == [printed("version").strip()]
