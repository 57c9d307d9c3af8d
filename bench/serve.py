#!/usr/bin/env python3
"""Load generator: streams against a server, and what their users would have felt. Standard library only.

  bench/serve.py                                  1, 4, 16 and 64 streams at once
  bench/serve.py --scenario stall                 4 streams run while a long prompt joins
  bench/serve.py --scenario shared                16 prompts that differ in their last two tokens
  bench/serve.py --scenario length                time per token after 128 and after 1,024 tokens
  bench/serve.py --scenario crowded               one stream, quiet and beside two busy processes by turns
Asks the server at --url, or starts --binary with --model (default: the model inside the binary) and --flags.
What the figures mean is written in docs/benchmarking.md.
"""

import argparse
import asyncio
import json
import math
import random
import statistics
import sys
import time
import urllib.parse

import machine
from busy import busy
from server import Server, metric

WARM_TOKENS = 512  # reach every one of 128 experts of which each token takes 8
MAX_TOKENS = {"load": 64, "stall": 384, "shared": 4, "length": 1024, "crowded": 96}
BUSY_PROCESSES, CROWDED_TURNS = 2, 5
STEP_TOKENS = "vllm:iteration_tokens_total_sum"  # tokens that all steps so far computed
RUNNING = {"stall": 4, "shared": 16}


class Stream:
    """One request and the times, in seconds, of the events that brought its tokens."""

    def __init__(self, scheduled):
        self.scheduled = scheduled
        self.times = []
        self.end = scheduled
        self.tokens = 0
        self.prompt_tokens = 0

    def ttft(self):
        return self.times[0] - self.scheduled

    def gaps(self, after=-math.inf, until=math.inf):
        """Of those the ends of which lie in between."""
        return [b - a for a, b in zip(self.times, self.times[1:]) if after < b <= until]

    def tpot(self):
        return (self.end - self.times[0]) / (self.tokens - 1) if self.tokens > 1 else math.nan


def percentile(values, p):
    """Nearest rank: a value that was measured, never one between two."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(p / 100 * len(ordered)) - 1)] if ordered else math.nan


def summarise(streams):
    start, end = min(s.scheduled for s in streams), max(s.end for s in streams)
    gaps = [g for s in streams for g in s.gaps()]
    ttft = [s.ttft() for s in streams]

    def ms(seconds):
        return None if math.isnan(seconds) else round(seconds * 1000, 3)

    return {
        "streams": len(streams),
        "tokens": sum(s.tokens for s in streams),
        "seconds": round(end - start, 4),
        "tokens_per_second": round(sum(s.tokens for s in streams) / (end - start), 2),
        "ttft_p50_ms": ms(percentile(ttft, 50)),
        "ttft_p99_ms": ms(percentile(ttft, 99)),
        "tpot_p50_ms": ms(percentile([s.tpot() for s in streams if s.tokens > 1], 50)),
        "gap_p50_ms": ms(percentile(gaps, 50)),
        "gap_p99_ms": ms(percentile(gaps, 99)),
        "gap_max_ms": ms(max(gaps, default=math.nan)),
    }


async def frames(reader):
    """The data of each SSE frame of a chunked or closing HTTP response."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    status = int(head.split()[1])
    chunked = "transfer-encoding: chunked" in head
    if status != 200:
        raise RuntimeError(f"status {status}: {(await reader.read(2000)).decode(errors='replace')}")
    buffer = b""
    while True:
        if chunked:
            size = int((await reader.readline()).split(b";")[0], 16)
            piece = (await reader.readexactly(size + 2))[:-2]
        else:
            piece = await reader.read(65536)
        buffer += piece
        *whole, buffer = buffer.split(b"\n\n")
        for frame in whole:
            if frame.startswith(b"data: "):
                yield frame[len(b"data: ") :]
        if not piece:
            return


def brings_token(choice):
    """Of a completion or a chat. A part of a character has no text yet, but a logprob."""
    return choice.get("logprobs") or choice.get("text") or choice.get("delta", {}).get("content")


async def exchange(address, path, body, scheduled=None, on_token=None):
    """One streamed request. `scheduled`: when it was meant to be sent, if that is not now."""
    body = body | {"stream": True, "stream_options": {"include_usage": True}}
    payload = json.dumps(body).encode()
    stream = Stream(time.perf_counter() if scheduled is None else scheduled)
    reader, writer = await asyncio.open_connection(address.hostname, address.port, limit=1 << 20)
    writer.write(
        f"POST {path} HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(payload)}\r\nConnection: close\r\n\r\n".encode() + payload
    )
    try:
        async for data in frames(reader):
            now = stream.end = time.perf_counter()
            if data.strip() == b"[DONE]":
                break
            chunk = json.loads(data)
            if "error" in chunk:
                raise RuntimeError(chunk["error"]["message"])
            if chunk.get("usage"):
                stream.tokens = chunk["usage"]["completion_tokens"]
                stream.prompt_tokens = chunk["usage"]["prompt_tokens"]
            if any(map(brings_token, chunk["choices"])):
                stream.times.append(now)
                if on_token:
                    on_token(stream)
    finally:
        writer.close()
    if not stream.times or not stream.tokens:
        raise RuntimeError("a stream ended without a token or without its usage")
    return stream


async def ask(address, model, prompt, max_tokens, scheduled=None, on_token=None):
    # With logprobs each token is an event; without, one that has no text yet would seem a longer gap.
    body = {"model": model, "prompt": prompt, "max_tokens": max_tokens, "temperature": 0, "ignore_eos": True,
            "logprobs": 0}  # fmt: skip
    return await exchange(address, "/v1/completions", body, scheduled, on_token)


def random_prompt(seed, length, words):
    """Random from the first token on, so that no block of 32 is found in the prefix cache."""
    rng = random.Random(seed)
    return [rng.randint(1, words) for _ in range(length)]


async def load(address, model, options):
    results = []
    for round_, count in enumerate(options.streams):
        prompts = [
            random_prompt(round_ * 1000 + i, options.prompt_tokens, options.words) for i in range(count)
        ]
        now = time.perf_counter()  # for all of them: who is sent last has waited since then
        streams = await asyncio.gather(*(ask(address, model, p, options.max_tokens, now) for p in prompts))
        results.append(summarise(streams))
    return {"scenario": "load", "prompt_tokens": options.prompt_tokens, "results": results}


def stall_figures(streams, late, joined):
    """Gaps before and after a newcomer joined the streams; only those before say what is usual."""
    usual = statistics.median(g for s in streams for g in s.gaps(until=joined))
    greatest = max(g for s in streams for g in s.gaps(after=joined))
    return {
        "scenario": "stall",
        "long_prompt_tokens": late.prompt_tokens,
        "gap_median_ms": round(usual * 1000, 3),
        "gap_max_ms": round(greatest * 1000, 3),
        "max_over_median": round(greatest / usual, 2),
        "newcomer_ttft_ms": round(late.ttft() * 1000, 1),
    }


async def stall(address, model, options):
    """Streams that run while a long prompt of somebody else is computed."""
    before, joined = 64, asyncio.Event()
    waiting_for = set(range(options.running))

    def on_token(index, stream):
        if len(stream.times) >= before:
            waiting_for.discard(index)
        if not waiting_for:
            joined.set()

    async def newcomer():
        await joined.wait()
        return await ask(address, model, random_prompt(99, options.long_prompt_tokens, options.words), 8)

    def runner(i):
        prompt = random_prompt(i, options.prompt_tokens, options.words)
        return ask(address, model, prompt, options.max_tokens, on_token=lambda s: on_token(i, s))

    *streams, late = await asyncio.gather(*map(runner, range(options.running)), newcomer())
    if any(s.times[-1] < late.times[0] for s in streams):
        raise RuntimeError("the streams ended before the long prompt was computed; raise --max-tokens")
    return stall_figures(streams, late, late.scheduled)


def shared_figures(streams, step_tokens):
    """`step_tokens`: all that the steps computed. Each token of an answer but the last was an input too."""
    prompt = streams[0].prompt_tokens
    computed = round(step_tokens) - sum(s.tokens - 1 for s in streams)
    summary = summarise(streams)
    return {
        "scenario": "shared",
        "streams": len(streams),
        "prompt_tokens": prompt,
        "computed_tokens": computed,
        "work_of_one": round(computed / prompt, 3),
        "ttft_p50_ms": summary["ttft_p50_ms"],
        "ttft_p99_ms": summary["ttft_p99_ms"],
    }


async def shared(address, model, options):
    """Prompts that arrive at once and are the same but for their ends: how much of them is computed."""
    prefix = random_prompt(7, options.long_prompt_tokens, options.words)
    prompts = [prefix + random_prompt(100 + i, 2, options.words) for i in range(options.running)]
    url = address.geturl()
    before, now = metric(url, STEP_TOKENS), time.perf_counter()
    streams = await asyncio.gather(*(ask(address, model, p, options.max_tokens, now) for p in prompts))
    return shared_figures(streams, metric(url, STEP_TOKENS) - before)


async def length(address, model, options):
    """One long stream: mean gap of the 64 tokens up to the 128th and up to the 1,024th."""
    prompt = random_prompt(1, options.prompt_tokens, options.words)
    stream = await ask(address, model, prompt, options.max_tokens)
    gaps = stream.gaps()
    if len(gaps) < 1000:
        raise RuntimeError(f"only {len(gaps) + 1} events with tokens came, and 1,000 are needed")
    early, late = statistics.mean(gaps[63:127]), statistics.mean(gaps[-64:])
    return {
        "scenario": "length",
        "ms_per_token_at_128": round(early * 1000, 3),
        "ms_per_token_at_1024": round(late * 1000, 3),
        "ratio": round(late / early, 3),
    }


def crowded_figures(quiet, beside):
    """Streams by turns. Busy processes take whole slices of time: a stream's mean counts, not its gaps."""
    speeds = [[1 / s.tpot() for s in streams] for streams in (quiet, beside)]
    usual, slow = map(statistics.median, speeds)
    return {
        "scenario": "crowded",
        "busy_processes": BUSY_PROCESSES,
        "quiet_tokens_per_second": round(usual, 2),
        "crowded_tokens_per_second": round(slow, 2),
        "crowded_over_quiet": round(slow / usual, 3),
        "shares": [round(b / a, 3) for a, b in zip(*speeds)],
    }


async def crowded(address, model, options):
    """The speed of one stream, and while foreign processes want all cores too."""
    prompt, quiet, beside = random_prompt(1, options.prompt_tokens, options.words), [], []
    for _ in range(CROWDED_TURNS):
        quiet.append(await ask(address, model, prompt, options.max_tokens))
        with busy(BUSY_PROCESSES):
            beside.append(await ask(address, model, prompt, options.max_tokens))
    return crowded_figures(quiet, beside)


SCENARIOS = {"load": load, "stall": stall, "shared": shared, "length": length, "crowded": crowded}


def table(rows):
    """The results as text; a scenario with one result shows its figures one a line."""
    if not isinstance(rows, list):
        return "\n".join(f"{key:>32}  {value}" for key, value in rows.items())
    names = list(rows[0])
    widths = [max(len(n), *(len(str(r[n])) for r in rows)) for n in names]
    lines = [names] + [[str(r[n]) for n in names] for r in rows]
    return "\n".join("  ".join(cell.rjust(w) for cell, w in zip(line, widths)) for line in lines)


def parse(arguments):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--url", help="a running server; otherwise one is started")
    parser.add_argument("--binary", default="build/release/sluice")
    parser.add_argument("--model", default="", help="GGUF file for the started server")
    parser.add_argument("--flags", default="", help="more flags for the started server")
    parser.add_argument("--scenario", choices=list(SCENARIOS), default="load")
    parser.add_argument("--streams", type=lambda s: [int(n) for n in s.split(",")], default=[1, 4, 16, 64])
    parser.add_argument("--prompt-tokens", type=int, default=32)
    parser.add_argument("--running", type=int, help="streams of stall (4) or shared (16)")
    parser.add_argument("--long-prompt-tokens", type=int, default=2000)
    parser.add_argument("--max-tokens", type=int, help="of each stream; default: as many as it takes")
    parser.add_argument("--words", type=int, default=255, help="prompts use token ids 1 to this")
    parser.add_argument("--json", help="also write the result to this file")
    options = parser.parse_args(arguments)
    options.max_tokens = options.max_tokens or MAX_TOKENS[options.scenario]
    options.running = options.running or RUNNING.get(options.scenario)
    return options


def main(arguments):
    options = parse(arguments)
    with Server(options) as server:
        address = urllib.parse.urlsplit(server.url)
        model = server.model_name()
        # Pages of the weights are mapped when first used; the first scenario would pay for that.
        asyncio.run(ask(address, model, random_prompt(10**6, WARM_TOKENS, options.words), 4))
        result = asyncio.run(SCENARIOS[options.scenario](address, model, options))
        peak = server.memory_bytes("VmHWM")
        result |= {"model": model, "peak_memory_mib": peak and round(peak / 2**20, 1)}
    print(table(result.get("results") or result))
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump({"machine": machine.facts(), **result}, file, indent=2)
            file.write("\n")
    return result


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (RuntimeError, OSError) as error:
        sys.exit(f"serve.py: {error}")
