"""OpenAI's and Anthropic's Node SDKs and the scripted model; node/*.mjs are tests for node's own runner."""

import os
import re
import subprocess

import pytest

SCRIPTS = ["openai_chat", "openai_responses", "anthropic_messages"]


@pytest.mark.parametrize("script", SCRIPTS)
def test_sdk(scripted, busy, node_folder, script):
    names = {
        "SLUICE_URL": scripted.url,
        "TEMPLATE": scripted.template,
        "BUSY_URL": busy.url,
        "RETRY_AFTER_MS": str(busy.retry_after_ms),
    }
    ran = subprocess.run(
        ["node", f"{script}.mjs"],
        cwd=node_folder,
        env={**os.environ, **names},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    written = len(re.findall(r"^test\(", (node_folder / f"{script}.mjs").read_text(), re.M))
    assert re.search(rf"^\S+ pass {written}$", ran.stdout, re.M), ran.stdout
