#!/usr/bin/env python3
"""Trains the built-in model on the CPU. Stopped at any time, it goes on from its last checkpoint.

usage: tools/model/train.py --run FOLDER --steps N [--threads 1] [--seed 1]
In FOLDER: tokenizer.json (from vocab.py, read), checkpoint.pt, log.jsonl (one line in 20 steps).
Learning rate: a warm-up, then constant, then down to 0 over the last 30 % of the steps, so that --steps may
still be changed before that part begins.
"""

import argparse
import dataclasses
import json
import pathlib
import time

import tokenizers
import torch
import torch.nn.functional as F

import data
import net

LENGTH, ROWS, CONVERSATIONS = 512, 7, 4000
RATE, WARM_UP, DECAY, BALANCE = 2e-3, 100, 0.3, 0.01
CHECKPOINT_SECONDS, LOG_STEPS = 120, 20


class Rows:
    """Batches without end, from one shard after the other; its place is two numbers."""

    def __init__(self, tokenizer, seed, shard=0, at=0):
        self.tokenizer, self.seed, self.shard, self.at, self.rows = tokenizer, seed, shard, at, None

    def batch(self):
        if self.rows is not None and self.at + ROWS > len(self.rows):
            self.shard, self.at, self.rows = self.shard + 1, 0, None
        if self.rows is None:
            self.rows = data.shard(self.tokenizer, self.seed, self.shard, CONVERSATIONS, LENGTH)
        rows = self.rows[self.at : self.at + ROWS]
        self.at += ROWS
        ids, learn, positions, document = (torch.zeros(ROWS, LENGTH, dtype=torch.long) for _ in range(4))
        document -= 1
        for i, row in enumerate(rows):
            for field, values in zip((ids, learn, positions, document), row):
                field[i, : len(values)] = torch.tensor(values)
        return ids, learn.bool(), positions, document


def rate(step, steps):
    if step < WARM_UP:
        return RATE * (step + 1) / WARM_UP
    return RATE * min(1.0, max(0.0, (steps - step) / (DECAY * steps)))


def optimiser(model):
    flat = [p for n, p in model.named_parameters() if p.dim() < 2 or "token_embd" in n]
    deep = [p for n, p in model.named_parameters() if not (p.dim() < 2 or "token_embd" in n)]
    return torch.optim.AdamW(
        [{"params": flat, "weight_decay": 0.0}, {"params": deep, "weight_decay": 0.05}],
        lr=RATE,
        betas=(0.9, 0.97),
        fused=True,
    )


def loss_of(model, batch):
    ids, learn, positions, document = batch
    pick = torch.zeros_like(learn)
    pick[:, :-1] = learn[:, 1:] & (document[:, 1:] == document[:, :-1])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits, balance, load = model(ids, positions, document, pick)
    target = ids[:, 1:][pick[:, :-1]]
    right = (logits.argmax(-1) == target).float().mean()
    return F.cross_entropy(logits.float(), target), balance, load, right.item()


def save(path, model, optimizer, rows, step, seconds):
    fresh = path.with_suffix(".new")
    torch.save(
        {
            "shape": dataclasses.asdict(model.s),
            "model": model.state_dict(),
            "optimizer": optimizer.state_dict(),
            "shard": rows.shard,
            "at": rows.at,
            "step": step,
            "seconds": seconds,
        },
        fresh,
    )
    fresh.replace(path)


def load(path):
    """A trained model, for export and comparing."""
    state = torch.load(path, weights_only=True)
    model = net.Model(net.Shape(**state["shape"]))
    model.load_state_dict(state["model"])
    return model.eval(), state


def log(folder, step, began, seconds, **values):
    line = {"step": step, "seconds": round(seconds + time.monotonic() - began), **values}
    with open(folder / "log.jsonl", "a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
    print(line, flush=True)


def train(folder, steps, seed):
    tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    torch.manual_seed(seed)
    model = net.Model(net.Shape(vocab=tokenizer.get_vocab_size()))
    optimizer, rows = optimiser(model), Rows(tokenizer, seed)
    path, step, seconds, began = folder / "checkpoint.pt", 0, 0, time.monotonic()
    if path.exists():
        state = torch.load(path, weights_only=True)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        step, seconds = state["step"], state["seconds"]
        rows = Rows(tokenizer, seed, state["shard"], state["at"])
    saved = began
    while step < steps:
        for group in optimizer.param_groups:
            group["lr"] = rate(step, steps)
        loss, balance, shares, right = loss_of(model, rows.batch())
        (loss + BALANCE * balance).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        step += 1
        if step % LOG_STEPS == 0:
            log(
                folder,
                step,
                began,
                seconds,
                loss=round(loss.item(), 4),
                right=round(right, 4),
                balance=round(balance.item(), 3),
                least=round(shares.min().item(), 4),
            )
        if time.monotonic() - saved > CHECKPOINT_SECONDS or step == steps:
            saved = time.monotonic()
            save(path, model, optimizer, rows, step, seconds + saved - began)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", type=pathlib.Path, required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    train(args.run, args.steps, args.seed)


if __name__ == "__main__":
    main()
