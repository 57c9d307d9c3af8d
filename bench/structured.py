#!/usr/bin/env python3
"""What keeping answers to a grammar costs: the same number of tokens with and without, by turns.

  bench/structured.py --model MODEL.gguf      16 streams; ratios of tokens/s to those of free text
Each stream writes exactly --tokens tokens: texts of these grammars cannot end before. Other work on the
machine disturbs the ratios, but not the share of the CPU time that went to finding masks.
"""

import argparse
import concurrent.futures
import json
import os
import statistics
import time
import urllib.request

import machine
from server import Server

ENDLESS = 2000  # elements that a list must have, so that no answer ends by itself


def item(number):
    properties = {
        "name": {"type": "string"},
        "kind": {"enum": ["first", "second", "third"]},
        f"count{number}": {"type": "integer", "minimum": 0, "maximum": 1000},
        "tags": {"type": "array", "items": {"type": "string"}},
        "done": {"type": "boolean"},
    }
    return {"type": "object", "properties": properties, "required": list(properties)}


def format_of(case, stream):
    """The response_format of a stream."""
    if case == "free":
        return {"type": "text"}
    if case == "short strings":
        items = {"type": "string", "minLength": 1, "maxLength": 200}
    else:
        items = item(stream if case == "a schema each" else 0)
    schema = {"type": "array", "minItems": ENDLESS, "items": items}
    return {"type": "json_schema", "json_schema": {"name": "bench", "schema": schema}}


def ask(url, model, case, stream, tokens, seed):
    body = {
        "model": model,
        "messages": [{"role": "user", "content": f"Number {stream}: tell me of it."}],
        "max_tokens": tokens,
        "ignore_eos": True,
        "temperature": 1,
        "seed": seed,
        "response_format": format_of(case, stream),
    }
    request = urllib.request.Request(url + "/v1/chat/completions", json.dumps(body).encode())
    request.add_header("Content-Type", "application/json")
    usage = json.load(urllib.request.urlopen(request, timeout=600))["usage"]
    if usage["completion_tokens"] != tokens:
        raise RuntimeError(f"{case}: {usage['completion_tokens']} tokens instead of {tokens}")


def cpu_ticks(pid):
    """CPU time of the thread that finds masks, and of all, in clock ticks."""
    masks = total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        fields = machine.read(f"/proc/{pid}/task/{task}/stat")
        name, rest = fields[fields.index("(") + 1 :].rsplit(") ", 1)
        ticks = sum(map(int, rest.split()[11:13]))
        total += ticks
        masks += ticks if name == "sl-masks" else 0
    return masks, total


def rate(server, model, case, options, turn):
    """Tokens a second of all streams, prompts included; they are short and the same in all cases."""
    with concurrent.futures.ThreadPoolExecutor(options.streams) as pool:
        began = time.monotonic()
        jobs = [
            pool.submit(ask, server.url, model, case, s, options.tokens, 1000 * turn + s)
            for s in range(options.streams)
        ]
        for job in jobs:
            job.result()
        return options.streams * options.tokens / (time.monotonic() - began)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url")
    parser.add_argument("--binary", default="build/release/sluice")
    parser.add_argument("--model")
    parser.add_argument("--flags", default="")
    parser.add_argument("--streams", type=int, default=16)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--turns", type=int, default=5)
    options = parser.parse_args()
    cases = ["free", "one schema", "a schema each", "short strings"]
    with Server(options) as server:
        model = server.model_name()
        rate(server, model, "free", options, 0)  # warms the weights
        rates = {case: [] for case in cases}
        cpu = {case: [0, 0] for case in cases}
        for turn in range(options.turns):
            for case in cases:
                before = cpu_ticks(server.process.pid) if server.process else (0, 0)
                rates[case].append(rate(server, model, case, options, turn))
                after = cpu_ticks(server.process.pid) if server.process else (0, 0)
                cpu[case] = [c + b - a for c, a, b in zip(cpu[case], before, after)]
    ratios = {
        case: statistics.median(r / f for r, f in zip(rates[case], rates["free"])) for case in cases[1:]
    }
    figures = {"streams": options.streams, "tokens": options.tokens, "turns": options.turns}
    figures |= {"tokens_per_s": rates, "ratio_to_free": ratios}
    figures["masks_share_of_cpu"] = {c: round(m / t, 4) if t else None for c, (m, t) in cpu.items()}
    print(json.dumps({"machine": machine.facts(), "structured": figures}, indent=1))


if __name__ == "__main__":
    main()
