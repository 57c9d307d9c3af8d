"""OpenAI's Node SDK against the scripted model. It is installed from npm's registry into build/."""

import json
import shutil
import subprocess

import pytest

from server import ROOT, say
from test_streams import written_call

VERSION = "6.49.0"
SCRIPT = "openai_responses.mjs"


@pytest.fixture(scope="session")
def node_sdk():
    """A folder in which scripts find the SDK."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("node and npm are not installed")
    folder = ROOT / "build/openai-node"
    package = folder / "node_modules/openai/package.json"
    if not package.exists() or json.loads(package.read_text())["version"] != VERSION:
        folder.mkdir(parents=True, exist_ok=True)
        npm = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder), f"openai@{VERSION}"]
        made = subprocess.run(npm, capture_output=True, timeout=300)
        if made.returncode != 0:
            pytest.skip(f"npm cannot install openai@{VERSION}: {made.stderr.decode()[-300:]}")
    shutil.copy(ROOT / "tests/e2e" / SCRIPT, folder)
    return folder


def test_responses(scripted, node_sdk):
    call = written_call(scripted.template, "look", {"path": "a b"})
    thinks = scripted.template == "hermes"
    thought = "<think>\nhm\n</think>\n\n" if thinks else ""
    said = say(f"{thought}Let me look.\n{call}", "It is a river.", cut="random:3")["content"]
    ran = subprocess.run(["node", SCRIPT, scripted.url, said], cwd=node_sdk, capture_output=True, timeout=60)
    assert ran.returncode == 0, ran.stderr.decode()
    out = json.loads(ran.stdout)
    types = ["reasoning"] * thinks + ["message", "function_call"]
    assert out["whole"]["types"] == out["streamed"]["types"] == types
    assert out["whole"]["text"] == out["streamed"]["text"] == out["deltas"]
    assert out["deltas"].strip() == "Let me look."
    assert out["arguments"] == {"path": "a b"} and out["next"] == "It is a river."
    assert out["items"] == ["message", *types, "function_call_output"]
    assert out["gone"] == ["NotFoundError", 404]
    assert out["later"] == ["completed", out["whole"]["text"]]
