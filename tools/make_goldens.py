#!/usr/bin/env python3
"""Writes tests/engine/model/goldens/*.txt: what an independent float32 forward pass in numpy computes for
small synthetic models. The models themselves are made anew by the tests, from the first line of each file.

  tools/make_goldens.py --reference reference_forward.py --make build/release/tools/make_tiny_gguf

A file has: "model", the flags of make_tiny_gguf; "prompt", token ids; then for float models "greedy", the 64
tokens that follow, and "logits POSITION", all logits in hex float32; for quantised models "top POSITION", the
16 likeliest tokens with their log-probabilities.
"""

import argparse
import importlib.util
import pathlib
import random
import subprocess
import tempfile

import numpy as np

OUT = pathlib.Path(__file__).resolve().parents[1] / "tests/engine/model/goldens"
SMALL = "--hidden 64 --layers 2 --heads 4 --kv-heads 2"
WIDE = "--hidden 256 --layers 2 --heads 4 --kv-heads 2 --head-dim 64 --ffn 256"
FLOAT = {
    "moe_8_experts_top_2": f"{SMALL} --arch qwen3moe --head-dim 24 --experts 8 --experts-used 2",
    "moe_8_experts_top_1": f"{SMALL} --arch qwen3moe --experts 8 --experts-used 1 --seed 2",
    "moe_16_experts_top_8_tied": f"{SMALL} --arch qwen3moe --experts 16 --experts-used 8 --tied --seed 3",
    "moe_128_experts_top_8": f"{SMALL} --arch qwen3moe --ffn 32 --experts 128 --experts-used 8 --seed 4",
    "moe_f16": f"{SMALL} --arch qwen3moe --type F16 --experts 8 --experts-used 4 --seed 5",
    "qwen3": f"{SMALL} --arch qwen3 --head-dim 40 --seed 6",
    "qwen2_tied": f"{SMALL} --arch qwen2 --tied --seed 7",
    "llama": f"{SMALL} --arch llama --pre llama-bpe --seed 8",
    "llama_bf16": f"{SMALL} --arch llama --pre llama-bpe --type BF16 --seed 9",
}
QUANTISED = {
    "moe_q8_0": f"{WIDE} --arch qwen3moe --type Q8_0 --experts 8 --experts-used 2 --seed 11",
    "moe_q4_k_m_128_experts": f"{WIDE} --arch qwen3moe --type Q4_K_M --experts 128 --experts-used 8 "
    "--seed 12",
    "moe_q4_k_16_experts": f"{WIDE} --arch qwen3moe --type Q4_K --experts 16 --experts-used 4 --seed 13",
    "qwen3_q6_k": f"{WIDE} --arch qwen3 --type Q6_K --seed 14",
    "qwen2_q4_0": f"{WIDE} --arch qwen2 --type Q4_0 --seed 15",
    "llama_q5_k": f"{WIDE} --arch llama --pre llama-bpe --type Q5_K --seed 16",
}
POSITIONS = 512


def log_softmax(x):
    shifted = x - x.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def float_lines(reference, model, prompt):
    tokens = list(prompt)
    logits = reference.forward(model, tokens)
    for position in (0, len(prompt) // 2, len(prompt) - 1):
        yield f"logits {position} {logits[position].astype(np.float32).tobytes().hex()}"
    for _ in range(64):
        tokens.append(int(reference.forward(model, tokens)[-1].argmax()))
    yield "greedy " + " ".join(map(str, tokens[len(prompt) :]))


def quantised_lines(reference, model, prompt):
    logprobs = log_softmax(reference.forward(model, prompt).astype(np.float64))
    for position, row in enumerate(logprobs):
        top = np.argsort(-row, kind="stable")[:16]
        yield f"top {position} " + " ".join(f"{t}:{row[t]:.6g}" for t in top)


def main():
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--reference", required=True, help="the numpy forward pass, a Python file")
    parser.add_argument("--make", required=True, help="make_tiny_gguf")
    args = parser.parse_args()
    spec = importlib.util.spec_from_file_location("reference", args.reference)
    reference = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(reference)
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/model.gguf"
        for name, flags in {**FLOAT, **QUANTISED}.items():
            subprocess.run([args.make, "--out", path, *flags.split()], check=True)
            rng = random.Random(name)
            prompt = [rng.randrange(400) for _ in range(40 if name in FLOAT else POSITIONS)]
            lines = float_lines if name in FLOAT else quantised_lines
            body = lines(reference, reference.Model(path), prompt)
            text = "\n".join([f"model {flags}", "prompt " + " ".join(map(str, prompt)), *body])
            (OUT / f"{name}.txt").write_text(text + "\n")
            print(name, flush=True)


if __name__ == "__main__":
    main()
