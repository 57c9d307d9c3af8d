#!/usr/bin/env python3
"""Compares the served model's greedy answers with PyTorch's, and measures the load of the experts.

usage: tools/model/compare.py --run FOLDER --model FILE.gguf --sluice PROGRAM --out FILE.json
Exit status 1: fewer than three quarters of the answers are the same text, or an expert is dead.
Equal texts need an equal template, vocabulary and forward pass; Q8_0 may change a token here and there.
"""

import argparse
import json
import pathlib
import sys

import tokenizers
import torch

import data
import evaluate
import net
import train
import words

PROMPTS, CONVERSATIONS = 20, 300
DEAD = 0.01  # of the tokens: less is dead, with 8 experts


def answers_of(model, tokenizer):
    end = tokenizer.token_to_id("<|im_end|>")
    families = [f for f in data.FAMILIES if f != "tools"]  # calls come back parsed, not as text
    for i in range(PROMPTS):
        messages, _, _ = data.questions(families[i % len(families)], 1, seed=100 + i)[0]
        ids = tokenizer.encode(data.render(messages, prompt=True)).ids
        yield messages, len(ids), tokenizer.decode(net.greedy(model, ids, end), skip_special_tokens=False)


def experts(model, tokenizer):
    """Share of the tokens by layer and expert, over fresh conversations."""
    r, total, tokens = words.Dice("experts"), 0, 0
    for _ in range(CONVERSATIONS):
        ids = torch.tensor([data.encode(tokenizer, *data.conversation(r))[0]])
        with torch.no_grad():
            _, _, load = model(ids, *net.alone(ids))
        total, tokens = total + load * ids.numel(), tokens + ids.numel()
    return (total / tokens).tolist()


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("run", "model", "sluice", "out"):
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True)
    args = parser.parse_args()
    torch.set_num_threads(1)
    sys.path.insert(0, str(evaluate.ROOT / "tests/e2e"))
    import server as served

    served.SLUICE = str(args.sluice)
    tokenizer = tokenizers.Tokenizer.from_file(str(args.run / "tokenizer.json"))
    model, state = train.load(args.run / "checkpoint.pt")
    same, tokens = 0, 0
    with served.Server("--model", args.model) as server:
        for messages, length, text in answers_of(model, tokenizer):
            body = {"model": "default", "messages": messages, "temperature": 0, "max_tokens": 160}
            reply = server.post("/v1/chat/completions", body).json
            got = reply["choices"][0]["message"]["content"]
            same += got == text
            tokens += reply["usage"]["prompt_tokens"] == length
            if got != text:
                print(f"PyTorch: {text!r}\nserved:  {got!r}")
    load = experts(model, tokenizer)
    least = min(map(min, load))
    args.out.write_text(
        json.dumps(
            {
                "steps": state["step"],
                "prompts": PROMPTS,
                "same_answers": same,
                "same_prompt_lengths": tokens,
                "experts": load,
            }
        )
        + "\n",
        encoding="utf-8",
    )
    print(
        f"{same} of {PROMPTS} answers are the same, {tokens} prompts have as many tokens; "
        f"the least used expert takes {100 * least:.1f} % of the tokens"
    )
    return 0 if same >= 0.75 * PROMPTS and tokens == PROMPTS and least >= DEAD else 1


if __name__ == "__main__":
    sys.exit(main())
