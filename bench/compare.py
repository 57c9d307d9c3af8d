#!/usr/bin/env python3
"""Ours beside llama.cpp by turns, and what clients of our server feel; JSON and Markdown in bench/results/.

  bench/compare.py MODEL.gguf --peer-python VENV/bin/python     a Python that has llama-cpp-python
  bench/compare.py MODEL.gguf --cases decode-1,burst            some of the cases; --list names them
  bench/compare.py MODEL.gguf --one-at-a-time                   for a model that fits memory once
What the figures mean is written in docs/benchmarking.md.
"""

import argparse
import contextlib
import datetime
import fcntl
import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass

import compare_kernels
import compare_table
import machine
import serve
from busy import busy

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


@dataclass(frozen=True)
class Steps:
    """A command of step_bench; `tokens` of them are computed in the seconds that it answers."""

    title: str
    command: str
    tokens: int
    must: float  # the peer's seconds / ours
    aim: float
    modes: tuple = ("",)  # of the peer's KV cache; the better one counts
    bandwidth: bool = False  # also held against the speed at which memory is read
    turns: int = 1  # in a round: short measurements need more of them
    crowd: int = 0  # busy processes, beside which each turn is measured again: seconds are [quiet, crowded]


@dataclass(frozen=True)
class Served:
    title: str
    arguments: str  # of bench/serve.py


@dataclass(frozen=True)
class Alone:
    """Ours without a peer: measure(options) in each round, and rows(title, what each round found)."""

    title: str
    measure: Callable
    rows: Callable
    once: bool = False  # counts, which do not depend on who else is busy


# Contexts end with a multiple of 256 tokens, to which llama.cpp rounds the cache of a sequence up.
MODES = ("unified", "split")
CASES = {
    "decode-1": Steps(
        "decode, 1 stream, short context", "decode 1 64 48", 1, 1.5, 1.9, bandwidth=True, turns=4
    ),
    "decode-1-8k": Steps("decode, 1 stream, 8k context", "decode 1 8175 16", 1, 2, 3, turns=2),
    "prompt-512": Steps("prompt of 512", "prompt 512 512", 512, 2.2, 3),
    "prompt-2048": Steps("prompt of 2,048", "prompt 2048 2048", 2048, 2.2, 3),
    "decode-16": Steps("decode, 16 streams x 1k context", "decode 16 1015 8", 16, 2.5, 4, MODES, turns=2),
    "decode-64": Steps("decode, 64 streams x 256 context", "decode 64 249 6", 64, 2.5, 4, MODES),
    "decode-1-crowded": Steps(
        "decode, 1 stream beside two busy processes", "decode 1 64 24", 1, 40, 50, crowd=2, turns=2
    ),
    "burst": Served(
        "16 requests at once, 208 tokens in and 32 out",
        "--scenario load --streams 16 --prompt-tokens 208 --max-tokens 32",
    ),
    "shared": Served(
        "16 requests that share 2k tokens",
        "--scenario shared --running 16 --long-prompt-tokens 2048 --max-tokens 4",
    ),
    "stall": Served(
        "8 streams while a 4k prompt is computed",
        "--scenario stall --running 8 --long-prompt-tokens 4096 --max-tokens 512",
    ),
    "crowded": Served("1 stream served beside two busy processes", "--scenario crowded"),
    "strips-cache": Alone(
        "Q4_K strips from cache, 1 thread", compare_kernels.from_cache, compare_kernels.cache_rows
    ),
    "strips-memory": Alone(
        "Q4_K strips from memory, all cores", compare_kernels.from_memory, compare_kernels.memory_rows
    ),
    "equal-bits": Alone(
        "differing bits", compare_kernels.equal_bits, compare_kernels.equal_rows, once=True
    ),
}
LOAD_MODE_NONE = 0  # of llama.h: read, not mapped
WARM_UP = "prompt 512 512"  # reaches every expert, so that no figure pays for mapping pages


class Program:
    """step_bench, or the peer that understands the same commands."""

    def __init__(self, command):
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        self.about = self.answer()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{os.path.basename(self.process.args[0])} ended without an answer")
        found = json.loads(line)
        if "error" in found:
            raise RuntimeError(found["error"])
        return found

    def ask(self, command, of_steps=statistics.median):
        """Seconds; of several steps the median, or what else is wanted of them."""
        self.process.stdin.write(command + "\n")
        seconds = self.answer()["seconds"]
        return of_steps(seconds) if isinstance(seconds, list) else seconds

    def ask_crowded(self, command, crowd):
        """Mean seconds of a step, quiet and beside busy processes: these take whole slices of time."""
        quiet = self.ask(command, statistics.mean)
        with busy(crowd):
            return [quiet, self.ask(command, statistics.mean)]

    def close(self):
        """The most memory that it took, before it goes."""
        peak = machine.memory_bytes(self.process.pid, "VmHWM")
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
        return peak


class Programs:
    """Started when first asked; with `alone` the others are ended before."""

    def __init__(self, commands, alone):
        self.commands, self.alone = commands, alone
        self.running, self.about, self.peaks = {}, {}, {}

    def get(self, side):
        if side not in self.running:
            if self.alone:
                self.close()
            self.running[side] = Program(self.commands[side])
            self.about[side] = self.running[side].about
            self.running[side].ask(WARM_UP)
        return self.running[side]

    def close(self):
        for side, program in self.running.items():
            self.peaks[side] = max(program.close() or 0, self.peaks.get(side, 0))
        self.running = {}


def turns(cases, sides, rounds, alone):
    """(case, side, mode) in the order of measuring: sides by turns, as close together as memory allows."""
    for _ in range(rounds):
        if alone:
            yield from (turn for side in sides for name in cases for turn in case_turns(name, [side]))
        else:
            yield from (turn for name in cases for turn in case_turns(name, sides))


def case_turns(name, sides):
    for _ in range(CASES[name].turns):
        for side in sides:
            for mode in CASES[name].modes if side.startswith("peer") else ("",):
                yield name, side, mode


@contextlib.contextmanager
def quiet(path):
    """Holds the lock of a machine where others build, if there is one."""
    with open(path or os.devnull, "a", encoding="utf-8") as file:
        if path:
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def measure_steps(options, names, commands):
    """{case: {side: [seconds of each turn]}}, what the programs say of themselves and their memory."""
    times, programs = {}, Programs(commands, options.one_at_a_time)
    try:
        for name, side, mode in turns(names, list(commands), options.rounds, options.one_at_a_time):
            case, key = CASES[name], f"{side} {mode}".strip()
            of_case, program = times.setdefault(name, {}), programs.get(side)
            held = case.bandwidth and side == "ours"
            with quiet(options.lock):
                before = compare_kernels.read_bandwidth(options) if held else None
                command = f"{case.command} {mode}".strip()
                seconds = program.ask_crowded(command, case.crowd) if case.crowd else program.ask(command)
                after = compare_kernels.read_bandwidth(options) if held else None
            of_case.setdefault(key, []).append(seconds)
            if held:
                of_case.setdefault("read", []).append((before + after) / 2)
            speeds = [case.tokens / s for s in (seconds if case.crowd else [seconds])]
            print(f"{name:>16}  {key:<13}", *(f"{speed:9.2f} tokens/s" for speed in speeds), flush=True)
    finally:
        programs.close()
    return {"times": times, "about": programs.about, "peak_bytes": programs.peaks}


def measure_served(options, names):
    found = {}
    base = ["--binary", os.path.join(options.build, "sluice"), "--model", options.model]
    for name in names:
        print(f"\n{CASES[name].title}", flush=True)
        with quiet(options.lock):
            found[name] = serve.main(
                [*base, f"--flags={options.flags}", *shlex.split(CASES[name].arguments)]
            )
    return found


def measure_alone(options, names):
    """{case: what each round found}"""
    found = {name: [] for name in names}
    for turn in range(options.rounds):
        for name in names:
            if turn > 0 and CASES[name].once:
                continue
            with quiet(options.lock):
                found[name].append(CASES[name].measure(options))
            print(f"{name:>16}  measured {turn + 1} of {options.rounds}", flush=True)
    return found


def commands_of(options, states):
    program = os.path.join(options.build, "bench/step_bench")
    commands = {"ours": [program, options.model, *shlex.split(options.flags)]}
    if options.peer_python:
        script = os.path.join(ROOT, "bench/peer_llama.py")
        peer = [options.peer_python, script, options.model, states, *options.peer_param]
        # A repacked copy beside the mapped file is too much where memory holds the model once.
        copy = [f"load_mode={LOAD_MODE_NONE}"] if options.one_at_a_time else []
        commands |= {"peer": [*peer, *copy], "peer no-repack": [*peer, "use_extra_bufts=0"]}
    elif any(isinstance(CASES[name], Steps) for name in options.cases):
        print("no llama.cpp beside us: neither --peer-python nor PEER_PYTHON names a Python that has it\n")
    return commands


def measure(options):
    def of(kind):
        return [name for name in options.cases if isinstance(CASES[name], kind)]

    alone = measure_alone(options, of(Alone))
    with tempfile.TemporaryDirectory() as states:
        found = measure_steps(options, of(Steps), commands_of(options, states))
    return found | {"alone": alone, "served": measure_served(options, of(Served))}


def parse(arguments):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", help="GGUF file")
    parser.add_argument("--cases", type=lambda s: s.split(","), default=list(CASES), help="of --list")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peer-python", default=os.environ.get("PEER_PYTHON"), help="or PEER_PYTHON")
    parser.add_argument("--peer-param", action="append", default=[], metavar="NAME=NUMBER",
                        help="a field of llama_model_params or llama_context_params")  # fmt: skip
    parser.add_argument("--one-at-a-time", action="store_true", help="load again for each side and round")
    parser.add_argument("--flags", default="", help="more flags of our engine, such as '--isa avx2'")
    parser.add_argument("--build", default=os.path.join(ROOT, "build/release"), help="folder of our programs")
    parser.add_argument("--lock", help="file whose lock is held while something is measured")
    parser.add_argument("--out", default=os.path.join(ROOT, "bench/results"), help="folder of the results")
    parser.add_argument("--list", action="version", version="\n".join(CASES), help="names of the cases")
    options = parser.parse_args(arguments)
    if unknown := set(options.cases) - set(CASES):
        parser.error(f"no case {', '.join(sorted(unknown))}; there are {', '.join(CASES)}")
    return options


def main(arguments):
    options = parse(arguments)
    facts = machine.facts()
    flags = {k: getattr(options, k) for k in ("rounds", "flags", "peer_param", "one_at_a_time")}
    result = {"date": datetime.date.today().isoformat(), "machine": facts, "flags": flags}
    result |= measure(options)
    result["rows"] = compare_table.rows(result, CASES)
    text = compare_table.markdown(result)
    size = f"{round(os.path.getsize(options.model) / 1e9, 1)}gb"
    name = f"{result['date']}-compare-{size}-{machine.slug(facts)}-{facts['commit']}"
    os.makedirs(options.out, exist_ok=True)
    for ending, content in (("json", json.dumps(result, indent=1) + "\n"), ("md", text)):
        with open(os.path.join(options.out, f"{name}.{ending}"), "w", encoding="utf-8") as file:
            file.write(content)
    print(f"\n{text}\nwritten: {os.path.relpath(os.path.join(options.out, name))}.json and .md")
    return result


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (RuntimeError, OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"compare.py: {error}")
