"""bench/compare.py: its arithmetic by hand, and runs on a tiny model.

usage: compare_test.py BUILD_FOLDER MODEL.gguf
"""

import contextlib
import io
import json
import os
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench"))
import compare  # noqa: E402
import compare_kernels  # noqa: E402
import compare_table  # noqa: E402
import serve  # noqa: E402

BUILD, MODEL = sys.argv[1:3]
STEP_BENCH = os.path.join(BUILD, "bench/step_bench")
ABOUT = {"token_bytes": 990, "kv_token_bytes": 1, "file_bytes": 10**9, "backend": "cpu", "layers": 1}
CASE = compare.Steps("a case", "decode 1 8 4", 1, 1.5, 1.9)


class Arithmetic(unittest.TestCase):
    def test_less_is_better_where_the_aim_is_below_the_must(self):
        verdicts = [compare_table.verdict(value, 1.1, 1.02) for value in (1.0, 1.05, 1.2)]
        self.assertEqual(verdicts, ["aim", "must", "missed"])
        self.assertEqual([compare_table.verdict(v, 2, 3) for v in (3, 2.5, 1)], ["aim", "must", "missed"])

    def test_medians_are_compared_and_turns_show_the_spread(self):
        got = compare_table.step_row(CASE, {"ours": [1, 1, 4], "peer": [2, 3, 2]})
        self.assertEqual((got["value"], got["low"], got["high"]), (2, 0.5, 3))
        self.assertEqual((got["ours"], got["peer"], got["verdict"]), ("1 tok/s", "0.5 tok/s", "aim"))

    def test_the_best_way_of_the_peer_counts(self):
        times = {"ours": [1], "peer unified": [9], "peer no-repack split": [1.25], "peer split": [2]}
        got = compare_table.step_row(CASE, times)
        self.assertEqual((got["value"], got["verdict"]), (1.25, "missed"))
        self.assertEqual(got["peer"], "0.8 tok/s (no-repack split)")

    def test_bandwidth_counts_weights_and_cache(self):
        got = compare_table.bandwidth_row(CASE, {"ours": [1, 1], "read": [1250, 1250]}, ABOUT)
        self.assertEqual((got["value"], got["verdict"]), (80, "must"))  # 990 + 8 + 4 / 2 bytes

    def test_served_figures_of_the_peer_follow_its_speed_here(self):
        load = {"ttft_p50_ms": 4100, "tokens_per_second": 74, "streams": 16, "tokens": 512}
        rate, first = compare_table.burst_rows(compare.CASES["burst"], {"results": [load]}, [1 / 66])
        self.assertAlmostEqual(rate["value"], 74 / 29.6)  # twice as fast here as there
        self.assertAlmostEqual(first["value"], 12.3 / 4.1)

    def test_unused_cache_excuses_no_memory(self):
        load = {"streams": 2, "tokens": 64}
        found = {"results": [load], "prompt_tokens": 32, "peak_memory_mib": 10**9 / 2**20 + 1}
        got = compare_table.memory_row(compare.CASES["burst"], found, ABOUT)
        self.assertAlmostEqual(got["value"], (2**20 - (2 * 64 + 544)) / 1e6)

    def test_shares_of_kernels_are_medians_of_all_rounds(self):
        turns = ({"4": (56, 130, 232)}, {"4": (62, 140, 226)})
        rounds = [{"avx2": turn, "avx512": {}} for turn in turns]
        [got] = compare_kernels.cache_rows("strips", rounds)  # no row for what was not measured
        self.assertEqual((got["value"], got["low"], got["verdict"]), (59, 56, "missed"))
        self.assertEqual((got["ours"], got["peer"]), ("135 GMAC/s", "they alone: 229"))

    def test_what_a_crowd_leaves_is_a_share_of_the_quiet_speed(self):
        times = {"ours": [[1, 2], [1, 4], [2, 4]], "peer": [[1, 10]], "peer no-repack": [[1, 5]]}
        got = compare_table.crowd_row(compare.CASES["decode-1-crowded"], times)
        self.assertEqual((got["value"], got["low"], got["verdict"]), (50, 25, "aim"))
        self.assertEqual(got["ours"], "50 %: 0.25 of 1 tok/s")
        self.assertEqual(got["peer"], "20 %: 0.2 of 1 tok/s (no-repack)")
        del times["peer"], times["peer no-repack"]
        self.assertEqual(compare_table.crowd_row(compare.CASES["decode-1-crowded"], times)["peer"], "")

    def test_one_differing_bit_is_one_too_many(self):
        lines = [{"usual": "cpu/avx512"}, {"against": "mapped", "tokens": 100, "differing_bits": 0}]
        self.assertEqual(compare_kernels.equal_rows("bits", [lines])[0]["verdict"], "aim")
        lines.append({"against": "avx2", "tokens": 100, "differing_bits": 1})
        [got] = compare_kernels.equal_rows("bits", [lines])
        self.assertEqual((got["figure"], got["value"], got["verdict"]), ("bits in 200 tokens", 1, "missed"))

    def test_sides_take_turns(self):
        near = list(compare.turns(["prompt-512"], ["ours", "peer"], 2, alone=False))
        self.assertEqual([side for _, side, _ in near], ["ours", "peer", "ours", "peer"])
        alone = list(compare.turns(["prompt-512", "prompt-2048"], ["ours", "peer"], 1, alone=True))
        self.assertEqual([side for _, side, _ in alone], ["ours", "ours", "peer", "peer"])
        modes = [(side, mode) for _, side, mode in compare.turns(["decode-64"], ["ours", "peer"], 1, False)]
        self.assertEqual(modes, [("ours", ""), ("peer", "unified"), ("peer", "split")])


class Commands(unittest.TestCase):
    def setUp(self):
        self.program = compare.Program([STEP_BENCH, MODEL, "--kv-tokens", "1024"])

    def tearDown(self):
        self.assertGreater(self.program.close(), 0)

    def test_each_step_is_timed(self):
        self.program.process.stdin.write("decode 3 40 5\n")
        seconds = self.program.answer()["seconds"]
        self.assertEqual(len(seconds), 5)
        self.assertGreater(min(seconds), 0)
        self.assertGreater(self.program.ask("prompt 700 64"), 0)
        self.assertGreater(self.program.ask("decode 1 900 2"), 0)  # longer than what is computed

    def test_a_token_reads_a_part_of_the_file(self):
        about = self.program.about
        self.assertEqual(about["file_bytes"], os.path.getsize(MODEL))
        self.assertLess(about["token_bytes"], about["file_bytes"])
        self.assertGreater(about["token_bytes"], about["file_bytes"] / 16)

    def test_what_cannot_be_done_is_said(self):
        wrong = ("decode 0 1 1", "decode 1 1", "prompt 9999999999 1", "sing 1 2", "decode 40 32 1", "")
        for command in wrong:
            with self.subTest(command), self.assertRaises(RuntimeError):
                self.program.ask(command)
        self.assertGreater(self.program.ask("prompt 8 8"), 0)  # it goes on


class Run(unittest.TestCase):
    def run_script(self, *arguments):
        with tempfile.TemporaryDirectory() as out, contextlib.redirect_stdout(io.StringIO()) as said:
            compare.main([MODEL, "--build", BUILD, "--rounds", "2", "--out", out, *arguments])
            written = {pathlib.Path(name).suffix: pathlib.Path(out, name) for name in os.listdir(out)}
            self.assertEqual(set(written), {".json", ".md"})
            result, table = json.loads(written[".json"].read_text()), written[".md"].read_text()
        for row in result["rows"]:
            self.assertIn(row["figure"], table)
        return result, said.getvalue()

    def test_without_a_peer_ours_is_measured_alone(self):
        os.environ.pop("PEER_PYTHON", None)
        result, said = self.run_script("--cases", "decode-1,prompt-512,burst,shared")
        self.assertIn("no llama.cpp beside us", said)
        self.assertEqual(set(result["times"]["decode-1"]), {"read", "ours"})
        judged = {row["figure"].split(": ")[-1] for row in result["rows"] if "verdict" in row}
        self.assertEqual(judged, {"share of read bandwidth", "peak memory beside file and used KV",
                                  "prompt work of one"})  # fmt: skip
        self.assertLess(result["served"]["shared"]["work_of_one"], 1.1)

    def test_a_turn_is_repeated_in_a_crowd(self):
        result, _ = self.run_script("--cases", "decode-1-crowded,crowded", "--rounds", "1")
        for quiet, crowded in result["times"]["decode-1-crowded"]["ours"]:
            self.assertGreater(min(quiet, crowded), 0)
        self.assertEqual([row["unit"] for row in result["rows"]], ["%", "%"])
        self.assertEqual(len(result["served"]["crowded"]["shares"]), serve.CROWDED_TURNS)

    def test_kernels_are_held_against_the_machine(self):
        result, _ = self.run_script("--cases", "strips-cache,strips-memory", "--rounds", "1")
        for name, program in (("strips-cache", "avx2"), ("strips-memory", "avx2")):
            for share, speed, limit in result["alone"][name][0][program].values():
                self.assertGreater(min(share, speed, limit), 0)

    def test_with_a_peer_it_is_a_ratio_of_as_many_turns(self):
        with tempfile.TemporaryDirectory() as folder:
            peer = pathlib.Path(folder, "python")  # ours again, which does not look at the script's name
            peer.write_text(f'#!/bin/sh\nexec "{STEP_BENCH}" "$2"\n')
            peer.chmod(0o700)
            result, _ = self.run_script("--cases", "prompt-512", "--peer-python", str(peer))
        self.assertEqual({side: len(t) for side, t in result["times"]["prompt-512"].items()},
                         {"ours": 2, "peer": 2, "peer no-repack": 2})  # fmt: skip
        self.assertGreater(result["rows"][0]["value"], 0)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
