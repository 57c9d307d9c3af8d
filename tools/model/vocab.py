#!/usr/bin/env python3
"""Trains the built-in model's vocabulary: byte-level BPE with the qwen2 pre-tokeniser.

usage: tools/model/vocab.py --out FILE [--size 2048] [--seed 1]     writes the form of Hugging Face tokenizers
"""

import argparse
import pathlib

import tokenizers
from tokenizers import decoders, models, pre_tokenizers, trainers

import data
import words

CONTROL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
# Never parts of longer tokens, so that a name is the same tokens after them as elsewhere. The double quote is
# among them for JSON: the qwen2 rule would join it with the word that follows.
TAGS = [
    "<tool_call>",
    "</tool_call>",
    "<tool_response>",
    "</tool_response>",
    "<function=",
    "</function>",
    "<parameter=",
    "</parameter>",
    '"',
]
QWEN2 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
CONVERSATIONS = 30000


def texts(seed):
    r = words.Dice(f"vocabulary/{seed}")
    for _ in range(CONVERSATIONS):
        yield data.render(*data.conversation(r))


def train(size, seed):
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(tokenizers.Regex(QWEN2), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size - len(CONTROL) - len(TAGS) + 1,
        show_progress=False,
        min_frequency=5,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    quote = str.maketrans({'"': "\n"})
    marks = CONTROL + TAGS[:-1]

    def plain():  # without what will be tokens of its own
        for text in texts(seed):
            for mark in marks:
                text = text.replace(mark, "\n")
            yield text.translate(quote)

    tokenizer.train_from_iterator(plain(), trainer)
    tokenizer.add_special_tokens([tokenizers.AddedToken(t, normalized=False) for t in CONTROL])
    tokenizer.add_tokens([tokenizers.AddedToken(t, normalized=False, special=False) for t in TAGS])
    return tokenizer


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--size", type=int, default=2048)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    tokenizer = train(args.size, args.seed)
    tokenizer.save(str(args.out))
    print(f"{args.out}: {tokenizer.get_vocab_size()} tokens")


if __name__ == "__main__":
    main()
