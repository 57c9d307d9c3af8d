"""The tool runner of OpenAI's Python SDK on the Responses API of the scripted model: it checks each stream
and history by strict rules of its own before it goes on."""

import openai
import pytest
from openai.lib.responses_tool_runner import RegisteredFunction, ResponsesToolRunner

from server import say
from test_streams import TOOLS, written_call

LOOK = {**TOOLS["look"], "required": ["path", "deep"], "additionalProperties": False}


@pytest.mark.parametrize("how", [{}, {"stream": True}, {"stream": True, "eager": True}])
def test_it_goes_on_until_there_is_text(scripted, how):
    ran = []

    def look(given):
        ran.append(given)
        return f"river {len(ran)}"

    tool = {"type": "function", "name": "look", "parameters": LOOK, "strict": True}
    given = [{"path": "a/é b", "deep": True}, {"path": "", "deep": False}, {"path": "c", "deep": False}]
    calls = [written_call(scripted.template, "look", one) for one in given]
    thought = "<think>\nhm\n</think>\n\n" if scripted.template == "hermes" else ""
    said = [f"{thought}I look.\n{calls[0]}\n{calls[1]}", calls[2], "It is a river."]
    asked = {"model": "default", "input": [say(*said, cut="random:3")]}
    runner = ResponsesToolRunner(functions=[RegisteredFunction(tool=tool, execute=look)])
    with openai.OpenAI(base_url=scripted.url + "/v1", api_key="none", max_retries=0) as sdk:
        response = runner.run(sdk, asked, max_steps=6, **how)
    assert response.output_text == "It is a river."
    assert ran == given
