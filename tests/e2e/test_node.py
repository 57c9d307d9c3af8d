"""OpenAI's and Anthropic's Node SDKs against the scripted model. The tests are in node/*.mjs; the packages that
node/package-lock.json names are installed from npm's registry into build/."""

import os
import re
import shutil
import subprocess

import pytest

from server import ROOT

HERE = ROOT / "tests/e2e/node"
SCRIPTS = ["openai_chat", "openai_responses", "anthropic_messages"]


@pytest.fixture(scope="session")
def node_folder():
    """A folder in which scripts find the SDKs."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("node and npm are not installed: run `tools/bootstrap test`")
    folder = ROOT / "build/node"
    made, wanted = folder / "made-from.json", (HERE / "package-lock.json").read_text()
    shutil.copytree(HERE, folder, dirs_exist_ok=True)
    if not made.exists() or made.read_text() != wanted:
        npm = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
        ran = subprocess.run(npm, cwd=folder, capture_output=True, timeout=300)
        if ran.returncode != 0:
            pytest.skip(f"npm cannot install the SDKs: {ran.stderr.decode()[-300:]}")
        made.write_text(wanted)
    return folder


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
    written = len(re.findall(r"^test\(", (HERE / f"{script}.mjs").read_text(), re.M))
    assert re.search(rf"^\S+ pass {written}$", ran.stdout, re.M), ran.stdout
