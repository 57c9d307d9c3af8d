"""The coding agent Codex, which speaks only the Responses API, edits a file with the scripted model. Runs
where the program is: on the PATH, or named by CODEX= (npm: @openai/codex, 400 MB)."""

import os
import shutil
import subprocess

import pytest

from server import ScriptedServer, clean_environment, say
from test_streams import written_call

CODEX = os.environ.get("CODEX") or shutil.which("codex")
CONFIG = """
model = "default"
model_provider = "sluice"
[model_providers.sluice]
name = "sluice"
base_url = "{}/v1"
wire_api = "responses"
request_max_retries = 0
stream_max_retries = 0
"""


@pytest.mark.skipif(not CODEX, reason="there is no `codex` on the PATH, and CODEX does not name it")
@pytest.mark.parametrize("template", ["hermes", "coder"])
def test_it_edits_a_file(template, tmp_path):
    home, work = tmp_path / "home", tmp_path / "work"
    home.mkdir()
    work.mkdir()
    writes = written_call(template, "exec_command", {"cmd": "printf 'one\\ntwo\\n' > river.txt"})
    changes = written_call(template, "exec_command", {"cmd": "sed -i s/two/three/ river.txt"})
    thought = "<think>\nI write it first.\n</think>\n\n" if template == "hermes" else ""
    prompt = say(f"{thought}Writing.\n{writes}", changes, "The file says three.", cut="random:5")
    with ScriptedServer("--template", template, "--context", 1 << 17) as server:
        (home / "config.toml").write_text(CONFIG.format(server.url))
        command = [CODEX, "exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox"]
        ran = subprocess.run(
            [*command, "-C", str(work), prompt["content"]],
            env={**clean_environment(), "CODEX_HOME": str(home), "NO_PROXY": "127.0.0.1"},
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=90,
        )
        assert ran.returncode == 0, ran.stderr.decode()
        assert (work / "river.txt").read_text() == "one\nthree\n"
        assert ran.stdout.decode().strip() == "The file says three."
        assert server.metric("sluice:tool_parse_failures_total") == 0
        # What comes back of earlier answers is what the model wrote: their tokens are found in the cache.
        hits, queries = (server.metric(f"vllm:prefix_cache_{n}_total") for n in ("hits", "queries"))
        assert hits > 0.6 * queries
