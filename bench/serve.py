#!/usr/bin/env python3
"""Load generator: streams against a server, and what their users would have felt. Standard library only.

  bench/serve.py                                  1, 4, 16 and 64 streams at once
  bench/serve.py --scenario stall                 4 streams run while a long prompt joins
  bench/serve.py --scenario length                time per token after 128 and after 1,024 tokens
Asks the server at --url, or starts --binary with --model (default: the model inside the binary) and --flags.
What the figures mean is written in docs/benchmarking.md.
"""

import argparse
import asyncio
import json
import math
import random
import re
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

import machine

START_SECONDS = 900  # a large file on a slow disk


class Stream:
    """One request and the times, in seconds, at which its tokens came."""

    def __init__(self, scheduled):
        self.scheduled = scheduled
        self.times = []
        self.end = scheduled
        self.tokens = 0
        self.prompt_tokens = 0

    def ttft(self):
        return self.times[0] - self.scheduled

    def gaps(self, after=-math.inf):
        return [b - a for a, b in zip(self.times, self.times[1:]) if b > after]

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
    ms = lambda seconds: round(seconds * 1000, 3)  # noqa: E731
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


async def ask(address, model, prompt, max_tokens, on_token=None):
    body = {"model": model, "prompt": prompt, "max_tokens": max_tokens, "temperature": 0, "ignore_eos": True}
    body |= {"stream": True, "stream_options": {"include_usage": True}}
    payload = json.dumps(body).encode()
    stream = Stream(time.perf_counter())
    reader, writer = await asyncio.open_connection(address.hostname, address.port, limit=1 << 20)
    writer.write(
        f"POST /v1/completions HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Type: application/json\r\n"
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
            if any(choice["text"] for choice in chunk["choices"]):
                stream.times.append(now)
                if on_token:
                    on_token(stream)
    finally:
        writer.close()
    if not stream.times:
        raise RuntimeError("a stream ended without a token")
    return stream


def random_prompt(seed, length, words):
    """Different for every seed from the first token on, so that no prefix is shared."""
    rng = random.Random(seed)
    return [rng.randint(1, words) for _ in range(length)]


async def load(address, model, options):
    results = []
    for round_, count in enumerate(options.streams):
        prompts = [
            random_prompt(round_ * 1000 + i, options.prompt_tokens, options.words) for i in range(count)
        ]
        streams = await asyncio.gather(*(ask(address, model, p, options.max_tokens) for p in prompts))
        results.append(summarise(streams))
    return {"scenario": "load", "prompt_tokens": options.prompt_tokens, "results": results}


async def stall(address, model, options):
    """Streams that run while a long prompt of somebody else is computed."""
    running, joined = 4, asyncio.Event()
    waiting_for = set(range(running))
    join_time = math.inf

    def on_token(index, stream):
        if len(stream.times) >= 32:
            waiting_for.discard(index)
        if not waiting_for:
            joined.set()

    async def newcomer():
        nonlocal join_time
        await joined.wait()
        join_time = time.perf_counter()
        return await ask(address, model, random_prompt(99, options.long_prompt_tokens, options.words), 8)

    tasks = [
        ask(
            address,
            model,
            random_prompt(i, options.prompt_tokens, options.words),
            options.max_tokens,
            lambda s, i=i: on_token(i, s),
        )
        for i in range(running)
    ]
    *streams, late = await asyncio.gather(*tasks, newcomer())
    gaps = [g for s in streams for g in s.gaps()]
    during = [g for s in streams for g in s.gaps(after=join_time) if g]
    first = late.times[0]
    still_running = sum(s.times[-1] > first for s in streams)
    return {
        "scenario": "stall",
        "long_prompt_tokens": late.prompt_tokens,
        "gap_median_ms": round(statistics.median(gaps) * 1000, 3),
        "gap_max_ms": round(max(during, default=math.nan) * 1000, 3),
        "max_over_median": round(max(during, default=math.nan) / statistics.median(gaps), 2),
        "newcomer_ttft_ms": round(late.ttft() * 1000, 1),
        "streams_that_outlast_the_prompt": still_running,  # below 4: raise --max-tokens
    }


async def length(address, model, options):
    """One long stream: mean gap of the 64 tokens up to the 128th and up to the 1,024th."""
    stream = await ask(address, model, random_prompt(1, options.prompt_tokens, options.words), 1024)
    gaps = stream.gaps()
    if len(gaps) < 1000:
        raise RuntimeError(f"only {len(gaps) + 1} tokens came; the model's context is too short for this")
    early, late = statistics.mean(gaps[63:127]), statistics.mean(gaps[-64:])
    return {
        "scenario": "length",
        "ms_per_token_at_128": round(early * 1000, 3),
        "ms_per_token_at_1024": round(late * 1000, 3),
        "ratio": round(late / early, 3),
    }


class Server:
    """The server under test: somebody else's at --url, or one that is started here and ended at the end."""

    def __init__(self, options):
        self.process, self.url = None, options.url
        if not options.url:
            command = [options.binary, "serve", "--port", "0", *shlex.split(options.flags)]
            command += ["--model", options.model] if options.model else []
            self.log = tempfile.NamedTemporaryFile(suffix=".log")
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log
            )

    def __enter__(self):
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            if self.process and self.process.poll() is not None:
                raise RuntimeError("the server ended:\n" + self.output())
            if not self.url and (found := re.search(r"http://[\w.]+:[1-9]\d*", self.output())):
                self.url = found.group()
            try:
                if self.url and urllib.request.urlopen(self.url + "/ready", timeout=5).status == 200:
                    return self
            except OSError:
                pass
            time.sleep(0.1)
        raise RuntimeError("the server does not become ready")

    def __exit__(self, *_):
        if self.process:
            self.process.terminate()
            self.process.wait(60)

    def output(self):
        return open(self.log.name, errors="replace").read()

    def peak_memory_mib(self):
        """VmHWM of the process; mapped weights count while they are resident."""
        status = machine.read(f"/proc/{self.process.pid}/status") if self.process else ""
        found = re.search(r"VmHWM:\s+(\d+)", status)
        return round(int(found[1]) / 1024, 1) if found else None


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
    parser.add_argument("--scenario", choices=["load", "stall", "length"], default="load")
    parser.add_argument("--streams", type=lambda s: [int(n) for n in s.split(",")], default=[1, 4, 16, 64])
    parser.add_argument("--prompt-tokens", type=int, default=32)
    parser.add_argument("--long-prompt-tokens", type=int, default=2000)
    parser.add_argument("--max-tokens", type=int, default=64)
    parser.add_argument("--words", type=int, default=255, help="prompts use token ids 1 to this")
    parser.add_argument("--json", help="also write the result to this file")
    return parser.parse_args(arguments)


def main(arguments):
    options = parse(arguments)
    with Server(options) as server:
        address = urllib.parse.urlsplit(server.url)
        listed = json.load(urllib.request.urlopen(server.url + "/v1/models", timeout=10))
        model = listed["data"][0]["id"]
        asyncio.run(
            ask(address, model, random_prompt(10**6, 8, options.words), 4)
        )  # pages and pools are warm now
        scenario = {"load": load, "stall": stall, "length": length}[options.scenario]
        result = asyncio.run(scenario(address, model, options))
        result |= {"model": model, "peak_memory_mib": server.peak_memory_mib()}
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
