"""Cases of bench/compare.py without a peer: kernels held against what the machine can do, and equal bits."""

import json
import os
import statistics
import subprocess
import tempfile

from compare_table import row

# Rows are of two whole blocks of 256, so that Q4_K and Q6_K are used; 8 heads of queries share one of keys.
SMALL_MODEL = ("--type Q4_K_M --hidden 512 --heads 16 --head-dim 64 --ffn 512 --experts 16 --experts-used 4"
               ).split()  # fmt: skip
EQUAL_TOKENS = 100_000  # for each model and circumstance
ISAS = ("avx2", "avx512")


def benchmarks(options, program, choice):
    """The figures of the benchmarks whose names the regular expression finds."""
    path = os.path.join(options.build, "bench", program)
    flags = [f"--benchmark_filter={choice}", "--benchmark_min_time=0.1", "--benchmark_format=json"]
    found = subprocess.check_output([path, *flags], stderr=subprocess.DEVNULL, text=True)
    return json.loads(found)["benchmarks"] if found else []  # nothing is printed where nothing matches


def read_bandwidth(options):
    """Bytes a second that all cores together read, in the fastest way that bench_memory knows."""
    threads = len(os.sched_getaffinity(0))
    return max(way["GB/s"] for way in benchmarks(options, "bench_memory", f"/threads:{threads}$")) * 1e9


def by_tokens(program, names, speed):
    """A function that measures benchmarks <...>/<isa>/<...>/<tokens> of Q4_K strips.

    It finds {isa: {tokens: (share of the limit in %, speed, limit)}}.
    """

    def measure(options):
        found = {isa: {} for isa in ISAS}
        for one in benchmarks(options, program, names):
            _, isa, *_, tokens = one["name"].removesuffix("/real_time").split("/")
            found[isa][tokens] = (100 * one["share"], one[speed], one[speed] / one["share"])
        return found

    return measure


from_cache = by_tokens("bench_strips", "^strips/avx2/Q4_K/(4|32|64)/", "GMAC/s")
from_memory = by_tokens("bench_gemm", "^linear/avx(2|512)/Q4_K/strips/(1|2|4)/", "GB/s")


def share_row(figure, turns, unit, limit, limits):
    """`turns`: triples of by_tokens; none where the machine lacks the instruction set."""
    shares, speeds, least = zip(*turns)
    return row(figure, f"{statistics.median(speeds):.3g} {unit}", f"{limit}: {statistics.median(least):.3g}",
               limits, shares, "%")  # fmt: skip


def cache_rows(title, rounds):
    found = []
    for tokens, limits in ((("4",), (60, 70)), (("32", "64"), (65, 80))):
        turns = [turn["avx2"][m] for turn in rounds for m in tokens if m in turn["avx2"]]
        if turns:
            figure = f"{title}, AVX2, M = {' and '.join(tokens)}: share of broadcast + vpmaddubsw + vpaddw"
            found.append(share_row(figure, turns, "GMAC/s", "they alone", limits))
    return found


def memory_rows(title, rounds):
    found = []
    for isa in ISAS:
        for tokens, limits in (("1", (85, 92)), ("2", (75, 85)), ("4", (50, 60))):
            turns = [turn[isa][tokens] for turn in rounds if tokens in turn[isa]]
            if turns:
                figure = f"{title}, {isa.upper()}, M = {tokens}: share of read bandwidth"
                found.append(share_row(figure, turns, "GB/s", "memory", limits))
    return found


def equal_bits(options):
    """Each circumstance of bench/equal_bits, with the model inside it and with a mix of K quants."""
    program = os.path.join(options.build, "bench/equal_bits")
    with tempfile.TemporaryDirectory() as folder:
        small = os.path.join(folder, "small.gguf")
        subprocess.run([os.path.join(options.build, "tools/make_tiny_gguf"), "--out", small, *SMALL_MODEL],
                       check=True)  # fmt: skip
        lines = []
        for model in ([], [small]):
            ended = subprocess.run([program, *model, "--tokens", str(EQUAL_TOKENS)], stdout=subprocess.PIPE,
                                   text=True)  # fmt: skip
            if ended.returncode > 1:  # 1: bits differ
                raise RuntimeError("equal_bits gave up")
            lines += map(json.loads, ended.stdout.splitlines())
    return lines


def equal_rows(title, rounds):
    pairs = [line for lines in rounds for line in lines if "against" in line]
    bits = sum(pair["differing_bits"] for pair in pairs)
    against = ", ".join(dict.fromkeys(pair["against"] for pair in pairs))
    usual = next(line["usual"] for line in rounds[0] if "usual" in line)
    tokens = sum(pair["tokens"] for pair in pairs)
    return [row(f"{title} in {tokens:,} tokens", f"{usual}, up to 64 at a time", f"against {against}", (0, 0),
                [bits], "bits")]  # fmt: skip
