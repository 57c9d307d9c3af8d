"""The arithmetic of bench/serve.py, and its SSE reader against a server that answers from a script."""

import asyncio
import json
import math
import pathlib
import sys
import time
import unittest
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench"))
import machine  # noqa: E402
import real_size  # noqa: E402
import serve  # noqa: E402


def stream(scheduled, times, end=None):
    made = serve.Stream(scheduled)
    made.times, made.end, made.tokens = times, end or times[-1], len(times)
    return made


class Arithmetic(unittest.TestCase):
    def test_percentiles_are_measured_values(self):
        self.assertEqual(serve.percentile([5, 1, 3], 50), 3)
        self.assertEqual(serve.percentile(range(1, 101), 99), 99)
        self.assertEqual(serve.percentile([7], 99), 7)
        self.assertTrue(math.isnan(serve.percentile([], 50)))

    def test_summary(self):
        got = serve.summarise([stream(0.0, [1.0, 1.5, 2.0]), stream(0.0, [2.0, 2.25, 4.0], end=5.0)])
        self.assertEqual((got["streams"], got["tokens"], got["seconds"]), (2, 6, 5.0))
        self.assertEqual(got["tokens_per_second"], 1.2)
        self.assertEqual((got["ttft_p50_ms"], got["ttft_p99_ms"]), (1000, 2000))
        self.assertEqual((got["gap_p50_ms"], got["gap_max_ms"]), (500, 1750))

    def test_gaps_after_a_moment(self):
        self.assertEqual(stream(0, [1, 2, 4, 8]).gaps(after=2), [2, 4])
        self.assertEqual(stream(0, [1, 2, 4, 8]).gaps(until=4), [1, 2])

    def test_a_stall_is_held_against_the_gaps_before_it(self):
        runners = [stream(0, [1, 2, 3, 7, 11, 12]) for _ in range(4)]  # slow from 3.5 to 11
        got = serve.stall_figures(runners, stream(3.5, [11]), 3.5)
        self.assertEqual((got["gap_median_ms"], got["gap_max_ms"], got["max_over_median"]), (1000, 4000, 4))
        self.assertEqual(got["newcomer_ttft_ms"], 7500)

    def test_shared_work_leaves_out_the_inputs_of_answers(self):
        runners = [stream(0, [1, 2, 3]) for _ in range(2)]
        for runner in runners:
            runner.prompt_tokens = 100
        got = serve.shared_figures(runners, 114.0)
        self.assertEqual((got["computed_tokens"], got["work_of_one"]), (110, 1.1))

    def test_a_crowd_slows_by_the_ratio_of_medians(self):
        quiet = [stream(0, [0, 1, 2]), stream(0, [0, 1, 2]), stream(0, [0, 4, 8])]
        beside = [stream(0, [0, 2, 4]), stream(0, [0, 4, 8]), stream(0, [0, 2, 4])]
        got = serve.crowded_figures(quiet, beside)
        self.assertEqual((got["quiet_tokens_per_second"], got["crowded_over_quiet"]), (1, 0.5))
        self.assertEqual(got["shares"], [0.5, 0.25, 2])

    def test_one_token_has_no_time_per_token(self):
        got = serve.summarise([stream(0.0, [1.0])])
        self.assertEqual((got["tpot_p50_ms"], got["gap_max_ms"]), (None, None))

    def test_scenarios_have_their_own_lengths(self):
        self.assertEqual(serve.parse(["--scenario", "stall"]).max_tokens, 384)
        self.assertEqual(serve.parse(["--scenario", "stall"]).running, 4)
        self.assertEqual(serve.parse(["--scenario", "shared", "--running", "3"]).running, 3)
        self.assertEqual(serve.parse(["--scenario", "stall", "--max-tokens", "9"]).max_tokens, 9)

    def test_prompts_share_no_prefix(self):
        first = {tuple(serve.random_prompt(seed, 3, 255)) for seed in range(64)}
        self.assertEqual(len(first), 64)

    def test_the_table_lines_up(self):
        lines = serve.table([{"a": 1, "long": 2}, {"a": 100, "long": 3}]).splitlines()
        self.assertEqual(len({len(line) for line in lines}), 1)

    def test_unused_memory_of_the_kv_cache_excuses_nothing(self):
        got = real_size.verdict(file_bytes=5, kv_bytes=100, used_kv_bytes=10, peak=10**9 + 16)
        self.assertTrue(got["within_file_kv_and_1_gb"])
        self.assertFalse(got["within_file_used_kv_and_1_gb"])

    def test_file_names_hold_no_spaces(self):
        facts = {"cpu": "A (R) CPU @ 2", "cores": 2, "flags": ["avx2"]}
        self.assertEqual(machine.slug(facts), "a-r-cpu-2-2c-avx2")


def sse(*chunks):
    return b"".join(
        b"data: " + (c if isinstance(c, bytes) else json.dumps(c).encode()) + b"\n\n" for c in chunks
    )


def text(value, logprobs=None):
    return {"choices": [{"text": value, "logprobs": logprobs}], "usage": None}


def token(value):
    return text(value, {"tokens": [value], "token_logprobs": [-1.0]})


USAGE = {"choices": [], "usage": {"completion_tokens": 3, "prompt_tokens": 2}}


class Reading(unittest.TestCase):
    def ask(self, pieces, status=b"200 OK", scheduled=None):
        async def answer(reader, writer):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = int(head.split("Content-Length: ")[1].split()[0])
            self.asked = json.loads(await reader.readexactly(length))
            writer.write(b"HTTP/1.1 " + status + b"\r\nTransfer-Encoding: chunked\r\n\r\n")
            for piece in [*pieces, b""]:
                writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                await writer.drain()
            writer.close()

        async def both():
            server = await asyncio.start_server(answer, "127.0.0.1", 0)
            async with server:
                port = server.sockets[0].getsockname()[1]
                address = urllib.parse.urlsplit(f"http://127.0.0.1:{port}")
                return await serve.ask(address, "m", [1, 2], 3, scheduled)

        return asyncio.run(both())

    def test_tokens_are_counted_wherever_chunks_split(self):
        whole = sse(text("a"), text(""), text("b"), USAGE, b"[DONE]")
        for size in (1, 7, len(whole)):
            got = self.ask([whole[i : i + size] for i in range(0, len(whole), size)])
            self.assertEqual((len(got.times), got.tokens, got.prompt_tokens), (2, 3, 2))

    def test_a_token_without_text_is_no_gap(self):
        got = self.ask([sse(token("a"), token(""), token("b"), text(""), USAGE, b"[DONE]")])
        self.assertEqual(len(got.times), 3)  # the last event only says that it ended

    def test_each_token_is_asked_for(self):
        self.ask([sse(token("a"), USAGE, b"[DONE]")])
        self.assertEqual(self.asked["logprobs"], 0)

    def test_text_of_a_chat_counts(self):
        pieces = [sse({"choices": [{"delta": d}]}) for d in ({"role": "assistant"}, {"content": "a"}, {})]
        self.assertEqual(len(self.ask([*pieces, sse(USAGE, b"[DONE]")]).times), 1)

    def test_who_is_sent_late_has_waited(self):
        got = self.ask([sse(text("a"), USAGE, b"[DONE]")], scheduled=time.perf_counter() - 5)
        self.assertGreaterEqual(got.ttft(), 5)

    def test_comments_are_no_tokens(self):
        self.assertEqual(len(self.ask([b": waiting\n\n", sse(text("a"), USAGE, b"[DONE]")]).times), 1)

    def test_errors_are_raised(self):
        for pieces, status in [
            ([b"{}"], b"503 Service Unavailable"),
            ([sse({"error": {"message": "x"}})], b"200 OK"),
            ([sse(b"[DONE]")], b"200 OK"),
            ([sse(text("a"), b"[DONE]")], b"200 OK"),  # no usage: its tokens are not known
        ]:
            with self.assertRaises(RuntimeError):
                self.ask(pieces, status)


if __name__ == "__main__":
    unittest.main()
