#!/usr/bin/env python3
"""What a model of real size takes to load and to answer one chat; a file in bench/results/.

  bench/real_size.py "$(tools/make_bench_model 48)"     the 48 layers of a 30B-A3B model, random weights
  bench/real_size.py MODEL.gguf --cold                  its pages are first dropped from the page cache
"""

import argparse
import asyncio
import datetime
import json
import math
import os
import re
import shlex
import subprocess
import sys
import time
import urllib.parse
import urllib.request

import machine
import serve
from server import Server

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BLOCK_TOKENS = 32
BESIDE = 10**9  # what a server may take beside weights and KV cache


def inspect(options):
    """What the program says of the model: the size of its file and of one KV block."""
    command = [options.binary, "inspect", "--json", "--model", options.model]
    ended = subprocess.run(command + shlex.split(options.flags), stdout=subprocess.PIPE)
    if not ended.stdout:
        sys.exit(f"{options.binary} inspect ended with {ended.returncode}")
    return json.loads(ended.stdout)  # a model that does not fit is described too


def drop_from_page_cache(path):
    """Pages that somebody else has mapped stay."""
    descriptor = os.open(path, os.O_RDONLY)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(descriptor)


def kv_blocks(url):
    metrics = urllib.request.urlopen(url + "/metrics", timeout=10).read().decode()
    return int(re.search(r'cache_config_info\{[^}]*num_gpu_blocks="(\d+)"', metrics)[1])


def chat(server, options):
    body = {
        "model": server.model_name(),
        "messages": [{"role": "user", "content": options.prompt}],
        "max_tokens": options.max_tokens,
        "temperature": 0,
        "ignore_eos": True,
    }
    address = urllib.parse.urlsplit(server.url)
    return asyncio.run(serve.exchange(address, "/v1/chat/completions", body))


def memory(server):
    return {name: server.memory_bytes(name) for name in ("RssAnon", "RssFile", "VmHWM")}


def verdict(file_bytes, kv_bytes, used_kv_bytes, peak):
    """KV memory is taken when first written: the bound with what the chat used is the one that can fail."""
    return {
        "peak_bytes": peak,
        "within_file_kv_and_1_gb": peak <= file_bytes + kv_bytes + BESIDE,
        "within_file_used_kv_and_1_gb": peak <= file_bytes + used_kv_bytes + BESIDE,
    }


def measure(options):
    model = inspect(options)
    if options.cold:
        drop_from_page_cache(options.model)
    start = time.perf_counter()
    with Server(options) as server:
        load_seconds = time.perf_counter() - start
        at_ready = memory(server)
        stream = chat(server, options)
        after = memory(server)
        blocks = kv_blocks(server.url)
    block_bytes = model["kv_block_bytes"]
    used_kv_bytes = math.ceil((stream.prompt_tokens + stream.tokens) / BLOCK_TOKENS) * block_bytes
    return {
        "model": {k: model[k] for k in ("architecture", "quantisation", "parameters", "layers", "experts")},
        "cold": options.cold,
        "load_seconds": round(load_seconds, 2),
        "ttft_ms": round(stream.ttft() * 1000, 1),
        "tpot_ms": round(stream.tpot() * 1000, 2),
        "tokens_per_second": round(stream.tokens / (stream.end - stream.scheduled), 2),
        "prompt_tokens": stream.prompt_tokens,
        "tokens": stream.tokens,
        "file_bytes": model["file_bytes"],
        "kv_bytes": blocks * block_bytes,
        "used_kv_bytes": used_kv_bytes,
        "memory_at_ready": at_ready,
        "memory_after_chat": after,
        **verdict(model["file_bytes"], blocks * block_bytes, used_kv_bytes, after["VmHWM"]),
    }


def parse(arguments):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", help="GGUF file")
    parser.add_argument("--binary", default=os.path.join(ROOT, "build/release/sluice"))
    parser.add_argument("--flags", default="", help="more flags of the engine, such as '--kv-memory 1GiB'")
    parser.add_argument("--prompt", default="Tell me about rivers.")
    parser.add_argument("--max-tokens", type=int, default=64)
    parser.add_argument("--cold", action="store_true", help="drop the file from the page cache first")
    parser.add_argument("--out", default=os.path.join(ROOT, "bench/results"), help="folder of the result")
    options = parser.parse_args(arguments)
    options.url = None
    return options


def main(arguments):
    options = parse(arguments)
    facts = machine.facts()
    result = {"date": datetime.date.today().isoformat(), "machine": facts, "real_size": measure(options)}
    os.makedirs(options.out, exist_ok=True)
    name = f"{result['date']}-real-size-{machine.slug(facts)}-{facts['commit']}.json"
    path = os.path.join(options.out, name)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(result, file, indent=1)
        file.write("\n")
    print(serve.table(result["real_size"]))
    print(f"\nwritten: {os.path.relpath(path)}")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (RuntimeError, OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"real_size.py: {error}")
