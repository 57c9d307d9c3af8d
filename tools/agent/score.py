"""Whether a task is done: its end state is that of the right way, what had to be calculated was, and the last
answer says what it must. reasons() names all that is wrong; nothing wrong is a pass.
"""

import json
import re
import tempfile

from agent.sandbox import Sandbox


def right_end(task):
    """(keys, files, results of the calculator) after the right way through."""
    with tempfile.TemporaryDirectory() as folder:
        sandbox = Sandbox(folder, task.kv, task.files)
        for turn in task.turns:
            for name, arguments in turn.calls:
                sandbox.call(name, json.dumps(arguments))
        return sandbox.kv, sandbox.files(), sandbox.results


def differences(kind, got, wanted):
    """What differs between two dictionaries of texts; space around a text does not count."""
    out = []
    for name in sorted(got.keys() | wanted.keys()):
        if name not in got:
            out.append(f"{kind} {name} is not there")
        elif name not in wanted:
            out.append(f"{kind} {name[:60]!r} should not be there")
        elif got[name].strip() != wanted[name].strip():
            out.append(f"{kind} {name} holds {got[name][:60]!r}, not {wanted[name]!r}")
    return out


def says(answer, wanted):
    """Whether an answer holds a text as words of their own, in any case; 1,284 is 1284, and -5 is not 5."""
    plain = re.sub(r"[*_`\\]", "", answer)
    plain = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", plain)
    plain = " ".join(plain.split()).lower()
    before = r"(?<![\w.-])" if wanted[0].isdigit() else r"(?<!\w)"
    return re.search(before + re.escape(wanted.lower()) + r"(?![\w]|\.\d)", plain) is not None


def reasons(task, sandbox, answer):
    kv, files, results = right_end(task)
    out = differences("key", sandbox.kv, kv) + differences("file", sandbox.files(), files)
    out += [f"the calculator never gave {r}" for r in results if r not in sandbox.results]
    out += [f"the path {path[:60]!r} leaves the folder" for path in sandbox.escapes[:3]]
    if not any(says(answer, each) for each in task.says):
        out.append(f"the last answer says none of: {', '.join(task.says)}")
    return out
