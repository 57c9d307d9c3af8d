#!/usr/bin/env python3
"""Writes tests/kernels/data/quant_goldens.txt: random blocks of every type and their values, as the gguf
package (PyPI) dequantises them. One line a case: type, blocks in hex, float32 values in hex.

  tools/make_quant_goldens.py > tests/kernels/data/quant_goldens.txt
"""

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType
from gguf.quants import dequantize

# Where the f16 scales of a block lie: random bits there could be NaN.
SCALES = {"Q4_0": [0], "Q8_0": [0], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208]}


def main():
    random = np.random.default_rng(5)
    for name in ("F32", "F16", "BF16", "Q4_0", "Q8_0", "Q4_K", "Q5_K", "Q6_K"):
        kind = GGMLQuantizationType[name]
        _, size = GGML_QUANT_SIZES[kind]
        for _ in range(3):
            if name in SCALES:
                blocks = random.integers(0, 256, (2, size), dtype=np.uint8)
                for at in SCALES[name]:
                    scale = (random.standard_normal(2) * 0.01).astype(np.float16)
                    blocks[:, at : at + 2] = scale.view(np.uint8).reshape(2, 2)
                raw = blocks.reshape(1, -1)
            else:
                values = random.standard_normal(8).astype(np.float32)
                raw = {
                    "F32": values,
                    "F16": values.astype(np.float16),
                    "BF16": (values.view(np.uint32) >> 16).astype(np.uint16),
                }[name].view(np.uint8)
            if name == "F32":
                floats = raw.view(np.float32)
            elif name == "F16":
                floats = raw.view(np.float16).astype(np.float32)
            else:
                floats = dequantize(raw, kind).astype(np.float32)
            print(name, raw.tobytes().hex(), floats.tobytes().hex())


if __name__ == "__main__":
    main()
