"""Runs one case of each benchmark program, named on the command line, and checks what it counts by hand."""

import json
import os
import subprocess
import sys
import tempfile
import unittest

PROGRAMS = {os.path.basename(path): path for path in sys.argv[1:]}

Q4_K, Q6_K = 144 / 256, 210 / 256  # bytes of a weight
KV_ROW = 4 * 128  # elements of a token's keys in 4 heads
HEADS = 32 * 128
EXPERT = 768 * 2048  # weights of each of its three matrices

# program, benchmark -> bytes and multiply-adds of one call; None: it has no such figure
CASES = {
    ("bench_attention", "decode/scalar/F16/128/1"): (128 * 2 * KV_ROW * 2, 128 * HEADS * 2),
    ("bench_attention", "decode/scalar/Q8_0/128/1"): (128 * 2 * 4 * (128 + 4), 128 * HEADS * 2),
    ("bench_attention", "prefill/scalar/F16/128"): (128 * 2 * KV_ROW * 2, sum(range(65, 129)) * HEADS * 2),
    ("bench_gemm", "linear/scalar/Q4_K/rows/4"): (2048 * 4096 * Q4_K, 4 * 2048 * 4096),
    ("bench_gemm", "linear/scalar/BF16/rows/1"): (2048 * 4096 * 2, 2048 * 4096),
    ("bench_grammar", "mask/known"): (None, None),
    ("bench_grammar", "allow/few"): (151936 * 4, None),
    ("bench_hw", "copy/4KiB"): (4096, None),
    ("bench_memory", "read/4/small"): (None, None),
    ("bench_memory", "read/4/huge"): (None, None),
    ("bench_moe", "route/scalar/4"): (4 * 128 * 4, None),
    ("bench_moe", "moe_ffn/scalar/Q4_K_Q6_K/rows/1"): (8 * EXPERT * (2 * Q4_K + Q6_K), 8 * 3 * EXPERT),
    ("bench_moe", "dense_ffn/scalar/Q4_K_Q6_K/rows/1"): (8 * EXPERT * (2 * Q4_K + Q6_K), 8 * 3 * EXPERT),
    ("bench_sampling", "sample/greedy"): (151936 * 4, None),
    ("bench_scheduler", "step/4"): (None, None),
    ("bench_strips", "strips/scalar/Q4_K/1"): (None, 32 * 2048),
    ("bench_vector", "rms_norm/scalar/1"): (2 * 2048 * 4, None),
}


def run_one(program, name):
    with tempfile.NamedTemporaryFile(suffix=".json") as out:
        subprocess.run(
            [
                PROGRAMS[program],
                "--threads=1",
                f"--benchmark_filter=^{name}/real_time",
                "--benchmark_min_time=0",
                f"--benchmark_out={out.name}",
                "--benchmark_out_format=json",
            ],
            check=True,
            capture_output=True,
            timeout=60,
        )
        return json.load(out)["benchmarks"]


class Programs(unittest.TestCase):
    def test_every_program_has_a_case(self):
        self.assertEqual({program for program, _ in CASES}, set(PROGRAMS))

    def test_names_are_listed_once(self):
        for path in PROGRAMS.values():
            names = subprocess.check_output([path, "--benchmark_list_tests"], text=True).split()
            self.assertTrue(names)
            self.assertEqual(len(names), len(set(names)), path)

    def test_what_is_counted(self):
        for (program, name), (size, macs) in CASES.items():
            with self.subTest(name):
                rows = run_one(program, name)
                self.assertEqual(len(rows), 1)
                row = rows[0]
                self.assertNotIn("error_occurred", row)
                self.assertGreater(row["real_time"], 0)
                if size:
                    self.assertAlmostEqual(row["MB"], size / 1e6, 6)
                    self.assertGreater(row["GB/s"], 0)
                if macs:
                    self.assertAlmostEqual(row["MMAC"], macs / 1e6, 6)
                if name.startswith("moe_ffn"):
                    self.assertEqual(row["rows/expert"], 1)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
