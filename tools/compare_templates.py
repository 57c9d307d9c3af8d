#!/usr/bin/env python3
"""Compares our chat templates with Python's Jinja2, set up as Hugging Face transformers does it.

usage: tools/compare_templates.py --render PROGRAM FOLDER
Renders every *.jinja of the folder over all conversations of conversations.py with PROGRAM (render_template)
and with Jinja2. Exit status 0: all equal, or both sides refuse; 1: some differ; 77: the folder is absent.

Without tools the variable is not defined, where transformers gives None: of the templates known to us one
fails on None (it loops over the tools), and the others take both alike.
"""

import argparse
import copy
import datetime
import functools
import json
import pathlib
import subprocess
import sys
import warnings

import jinja2
import jinja2.ext
import jinja2.sandbox

import conversations

NOW = 1_700_000_000
SKIPPED = 77
BOS, EOS = "<s>", "</s>"


class Generation(jinja2.ext.Extension):
    """{% generation %} marks what the model wrote, for training; here it is only a scope."""

    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_same"), [], [], body).set_lineno(line)

    def _same(self, caller):
        return caller()


def to_json(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators,
                      sort_keys=sort_keys)


def raise_exception(message):
    raise jinja2.TemplateError(message)


def strftime_now(pattern):
    return datetime.datetime.fromtimestamp(NOW, datetime.timezone.utc).strftime(pattern)


@functools.cache
def environment():
    made = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, "jinja2.ext.loopcontrols"])
    made.filters["tojson"] = to_json
    made.globals.update(raise_exception=raise_exception, strftime_now=strftime_now)
    return made


@functools.lru_cache(maxsize=64)
def compiled(source):
    warnings.simplefilter("ignore", SyntaxWarning)  # Python's opinion of the code that Jinja2 makes
    return environment().from_string(source)


def theirs(case):
    """Jinja2's answer: {"text": ...} or {"error": ...}."""
    # A copy, for some of Jinja2's filters change lists in place.
    variables = {"bos_token": BOS, "eos_token": EOS, **copy.deepcopy(case.get("kwargs", {})),
                 "messages": case.get("messages", []),
                 "add_generation_prompt": case.get("add_generation_prompt", False)}
    if case.get("tools"):
        variables["tools"] = case["tools"]
    try:
        return {"text": compiled(case["template"]).render(**variables)}
    except Exception as error:  # whatever a template can raise: only that it failed counts
        return {"error": f"{type(error).__name__}: {error}", "raised": type(error) is jinja2.TemplateError}


def ours(program, cases):
    lines = [json.dumps({**case, "now": NOW, "bos": BOS, "eos": EOS}) for case in cases]
    run = subprocess.run([program], input="\n".join(lines) + "\n", stdout=subprocess.PIPE, check=True,
                         encoding="utf-8")
    answers = [json.loads(line) for line in run.stdout.split("\n") if line]
    if len(answers) != len(cases):
        raise RuntimeError(f"{len(cases)} cases, but {len(answers)} answers")
    return answers


def same(expected, answer):
    if "text" in expected or "text" in answer:
        return expected.get("text") == answer.get("text")
    # What raise_exception says reaches the client as the template wrote it.
    return not expected["raised"] or expected["error"].partition(": ")[2] in answer["error"]


def differences(program, cases):
    """(case, Jinja2's answer, ours) where they differ, and how many cases Jinja2 rendered."""
    expected = [theirs(case) for case in cases]
    differ = [each for each in zip(cases, expected, ours(program, cases)) if not same(*each[1:])]
    return differ, sum("text" in answer for answer in expected)


def show(case, expected, answer):
    print(f"{case['name']}\n  Jinja2 {expected!a}\n  ours   {answer!a}")


def compare_folder(program, folder):
    if not folder.is_dir():
        print(f"skipped: {folder} is absent")
        return SKIPPED
    paths = sorted(folder.glob("*.jinja"))
    failed = not paths
    for path in paths:
        source = path.read_text(encoding="utf-8")
        cases = [{**case, "template": source} for case in conversations.cases()]
        differ, rendered = differences(program, cases)
        for each in differ[:3]:
            show(*each)
        print(f"{path.name}: {len(cases)} cases, {rendered} rendered, {len(differ)} differ", flush=True)
        failed |= bool(differ) or rendered < len(cases) / 4  # refusals alone would prove nothing
    print(f"{len(paths)} templates")
    return 1 if failed else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--render", required=True, metavar="PROGRAM")
    parser.add_argument("folder", type=pathlib.Path)
    args = parser.parse_args()
    return compare_folder(args.render, args.folder)


if __name__ == "__main__":
    sys.exit(main())
