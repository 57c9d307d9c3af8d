"""What the README tells people to type works: every ```sh block under a `<!-- tested -->` mark is run."""

import re
import subprocess

import pytest

from server import ROOT, SLUICE, clean_environment

BLOCKS = re.findall(r"<!-- tested -->\n```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.S)


def test_the_readme_has_tested_commands():
    assert len(BLOCKS) >= 2


@pytest.mark.parametrize("block", BLOCKS, ids=lambda b: b.strip().splitlines()[0][:40])
def test_readme_commands(server, block):
    """The program and the server's address are put where a reader would have them."""
    text = block.replace("build/release/sluice", SLUICE).replace("http://127.0.0.1:8080", server.url)
    ended = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text],
        cwd=ROOT,
        env=clean_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
    )
    assert ended.returncode == 0, ended.stderr.decode()
    assert ended.stdout.strip(), "it printed nothing"
    if "curl" in block and "stream" in block:
        assert ended.stdout.count(b"data: ") > 3 and b"data: [DONE]" in ended.stdout
