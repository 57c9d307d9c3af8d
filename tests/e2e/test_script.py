"""A script in a file, and a template without tools: what a scripted server is steered by beside messages."""

import json

from server import ScriptedServer

RULES = [
    {"when": ["river"], "turn": 0, "say": ["Riv", "ers ", "run."], "delay_ms": 1},
    {"when": ["river"], "anywhere": ["run."], "text": "They still do.", "cut": 3},
]


def test_rules_of_a_file(tmp_path):
    file = tmp_path / "rules.json"
    file.write_text(json.dumps(RULES))
    with ScriptedServer("--template", "plain", "--script", file) as server:
        messages = [{"role": "user", "content": "Tell me of a river"}]
        for text, tokens in (("Rivers run.", 3), ("They still do.", 5)):
            body = {"model": "default", "messages": messages, "temperature": 0}
            answer = server.post("/v1/chat/completions", body).json
            assert answer["choices"][0]["message"]["content"] == text
            assert answer["usage"]["completion_tokens"] == tokens + 1  # and the end
            messages += [answer["choices"][0]["message"], {"role": "user", "content": "and a river?"}]


def test_without_a_tool_form_markup_is_text(tmp_path):
    call = '<tool_call>\n{"name": "now", "arguments": {}}\n</tool_call>'
    file = tmp_path / "rules.json"
    file.write_text(json.dumps([{"text": call}]))
    tools = [{"type": "function", "function": {"name": "now"}}]
    with ScriptedServer("--template", "plain", "--script", file) as server:
        body = {"model": "default", "messages": [{"role": "user", "content": "x"}], "tools": tools}
        choice = server.post("/v1/chat/completions", body).json["choices"][0]
        assert choice["message"]["content"] == call
        assert choice["finish_reason"] == "stop"
