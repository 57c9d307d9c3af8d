"""bench/equal_bits: 20,000 tokens under each of its circumstances, on models with different kinds of weights.

usage: equal_bits_test.py EQUAL_BITS MAKE_TINY_GGUF
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench"))
import compare_kernels  # noqa: E402

PROGRAM, MAKE_MODEL = sys.argv[1:3]


class EqualBits(unittest.TestCase):
    def check(self, model):
        out = subprocess.check_output([PROGRAM, *model, "--tokens", "20000"], text=True, timeout=100)
        usual, *others = map(json.loads, out.splitlines())
        self.assertGreater(usual["different_answers"], 150, "answers are alike: equality would prove nothing")
        self.assertGreater(usual["tokens_per_step"], 32)
        found = {other["against"]: other for other in others}
        self.assertLess(found["1 at a time"]["tokens_per_step"], 1.1)
        self.assertLessEqual({"mapped", "1 thread", "1 at a time"}, set(found))
        for other in others:
            self.assertGreater(other["tokens"], 0)
            self.assertEqual(other["differing_bits"], 0, other["against"])

    def test_the_model_inside(self):
        self.check([])

    def test_a_mix_of_k_quants(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "tiny.gguf")
            subprocess.run([MAKE_MODEL, "--out", path, *compare_kernels.SMALL_MODEL], check=True)
            self.check([path])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
