"""The coding agent Qwen Code, from npm, edits a file with the scripted model, in four turns with 78 KB of
prompt and schemas: in OpenAI's dialect with Qwen3-Coder's calls, and in Anthropic's."""

import subprocess

import pytest

from server import ScriptedServer, clean_environment, say
from test_streams import written_call

SETTINGS = '{"privacy": {"usageStatisticsEnabled": false}, "general": {"enableAutoUpdate": false}}'


def environment(home, url):
    return {
        **clean_environment(),
        "HOME": str(home),
        "NO_PROXY": "127.0.0.1",
        "OPENAI_BASE_URL": url + "/v1",
        "OPENAI_API_KEY": "none",
        "ANTHROPIC_BASE_URL": url,
        "ANTHROPIC_API_KEY": "none",
    }


@pytest.mark.parametrize("template, dialect", [("coder", "openai"), ("hermes", "anthropic")])
def test_it_edits_a_file(node_folder, template, dialect, tmp_path):
    home, work = tmp_path / "home", tmp_path / "work"
    (home / ".qwen").mkdir(parents=True)
    work.mkdir()
    (home / ".qwen/settings.json").write_text(SETTINGS)
    file = work / "river.txt"
    calls = [
        ("write_file", {"file_path": str(file), "content": 'one\n  two "é" </b>\n\n'}),
        ("read_file", {"file_path": str(file)}),
        ("edit", {"file_path": str(file), "old_string": "  two", "new_string": "\tthree"}),
    ]
    said = [written_call(template, *call) for call in calls]
    prompt = say("I write it first.\n" + said[0], *said[1:], "The file says three.", cut="random:5")
    with ScriptedServer("--template", template, "--context", 1 << 17) as server:
        ran = subprocess.run(
            [node_folder / "node_modules/.bin/qwen", "--yolo", "--auth-type", dialect]
            + ["--model", "default", prompt["content"]],
            cwd=work,
            env=environment(home, server.url),
            capture_output=True,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=120,
        )
        assert ran.returncode == 0, ran.stderr
        assert file.read_text() == 'one\n\tthree "é" </b>\n\n'
        assert ran.stdout.strip().endswith("The file says three."), ran.stdout
        assert server.metric("sluice:tool_parse_failures_total") == 0
        # What comes back of earlier answers is what the model wrote: their tokens are found in the cache.
        hits, queries = (server.metric(f"vllm:prefix_cache_{n}_total") for n in ("hits", "queries"))
        assert hits > 0.7 * queries
