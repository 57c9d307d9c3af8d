#!/usr/bin/env python3
"""Holds what ptxas says of each kernel against kernels/cuda/budgets.json: registers and shared memory at most
as written there, no stack, no spills. Static budgets say nothing of speed.

usage: tools/cuda_budgets.py FOLDER [--budgets FILE] [--write]
FOLDER has the FILE.usage of cmake/cuda.cmake. --write takes today's figures as the budgets: say why in the
commit. Without FOLDER ("") nothing was compiled: status 77, a skipped test.
"""

import argparse
import glob
import json
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ENTRY = re.compile(r"Compiling entry function '(\w+)' for '(sm_\w+)'")
FRAME = re.compile(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads")
USED = re.compile(r"Used (\d+) registers")
SHARED = re.compile(r"(\d+) bytes smem")


def plain_names(mangled):
    """Names without namespaces and arguments: attend_kernel<F16>."""
    text = subprocess.run(["c++filt"], input="\n".join(mangled), capture_output=True, text=True, check=True)
    out = {}
    for name, line in zip(mangled, text.stdout.splitlines()):
        line = re.sub(r"\([^()]*\)::|\b\w+::", "", line)
        out[name] = re.sub(r"^void |\([^()]*\)$", "", line)
    return out


def parse(text):
    """{(mangled kernel, architecture): {"registers", "shared", "stack", "spills"}} of one compilation."""
    out, current = {}, None
    for line in text.splitlines():
        if match := ENTRY.search(line):
            current = out.setdefault(match.groups(), {"registers": 0, "shared": 0, "stack": 0, "spills": 0})
        elif current is not None and (match := FRAME.search(line)):
            current["stack"] = int(match.group(1))
            current["spills"] = int(match.group(2)) + int(match.group(3))
        elif current is not None and (match := USED.search(line)):
            current["registers"] = int(match.group(1))
            shared = SHARED.search(line)
            current["shared"] = int(shared.group(1)) if shared else 0
    return out


def measure(folder):
    """{"file/kernel": {architecture: figures}}"""
    out = {}
    for path in sorted(glob.glob(os.path.join(folder, "*.usage"))):
        with open(path, encoding="utf-8") as file:
            figures = parse(file.read())
        names = plain_names(sorted({kernel for kernel, _ in figures}))
        stem = os.path.splitext(os.path.basename(path))[0]
        for (kernel, arch), found in figures.items():
            out.setdefault(f"{stem}/{names[kernel]}", {})[arch] = found
    return out


def compare(measured, budgets):
    """Lines that say where the figures are over the budgets, or either lacks a kernel of the other."""
    lines = []
    for kernel in sorted(measured.keys() | budgets.keys()):
        if kernel not in measured or kernel not in budgets:
            lines.append(f"{kernel}: {'not compiled' if kernel in budgets else 'has no budget'}")
            continue
        for arch in sorted(measured[kernel].keys() | budgets[kernel].keys()):
            found, budget = measured[kernel].get(arch), budgets[kernel].get(arch)
            if found is None or budget is None:
                lines.append(f"{kernel} {arch}: {'not compiled' if budget else 'has no budget'}")
                continue
            for figure, least in (("registers", budget["registers"]), ("shared", budget["shared"])):
                if found[figure] > least:
                    lines.append(f"{kernel} {arch}: {figure} {found[figure]}, at most {least}")
            for figure in ("stack", "spills"):
                if found[figure]:
                    lines.append(f"{kernel} {arch}: {found[figure]} bytes of {figure}, none allowed")
    return lines


def write(path, measured):
    kept = {
        kernel: {arch: {"registers": f["registers"], "shared": f["shared"]} for arch, f in sorted(of.items())}
        for kernel, of in sorted(measured.items())
    }
    rows = ",\n".join(f"  {json.dumps(kernel)}: {json.dumps(of)}" for kernel, of in kept.items())
    with open(path, "w", encoding="utf-8") as file:
        file.write("{\n" + rows + "\n}\n")


def main(arguments):
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--budgets", default=os.path.join(ROOT, "kernels/cuda/budgets.json"))
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args(arguments)
    if not options.folder:
        print("no nvcc 12.8 or newer: kernels were not compiled for devices, budgets not checked")
        return 77
    measured = measure(options.folder)
    if options.write:
        write(options.budgets, measured)
    with open(options.budgets, encoding="utf-8") as file:
        lines = compare(measured, json.load(file))
    print("\n".join(lines) if lines else f"{len(measured)} kernels within their budgets, no stack, no spills")
    return 1 if lines or not measured else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
