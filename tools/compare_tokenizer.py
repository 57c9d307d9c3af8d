#!/usr/bin/env python3
"""Compares our token ids with those of the PyPI library `tokenizers` on random Unicode texts.

usage: tools/compare_tokenizer.py --vocab FILE.gguf [--count 100000] [--seed 1] [--tokenize build/dev/tools/tokenize]
       tools/compare_tokenizer.py --write-sample tests/engine/tokenizer/data
Exit status 1 if any text differs. Build the other side first: cmake --build build/dev --target tokenize.

The library gets no normaliser: Qwen's own has NFC, GGUF readers have none (engine/tokenizer/tokenizer.h).
--write-sample trains a small vocabulary on fixed text and writes it, and 300 texts with the ids that the library
gives under both pre-tokenisers: what tests/engine/tokenizer/sample_test.cpp reads.
"""

import argparse
import json
import pathlib
import random
import subprocess
import sys

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from random_text import random_text

PATTERN = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}%s| ?[^\s\p{L}\p{N}]+[\r\n]*"
           r"|\s*[\r\n]+|\s+(?!\S)|\s+")
DIGITS = {"qwen2": "", "llama-bpe": "{1,3}"}
USER_DEFINED = 4


def library_tokenizer(pre, tokens, merges):
    ids = {token: i for i, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE(ids, merges, ignore_merges=pre == "llama-bpe"))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(PATTERN % DIGITS[pre]), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def from_gguf(path):
    from gguf import GGUFReader
    fields = GGUFReader(path).fields
    value = lambda key: fields["tokenizer.ggml." + key].contents()
    tokens, types = value("tokens"), value("token_type")
    merges = [tuple(merge.split(" ")) for merge in value("merges")]
    tokenizer = library_tokenizer(value("pre"), tokens, merges)
    tokenizer.add_tokens([AddedToken(t, normalized=False) for t, kind in zip(tokens, types) if kind == USER_DEFINED])
    return tokenizer


def our_ids(program, vocab, texts):
    blobs = [text.encode() for text in texts]
    stdin = b"".join(b"%d\n%s" % (len(blob), blob) for blob in blobs)
    out = subprocess.run([program, vocab], input=stdin, stdout=subprocess.PIPE, check=True).stdout
    return [[int(i) for i in line.split()] for line in out.decode().splitlines()]


def compare(args):
    rng = random.Random(args.seed)
    texts = [random_text(rng) for _ in range(args.count)]
    ours = our_ids(args.tokenize, args.vocab, texts)
    if len(ours) != len(texts):
        sys.exit(f"{len(texts)} texts, but {len(ours)} answers")
    theirs = [e.ids for e in from_gguf(args.vocab).encode_batch(texts, add_special_tokens=False)]
    differ = [i for i in range(len(texts)) if ours[i] != theirs[i]]
    for i in differ[:10]:
        print(f"{texts[i]!a}\n  ours   {ours[i]}\n  theirs {theirs[i]}")
    print(f"{len(texts)} strings, {sum(map(len, theirs))} tokens, {len(differ)} differ")
    return 1 if differ else 0


def write_sample(folder):
    rng = random.Random(7)
    corpus = [random_text(random.Random(seed)) for seed in range(3000)]
    corpus += pathlib.Path(__file__).with_name("random_text.py").read_text().splitlines() * 3
    trained = library_tokenizer("llama-bpe", [], [])
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trained.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=1000, initial_alphabet=alphabet,
                                                            show_progress=False))
    model = json.loads(trained.to_str())["model"]
    tokens = sorted(model["vocab"], key=model["vocab"].get)
    merges = [tuple(m) if isinstance(m, list) else tuple(m.split(" ")) for m in model["merges"]]
    tokenizers = [library_tokenizer(pre, tokens, merges) for pre in DIGITS]
    lines = []
    for _ in range(300):
        text = random_text(rng)
        ids = [" ".join(map(str, t.encode(text).ids)) for t in tokenizers]
        lines.append("\t".join([text.encode().hex(), *ids]))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokens.txt").write_text("\n".join(tokens) + "\n")
    (folder / "merges.txt").write_text("\n".join(" ".join(m) for m in merges) + "\n")
    (folder / "samples.tsv").write_text("\n".join(lines) + "\n")
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    task = parser.add_mutually_exclusive_group(required=True)
    task.add_argument("--vocab")
    task.add_argument("--write-sample", type=pathlib.Path, metavar="FOLDER")
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tokenize", default="build/dev/tools/tokenize")
    args = parser.parse_args()
    return write_sample(args.write_sample) if args.write_sample else compare(args)


if __name__ == "__main__":
    sys.exit(main())
