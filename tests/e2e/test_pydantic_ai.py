"""The agent framework pydantic-ai over chat completions of the scripted model: an agent with tools and a type
for its result goes on, turn by turn, until the result is there."""

import asyncio

import pydantic
import pytest
from pydantic_ai import Agent, ModelRetry, NativeOutput, PromptedOutput, ToolOutput
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

from server import say
from test_streams import written_call


class Report(pydantic.BaseModel):
    river: str
    lengths: list[int]
    dry: bool


REPORT = {"river": "the \"Él\" be", "lengths": [1094, 7], "dry": False}


@pytest.fixture
def model(scripted):
    provider = OpenAIProvider(base_url=scripted.url + "/v1", api_key="none")
    return OpenAIChatModel("default", provider=provider)


def agent_with_tools(model, seen, **more):
    agent = Agent(model, system_prompt="You know rivers.", instructions="Be brief.", **more)

    @agent.tool_plain
    def find(name: str, near: list[float] | None = None) -> dict:
        """Finds a river."""
        seen.append(("find", name, near))
        return {"id": 17, "name": name}

    @agent.tool_plain(retries=2)
    def measure(id: int) -> str:
        """How long a river is, in km."""
        seen.append(("measure", id))
        if id != 17:
            raise ModelRetry("there is no such river")
        return "1094 km"

    return agent


def answers(template, last):
    """Two calls at once, of which one fails, that one as it should be, then `last`."""
    find = written_call(template, "find", {"name": "Él be", "near": [53.5, 10]})
    wrong, right = (written_call(template, "measure", {"id": n}) for n in (3, 17))
    return [f"{find}\n{wrong}", right, last]


SEEN = [("find", "Él be", [53.5, 10.0]), ("measure", 3), ("measure", 17)]


def prompt(*said):
    return say(*said, cut="random:7")["content"]


def test_the_result_is_a_call(scripted, model):
    seen = []
    agent = agent_with_tools(model, seen, output_type=ToolOutput(Report, name="report"))
    said = answers(scripted.template, written_call(scripted.template, "report", REPORT))
    run = agent.run_sync(prompt(*said))
    assert run.output == Report(**REPORT)
    assert sorted(seen, key=str) == sorted(SEEN, key=str)
    assert run.usage.requests == 3 and run.usage.output_tokens > 0


@pytest.mark.parametrize("output", [NativeOutput, PromptedOutput])
def test_the_result_is_the_content(scripted, model, output):
    seen = []
    agent = agent_with_tools(model, seen, output_type=output(Report))
    run = agent.run_sync(prompt(*answers(scripted.template, Report(**REPORT).model_dump_json())))
    assert run.output == Report(**REPORT)
    assert sorted(seen, key=str) == sorted(SEEN, key=str)


def test_it_streams(scripted, model):
    seen = []
    agent = agent_with_tools(model, seen)

    async def run():
        async with agent.run_stream(prompt(*answers(scripted.template, "It is 1094 km long."))) as stream:
            return [text async for text in stream.stream_text(delta=True, debounce_by=None)]

    pieces = asyncio.run(run())
    assert "".join(pieces) == "It is 1094 km long." and len(pieces) > 3
    assert sorted(seen, key=str) == sorted(SEEN, key=str)


def test_a_conversation_goes_on(scripted, model):
    agent = agent_with_tools(model, [])
    first = agent.run_sync(prompt(*answers(scripted.template, "It is long.")))
    again = agent.run_sync(prompt("Longer than others."), message_history=first.all_messages())
    assert again.output == "Longer than others."
    # All of the first run is found in the cache but what its last block had not filled.
    assert again.usage.cache_read_tokens > 0.8 * first.all_messages()[-1].usage.input_tokens
