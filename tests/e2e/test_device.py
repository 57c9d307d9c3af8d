"""--device sim: the CUDA kernels on a simulated device, through the whole program."""

import subprocess

import pytest

from server import MAKE_GGUF, Server, sluice

MODEL = ["--layers", "2", "--hidden", "64", "--ffn", "64", "--experts", "8"]
PROMPTS = ["Name three rivers.", "2 + 2 =", "Once upon a time there was"]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A model that the device computes, and one that it does not."""
    folder = tmp_path_factory.mktemp("models")
    for kind in ("Q8_0", "F16"):
        made = [MAKE_GGUF, "--out", folder / f"{kind}.gguf", "--type", kind, *MODEL]
        subprocess.run(made, check=True)
    return folder


def test_run_answers_as_on_the_cpu(models):
    for prompt in PROMPTS:
        arguments = ["--model", models / "Q8_0.gguf", "--max-tokens", 12, prompt]
        cpu, sim = (sluice("run", "--device", device, *arguments) for device in ("cpu", "sim"))
        assert sim.returncode == 0, sim.stderr
        assert len(sim.stdout) > 12
        assert sim.stdout == cpu.stdout


def test_serve_answers_eight_at_once_as_on_the_cpu(models):
    body = {"model": "default", "prompt": PROMPTS * 3, "max_tokens": 8, "temperature": 0, "logprobs": 1}
    body["prompt"] = body["prompt"][:8]
    answers = []
    for device in ("cpu", "sim"):
        with Server("--model", str(models / "Q8_0.gguf"), "--device", device) as server:
            reply = server.post("/v1/completions", body)
            assert reply.status == 200, reply.body
            answers.append(reply.json["choices"])
    assert len(answers[0]) == 8
    assert answers[0] == answers[1]


def test_what_cannot_be_computed_is_one_line(models):
    refused = sluice("run", "--device", "sim", "--model", models / "F16.gguf", "hi")
    assert refused.returncode == 3
    assert refused.stderr.count(b"\n") == 1
    assert b"tensor blk.0.ffn_gate_exps.weight is F16" in refused.stderr
    unknown = sluice("serve", "--device", "cuda")
    assert unknown.returncode == 2
    assert b"--device: this program computes on cpu, or on sim" in unknown.stderr
