"""The built-in model in PyTorch: Qwen3-MoE, small. Weights have GGUF's names, so that export is a copy."""

import dataclasses
import math

import torch
import torch.nn.functional as F
from torch import nn


@dataclasses.dataclass
class Shape:
    vocab: int = 2048
    layers: int = 4
    hidden: int = 256
    heads: int = 4
    kv_heads: int = 2
    head_dim: int = 64
    ffn: int = 256  # of one expert
    experts: int = 8
    used: int = 2
    context: int = 4096
    rope_base: float = 10000.0
    eps: float = 1e-6


class Norm(nn.Module):
    def __init__(self, size, eps):
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.ones(size)), eps

    def forward(self, x):
        x = x.float()
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.eps) * self.weight


def rope_table(positions, shape):
    half = shape.head_dim // 2
    frequency = shape.rope_base ** (-torch.arange(half, dtype=torch.float32) / half)
    angle = positions[..., None].float() * frequency
    return angle.cos()[:, None], angle.sin()[:, None]  # batch, 1, time, half


def rotate(x, cos, sin):
    a, b = x.chunk(2, -1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)


class Attention(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.s = s
        self.attn_q = nn.Linear(s.hidden, s.heads * s.head_dim, bias=False)
        self.attn_k = nn.Linear(s.hidden, s.kv_heads * s.head_dim, bias=False)
        self.attn_v = nn.Linear(s.hidden, s.kv_heads * s.head_dim, bias=False)
        self.attn_output = nn.Linear(s.heads * s.head_dim, s.hidden, bias=False)
        self.attn_q_norm, self.attn_k_norm = Norm(s.head_dim, s.eps), Norm(s.head_dim, s.eps)

    def forward(self, x, rope, mask):
        s, (batch, time, _) = self.s, x.shape

        def split(y, heads):
            return y.view(batch, time, heads, s.head_dim).transpose(1, 2)

        q = rotate(self.attn_q_norm(split(self.attn_q(x), s.heads)), *rope)
        k = rotate(self.attn_k_norm(split(self.attn_k(x), s.kv_heads)), *rope)
        v = split(self.attn_v(x), s.kv_heads)
        repeat = s.heads // s.kv_heads
        k, v = k.to(v.dtype).repeat_interleave(repeat, 1), v.repeat_interleave(repeat, 1)
        score = (q * s.head_dim**-0.5).to(v.dtype) @ k.transpose(
            2, 3
        )  # on CPUs faster than the fused kernel
        y = (score + mask).softmax(-1, dtype=torch.float32).to(v.dtype) @ v
        return self.attn_output(y.transpose(1, 2).reshape(batch, time, -1))


class Experts(nn.Module):
    """Each token goes to the `used` best experts; their weights are made to add up to 1."""

    def __init__(self, s):
        super().__init__()
        self.s = s
        self.ffn_gate_inp = nn.Linear(s.hidden, s.experts, bias=False)
        self.ffn_gate_exps = nn.Parameter(torch.empty(s.experts, s.ffn, s.hidden))
        self.ffn_up_exps = nn.Parameter(torch.empty(s.experts, s.ffn, s.hidden))
        self.ffn_down_exps = nn.Parameter(torch.empty(s.experts, s.hidden, s.ffn))

    def forward(self, x):
        s, shape = self.s, x.shape
        x = x.reshape(-1, s.hidden)
        with torch.autocast("cpu", enabled=False):
            logits = F.linear(x.float(), self.ffn_gate_inp.weight)
        share = logits.softmax(-1)
        best, chosen = share.topk(s.used, -1)
        best = best / best.sum(-1, keepdim=True)
        load = torch.zeros(s.experts).index_add_(0, chosen.reshape(-1), torch.ones(chosen.numel()))
        load = load / load.sum()
        # Smallest, 1, when all experts have equal shares of the tokens (Shazeer 2017, Fedus 2021).
        balance = s.experts * (load * share.mean(0)).sum()
        order = chosen.reshape(-1).argsort(stable=True)
        tokens = order // s.used
        counts = torch.bincount(chosen.reshape(-1), minlength=s.experts).tolist()
        inputs = x.index_select(0, tokens).split(counts)
        done = [
            F.linear(F.silu(F.linear(t, gate)) * F.linear(t, up), down)
            for t, gate, up, down in zip(
                inputs, self.ffn_gate_exps.unbind(), self.ffn_up_exps.unbind(), self.ffn_down_exps.unbind()
            )
        ]
        y = torch.cat(done).float() * best.reshape(-1).index_select(0, order)[:, None]
        return torch.zeros_like(x, dtype=torch.float32).index_add(0, tokens, y).view(shape), balance, load


class Block(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.attn_norm, self.attention = Norm(s.hidden, s.eps), Attention(s)
        self.ffn_norm, self.experts = Norm(s.hidden, s.eps), Experts(s)

    def forward(self, x, rope, mask):
        x = x + self.attention(self.attn_norm(x), rope, mask)
        y, balance, load = self.experts(self.ffn_norm(x))
        return x + y, balance, load


class Model(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.s = s
        self.token_embd = nn.Embedding(s.vocab, s.hidden)  # also the output matrix
        self.blk = nn.ModuleList(Block(s) for _ in range(s.layers))
        self.output_norm = Norm(s.hidden, s.eps)
        for name, weight in self.named_parameters():
            if weight.dim() > 1:
                small = "attn_output" in name or "ffn_down" in name
                std = 0.02 if "token_embd" in name else weight.shape[-1] ** -0.5
                nn.init.normal_(weight, std=std / math.sqrt(2 * s.layers) if small else std)

    def forward(self, ids, positions, document, pick=None):
        """Logits (of the places that `pick` marks), balance loss, load by layer and expert.

        ids, positions and document (the number of the conversation) have the shape [batch, time].
        """
        time = ids.shape[1]
        same = document[:, :, None] == document[:, None, :]
        seen = same & torch.ones(time, time, dtype=torch.bool).tril()
        mask = torch.zeros(seen.shape, dtype=torch.bfloat16).masked_fill(~seen, -1e9)[:, None]
        rope = rope_table(positions, self.s)
        x, balances, loads = self.token_embd(ids).float(), [], []
        for block in self.blk:
            x, balance, load = block(x, rope, mask)
            balances.append(balance)
            loads.append(load)
        x = self.output_norm(x if pick is None else x[pick])
        return F.linear(x, self.token_embd.weight), torch.stack(balances).mean(), torch.stack(loads)


def alone(ids):
    """(positions, document) of one conversation that fills its row."""
    return torch.arange(ids.shape[1])[None], torch.zeros_like(ids)


@torch.no_grad()
def greedy(model, ids, end, limit=160):
    """The most likely continuation, computed anew for every token: for comparing, not for speed."""
    out = []
    while len(out) < limit:
        all_ids = torch.tensor([ids + out])
        logits, _, _ = model(all_ids, *alone(all_ids))
        token = int(logits[0, -1].argmax())
        if token == end:
            break
        out.append(token)
    return out
