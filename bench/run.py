#!/usr/bin/env python3
"""`make bench`: every benchmark program, then the serving scenarios; one file in bench/results/.

  bench/run.py [MODEL.gguf]             default: the 6-layer model that tools/make_bench_model writes
  bench/run.py --programs hw,strips     some of the programs, without the scenarios
"""

import argparse
import datetime
import glob
import json
import os
import subprocess
import sys
import tempfile

import machine
import serve

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(ROOT, "build/release")
NOT_RESULTS = {"run_type", "repetitions", "repetition_index", "threads", "family_index", "run_name",
               "per_family_instance_index"}  # fmt: skip


def run_program(program):
    """Runs one Google Benchmark program; its results without the bookkeeping."""
    with tempfile.NamedTemporaryFile(suffix=".json") as out:
        subprocess.run(
            [
                program,
                "--benchmark_min_time=0.2",
                f"--benchmark_out={out.name}",
                "--benchmark_out_format=json",
            ],
            check=True,
        )
        rows = json.load(out)["benchmarks"]
    for row in rows:
        row["name"] = row["name"].replace("/real_time", "")
    return [{k: v for k, v in row.items() if k not in NOT_RESULTS} for row in rows]


def run_serving(model):
    base = ["--binary", os.path.join(BUILD, "sluice"), "--model", model]
    found = []
    for extra in (
        ["--scenario", "load"],
        ["--scenario", "stall", "--flags=--max-context 4096"],
        ["--scenario", "length"],
    ):
        print(f"\n{' '.join(extra)}", flush=True)
        found.append(serve.main(base + extra))
    return found


def every_program():
    found = sorted(glob.glob(os.path.join(BUILD, "bench", "bench_*")))
    return [os.path.basename(path) for path in found if os.access(path, os.X_OK) and os.path.isfile(path)]


def parse(arguments):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", nargs="?", help="GGUF file")
    parser.add_argument("--programs", type=lambda s: ["bench_" + name for name in s.split(",")], default=[])
    return parser.parse_args(arguments)


def main(arguments):
    options = parse(arguments)
    if unknown := set(options.programs) - set(every_program()):
        sys.exit(f"--programs: no {', '.join(sorted(unknown))} in {BUILD}/bench")
    facts = machine.facts()
    result = {"date": datetime.date.today().isoformat(), "machine": facts, "kernels": {}, "serving": []}
    for program in options.programs or every_program():
        result["kernels"][program] = run_program(os.path.join(BUILD, "bench", program))
    if not options.programs:
        make_model = os.path.join(ROOT, "tools/make_bench_model")
        model = options.model or subprocess.check_output([make_model], text=True).strip()
        result["serving"] = run_serving(model)
    some = "".join(program.removeprefix("bench_") + "-" for program in options.programs)
    path = os.path.join(
        ROOT, "bench/results", f"{result['date']}-{some}{machine.slug(facts)}-{facts['commit']}.json"
    )
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(result, file, indent=1)
        file.write("\n")
    print(f"\nwritten: {os.path.relpath(path, ROOT)}")


if __name__ == "__main__":
    main(sys.argv[1:])
