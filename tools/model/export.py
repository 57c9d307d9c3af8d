#!/usr/bin/env python3
"""Writes the built-in model as GGUF: Q8_0 matrices, F32 vectors and router, vocabulary, merges, template.

usage: tools/model/export.py --run FOLDER --out FILE.gguf      reads tokenizer.json and checkpoint.pt
"""

import argparse
import json
import pathlib

import gguf
import gguf.quants
import numpy as np

import data
import vocab

NAME = "sluice-small"
ARCH = "qwen3moe"
LIMIT = 16 << 20
Q8_0 = gguf.GGMLQuantizationType.Q8_0


def vocabulary(path):
    """(tokens, types, merges) from the file of vocab.py."""
    made = json.loads(path.read_text(encoding="utf-8"))
    by_id = {number: token for token, number in made["model"]["vocab"].items()}
    by_id.update({each["id"]: each["content"] for each in made["added_tokens"]})
    tokens = [by_id[i] for i in range(len(by_id))]
    kinds = {
        **dict.fromkeys(vocab.CONTROL, gguf.TokenType.CONTROL),
        **dict.fromkeys(vocab.TAGS, gguf.TokenType.USER_DEFINED),
    }
    kinds['"'] = gguf.TokenType.NORMAL  # its byte's token, which no merge uses: the same tokens
    types = [int(kinds.get(token, gguf.TokenType.NORMAL)) for token in tokens]
    merges = [" ".join(m) if isinstance(m, list) else m for m in made["model"]["merges"]]
    return tokens, types, merges


def gguf_name(name):
    """blk.0.attention.attn_q.weight -> blk.0.attn_q.weight; expert stacks get their .weight."""
    name = name.replace(".attention.", ".").replace(".experts.", ".")
    return name if name.endswith(".weight") else name + ".weight"


def write_head(writer, shape, tokenizer):
    writer.add_name(NAME)
    writer.add_block_count(shape["layers"])
    writer.add_context_length(shape["context"])
    writer.add_embedding_length(shape["hidden"])
    writer.add_head_count(shape["heads"])
    writer.add_head_count_kv(shape["kv_heads"])
    writer.add_key_length(shape["head_dim"])
    writer.add_value_length(shape["head_dim"])
    writer.add_layer_norm_rms_eps(shape["eps"])
    writer.add_rope_freq_base(shape["rope_base"])
    writer.add_feed_forward_length(shape["ffn"])
    writer.add_expert_count(shape["experts"])
    writer.add_expert_used_count(shape["used"])
    writer.add_expert_feed_forward_length(shape["ffn"])
    tokens, types, merges = vocabulary(tokenizer)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges(merges)
    writer.add_eos_token_id(tokens.index("<|im_end|>"))
    writer.add_pad_token_id(tokens.index("<|endoftext|>"))
    writer.add_sampling_temp(0.0)  # one right answer to each question: nothing is to be drawn
    writer.add_chat_template(data.template_source())


def write(out, shape, weights, tokenizer):
    """weights: name -> float32 array, by the names of net.Model."""
    writer = gguf.GGUFWriter(out, ARCH)
    write_head(writer, shape, tokenizer)
    for name, value in weights.items():
        name, value = gguf_name(name), np.ascontiguousarray(value, dtype=np.float32)
        if value.ndim < 2 or "ffn_gate_inp" in name:
            writer.add_tensor(name, value)
        else:
            writer.add_tensor(name, gguf.quants.quantize(value, Q8_0), raw_dtype=Q8_0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    args = parser.parse_args()
    import torch  # only here: tests write files of made-up weights without it

    state = torch.load(args.run / "checkpoint.pt", weights_only=True)
    weights = {name: value.float().numpy() for name, value in state["model"].items()}
    write(args.out, state["shape"], weights, args.run / "tokenizer.json")
    size = args.out.stat().st_size
    print(f"{args.out}: {size} bytes, after {state['step']} steps")
    if size > LIMIT:
        raise SystemExit(f"{args.out} has more than {LIMIT} bytes")


if __name__ == "__main__":
    main()
