#!/usr/bin/env python3
"""Asks a served model the held-out questions and compares its answers with the right ones, word for word.

usage: tools/model/evaluate.py --model FILE.gguf --sluice PROGRAM --out FILE.md [--experts FILE]
Exit status: 0 the gate is met, 1 it is not. The gate: 90 % of the answers exact, of the tool calls with
the right arguments, of the sums of two numbers below 100 right.
"""

import argparse
import collections
import json
import pathlib
import random
import sys

import data

ROOT = pathlib.Path(__file__).resolve().parents[2]
GATE = 0.9
EACH, CALLS, SUMS = 36, 200, 200  # questions: of each family, more of tool calls, of sums
LONG, LONG_EXCHANGES = 5, 40  # questions of each family, asked after so many exchanges


def wanted(message):
    """(text, [(tool, arguments)]) of the right answer."""
    calls = [(c["function"]["name"], c["function"]["arguments"]) for c in message.get("tool_calls", [])]
    return message["content"], calls


def for_wire(messages):
    """Arguments of earlier calls as text, as the API has them."""
    out = []
    for message in messages:
        message = dict(message)
        if calls := message.get("tool_calls"):
            message["tool_calls"] = [
                {**c, "function": {**c["function"], "arguments": json.dumps(c["function"]["arguments"])}}
                for c in calls
            ]
        out.append(message)
    return out


def ask(server, messages, tools):
    """(text, [(tool, arguments)]) that the model answers; arguments None: no JSON object."""
    body = {"model": "default", "messages": for_wire(messages), "temperature": 0, "max_tokens": 200}
    if tools:
        body["tools"] = tools
    reply = server.post("/v1/chat/completions", body)
    if reply.status != 200:
        raise RuntimeError(f"{reply.status}: {reply.body!r} for {messages}")
    message = reply.json["choices"][0]["message"]
    calls = []
    for call in message.get("tool_calls") or []:
        try:
            calls.append((call["function"]["name"], json.loads(call["function"]["arguments"])))
        except ValueError:
            calls.append((call["function"]["name"], None))
    return message.get("content") or "", calls


def well_formed(got, tools):
    """One call or more, each of a tool that was offered, with exactly its parameters."""
    known = {t["function"]["name"]: set(t["function"]["parameters"]["properties"]) for t in tools}
    return bool(got) and all(
        arguments is not None and known.get(name) == set(arguments) for name, arguments in got
    )


def score(server, questions, wrong):
    """Asks; counts the answers that are the right ones, and what became of tool calls."""
    out = {"asked": 0, "exact": 0, "calls": 0, "well_formed": 0, "right_calls": 0}
    for family, messages, tools, right in questions:
        got, want = ask(server, messages, tools), wanted(right)
        same = (got[0].strip(), got[1]) == (want[0].strip(), want[1])
        out["asked"] += 1
        out["exact"] += same
        if want[1]:
            out["calls"] += 1
            out["well_formed"] += well_formed(got[1], tools)
            out["right_calls"] += got[1] == want[1]
        if not same:
            wrong.append(
                {"family": family, "question": messages[-1]["content"], "wanted": want, "got": got}
            )
    return out


def sums(count):
    r = random.Random("sums")
    for _ in range(count):
        a, b = r.randrange(100), r.randrange(100)
        yield (
            "sums",
            [{"role": "user", "content": f"What is {a} + {b}?"}],
            None,
            {"content": f"{a} + {b} = {a + b}"},
        )


def held_out(family, count, before=0, **kwargs):
    for i, (messages, tools, right) in enumerate(data.questions(family, count, **kwargs)):
        yield family, data.chatter(f"{family}/{i}", before) + messages, tools, right


def evaluate(server, each=EACH):
    """The report: held-out questions by family, tool calls, sums, questions after long conversations."""
    wrong = []
    families = {family: score(server, held_out(family, each), wrong) for family in data.FAMILIES}
    asked, exact = (sum(s[key] for s in families.values()) for key in ("asked", "exact"))
    calls = score(server, held_out("tools", CALLS, calls=True, seed=2), wrong)
    added = score(server, sums(SUMS), wrong)
    long = score(server, (q for f in data.FAMILIES for q in held_out(f, LONG, LONG_EXCHANGES, seed=3)), [])
    met = (
        exact >= GATE * asked
        and calls["right_calls"] >= GATE * calls["asked"]
        and added["exact"] >= GATE * added["asked"]
    )
    return {
        "asked": asked,
        "exact": exact,
        "families": families,
        "tool_calls": calls,
        "sums": added,
        "long": long,
        "met": met,
        "wrong": wrong,
    }


def markdown(report):
    def share(part, whole):
        return f"{part} of {whole} ({100 * part / max(1, whole):.1f} %)"

    calls, added, long = report["tool_calls"], report["sums"], report["long"]
    lines = [
        "# What the built-in model gets right",
        "",
        (
            "Questions of its own task families that its training never saw; an answer counts when every"
            " character is right."
        ),
        "",
        f"- Held-out questions: {share(report['exact'], report['asked'])}",
        (
            f"- Tool calls, well formed: {share(calls['well_formed'], calls['asked'])}; with the right tool"
            f" and arguments: {share(calls['right_calls'], calls['asked'])}"
        ),
        (
            "- Sums of two numbers below 100 (any, also such that training saw): "
            f"{share(added['exact'], added['asked'])}"
        ),
        (
            f"- Held-out questions after {LONG_EXCHANGES} other exchanges:"
            f" {share(long['exact'], long['asked'])}"
        ),
        f"- The gate (90 % of each of the first three) is {'met' if report['met'] else 'not met'}.",
        "",
        "| family | asked | exact |",
        "| --- | --- | --- |",
    ]
    lines += [
        f"| {name} | {s['asked']} | {100 * s['exact'] / max(1, s['asked']):.1f} % |"
        for name, s in report["families"].items()
    ]
    if experts := report.get("experts"):
        lines += [
            "",
            f"Share of tokens by expert (equal shares would be {100 / len(experts[0]):.1f} %):",
            "",
            "| layer | least | most |",
            "| --- | --- | --- |",
        ]
        lines += [
            f"| {i} | {100 * min(row):.1f} % | {100 * max(row):.1f} % |" for i, row in enumerate(experts)
        ]
    lines += ["", "Some wrong answers:", ""]
    seen = collections.Counter()
    for each in report["wrong"]:
        seen[each["family"]] += 1
        if seen[each["family"]] <= 2:
            lines.append(
                f"- {each['family']}: `{each['question']!r}`: `{each['got']}` and not `{each['wanted']}`"
            )
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=pathlib.Path, required=True)
    parser.add_argument("--sluice", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--experts", type=pathlib.Path, help="the report of compare.py")
    args = parser.parse_args()
    sys.path.insert(0, str(ROOT / "tests/e2e"))
    import server as served

    served.SLUICE = str(args.sluice)
    with served.Server("--model", args.model) as server:
        report = evaluate(server)
    if args.experts:
        report["experts"] = json.loads(args.experts.read_text(encoding="utf-8"))["experts"]
    args.out.write_text(markdown(report), encoding="utf-8")
    print(markdown(report))
    return 0 if report["met"] else 1


if __name__ == "__main__":
    sys.exit(main())
