"""The rows of bench/compare.py: medians, their ratio with its spread, and what had to be reached."""

import math
import statistics

import serve

BLOCK_TOKENS = 32
# llama.cpp's server on a machine where it decoded one stream at 33 tokens/s, with 6 layers and the load of
# the case `burst`. It is not run beside ours: these figures are scaled by its speed with one stream here.
PEER_SERVED = {"decode": 33.0, "tokens_per_second": 14.8, "first_token_seconds": 24.6}


def verdict(value, must, aim):
    """Where the aim is below what must hold, less is better."""
    sign = 1 if aim > must else -1
    return "aim" if sign * value >= sign * aim else "must" if sign * value >= sign * must else "missed"


def row(figure, ours, peer, limits, values, unit="x", value=None):
    """`values`: of each turn. `value`: what counts, if not their median. Without any nothing is judged."""
    must, aim = limits
    found = {"figure": figure, "ours": ours, "peer": peer, "must": must, "aim": aim, "unit": unit}
    if values:
        value = statistics.median(values) if value is None else value
        found |= {"value": value, "low": min(values), "high": max(values)}
        found["verdict"] = verdict(value, must, aim)
    return found


def best_peer(times):
    """The peer's best way and its seconds; ("", []) without a peer."""
    peers = [(side, seconds) for side, seconds in times.items() if side.startswith("peer")]
    return min(peers, key=lambda p: statistics.median(p[1]), default=("", []))


def speed(tokens, seconds):
    return f"{tokens / statistics.median(seconds):.4g} tok/s"


def step_row(case, times):
    ours, (side, peer) = times["ours"], best_peer(times)
    limits, shown = (case.must, case.aim), speed(case.tokens, ours)
    if not peer:
        return row(case.title, shown, "", limits, [])
    way = f" ({side.removeprefix('peer ')})" if " " in side else ""
    ratio = statistics.median(peer) / statistics.median(ours)
    turns = [theirs / mine for theirs, mine in zip(peer, ours)]
    return row(case.title, shown, speed(case.tokens, peer) + way, limits, turns, value=ratio)


def crowd_row(case, times):
    """What busy processes leave of the quiet speed, to ours and to the best way of the peer."""

    def shown(turns, note=""):
        quiet, crowded = (statistics.median(seconds) for seconds in zip(*turns))
        share = 100 * statistics.median(map(left, turns))
        return f"{share:.0f} %: {1 / crowded:.4g} of {1 / quiet:.4g} tok/s{note}"

    def left(turn):
        return turn[0] / turn[1]

    peers = [(side, turns) for side, turns in times.items() if side.startswith("peer")]
    side, best = max(peers, key=lambda p: statistics.median(map(left, p[1])), default=("", []))
    way = f" ({side.removeprefix('peer ')})" if " " in side else ""
    ours, peer = shown(times["ours"]), shown(best, way) if best else ""
    shares = [100 * left(turn) for turn in times["ours"]]
    return row(f"{case.title}: share of its quiet speed", ours, peer, (case.must, case.aim), shares, "%")


def bandwidth_row(case, times, about):
    """Bytes that a token must read, by the seconds that it takes, against the reading of the same turn."""
    context, steps = (int(word) for word in case.command.split()[2:])
    size = about["token_bytes"] + (context + steps / 2) * about["kv_token_bytes"]
    shares = [100 * size / seconds / read for seconds, read in zip(times["ours"], times["read"])]
    ours = f"{size / statistics.median(times['ours']) / 1e9:.3g} GB/s"
    memory = f"memory: {statistics.median(times['read']) / 1e9:.3g} GB/s"
    return row(f"{case.title}: share of read bandwidth", ours, memory, (80, 90), shares, "%")


def burst_rows(case, found, peer_decode):
    """`peer_decode`: seconds a token of the peer's one stream, of each turn."""
    load = found["results"][0]
    first = load["ttft_p50_ms"] / 1000
    rate, known_rate = load["tokens_per_second"], PEER_SERVED["tokens_per_second"]
    known_first = PEER_SERVED["first_token_seconds"]
    scales = [1 / seconds / PEER_SERVED["decode"] for seconds in peer_decode]
    scale = statistics.median(scales) if scales else None
    scaled_rate = f"{known_rate * scale:.1f} scaled, " if scale else ""
    scaled_first = f"{known_first / scale:.1f} s scaled, " if scale else ""
    rates = [rate / (known_rate * s) for s in scales]
    firsts = [known_first / s / first for s in scales]
    return [
        row(f"{case.title}: tok/s", f"{rate:.4g}", f"{scaled_rate}{known_rate} there", (2.5, 4), rates),
        row(f"{case.title}: median first token", f"{first:.3g} s", f"{scaled_first}{known_first} s there",
            (3, 5), firsts),
    ]  # fmt: skip


def memory_row(case, found, about):
    """KV blocks are taken when first written, so those that were not used excuse nothing."""
    load = found["results"][0]
    each = math.ceil((found["prompt_tokens"] + load["tokens"] / load["streams"]) / BLOCK_TOKENS)
    warm = math.ceil(serve.WARM_TOKENS / BLOCK_TOKENS) + 1
    used = (load["streams"] * each + warm) * BLOCK_TOKENS * about["kv_token_bytes"]
    peak = found["peak_memory_mib"] * 2**20
    beside = (peak - about["file_bytes"] - used) / 1e6
    return row(f"{case.title}: peak memory beside file and used KV", f"{beside:.0f} MB",
               f"peak {peak / 1e6:.0f} MB", (500, 300), [beside], "MB")  # fmt: skip


def shared_row(case, found):
    ours = f"{found['computed_tokens']} tokens of {found['streams']} x {found['prompt_tokens']}"
    return row(f"{case.title}: prompt work of one", ours, "", (1.1, 1.02), [found["work_of_one"]])


def stall_row(case, found):
    ours = f"{found['gap_max_ms']:.0f} ms against {found['gap_median_ms']:.0f} ms"
    return row(f"{case.title}: longest gap by median", ours, "", (3, 2), [found["max_over_median"]])


def crowded_row(case, found):
    ours, quiet = found["crowded_tokens_per_second"], found["quiet_tokens_per_second"]
    shares = [100 * share for share in found["shares"]]
    return row(f"{case.title}: share of its quiet speed", f"{ours:.4g} tok/s", f"quiet: {quiet:.4g} tok/s",
               (40, 50), shares, "%", value=100 * found["crowded_over_quiet"])  # fmt: skip


def rows(result, cases):
    times, served, about = result["times"], result["served"], result["about"].get("ours")
    found = []
    for name, of_case in times.items():
        found.append((crowd_row if cases[name].crowd else step_row)(cases[name], of_case))
        if "read" in of_case:
            found.append(bandwidth_row(cases[name], of_case, about))
    if "burst" in served:
        found += burst_rows(cases["burst"], served["burst"], best_peer(times.get("decode-1", {}))[1])
        if about:
            found.append(memory_row(cases["burst"], served["burst"], about))
    for name, make in (("shared", shared_row), ("stall", stall_row), ("crowded", crowded_row)):
        if name in served:
            found.append(make(cases[name], served[name]))
    for name, of_rounds in result["alone"].items():
        found += cases[name].rows(cases[name].title, of_rounds)
    return found


def measured(found):
    """A ratio with its spread over the turns: 1.52x (1.48-1.55)."""
    if "value" not in found:
        return "not compared"
    unit = "x" if found["unit"] == "x" else f" {found['unit']}"
    digits = 2 if found["unit"] == "x" else 0
    spread = ""
    if found["low"] != found["high"]:
        spread = f" ({found['low']:.{digits}f}-{found['high']:.{digits}f})"
    return f"{found['value']:.{digits}f}{unit}{spread}"


def markdown(result):
    facts, flags = result["machine"], result["flags"]
    changed = " with uncommitted changes" if facts["uncommitted_changes"] else ""
    sides = "; ".join(
        f"{side}: {about.get('name') or about['backend'] + ' ' + about['weights']}"
        for side, about in result["about"].items()
    )
    peaks = ", ".join(f"{side} {size / 1e6:.0f} MB" for side, size in result["peak_bytes"].items())
    lines = [
        f"# Ours beside llama.cpp, {result['date']}",
        "",
        f"{facts['cpu']}, {facts['cores']} cores, {' '.join(facts['flags'])}, {facts['memory_gib']} GiB;"
        f" commit {facts['commit']}{changed}.",
        f"Flags: {', '.join(f'{k}={v}' for k, v in flags.items())}.",
        *([f"{sides}. Peak memory of the steps, mapped weights included: {peaks}."] if sides else []),
        "",
        "| figure | ours | llama.cpp | ratio or share (lowest-highest turn) | must | aim | reached |",
        "|---|---|---|---|---|---|---|",
    ]
    for found in result["rows"]:
        cells = [found["figure"], found["ours"], found["peer"], measured(found)]
        cells += [f"{found['must']:g}", f"{found['aim']:g}", found.get("verdict", "")]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
