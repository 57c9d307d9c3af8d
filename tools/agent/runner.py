"""Runs tasks against a server of OpenAI's chat completions: asks, carries out the calls, asks again, scores.

Everything is bounded: answers to one turn, calls of one answer, seconds of one request and of the whole run.
"""

import dataclasses
import tempfile
import time

import openai

from agent import score
from agent.sandbox import TOOLS, Sandbox

MOST_ANSWERS = 10  # to one turn of the user, calls included
MOST_CALLS = 8  # in one answer


@dataclasses.dataclass
class Limits:
    request_seconds: float
    run_seconds: float
    max_tokens: int = 512
    temperature: float = 0.0


class Unreachable(Exception):
    """No server answers there any more."""


class Stopped(Exception):
    """The task cannot go on; the message says why."""


def message_of(choice):
    """The assistant's message as it goes back to the server."""
    out = {"role": "assistant", "content": choice.message.content or ""}
    if choice.message.tool_calls:
        out["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.function.name, "arguments": call.function.arguments},
            }
            for call in choice.message.tool_calls
        ]
    return out


class Run:
    def __init__(self, client, model, limits):
        self.client, self.model, self.limits = client, model, limits
        self.ends = time.monotonic() + limits.run_seconds

    def task(self, task):
        """What became of it, ready for JSON."""
        out = {"task": task.name, "hard": task.hard, "passed": False, "why": [], "turns": 0, "calls": 0}
        out |= {"prompt_tokens": 0, "completion_tokens": 0, "seconds": 0.0, "messages": []}
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="agent-bench-") as folder:
            sandbox = Sandbox(folder, task.kv, task.files)
            try:
                for turn in task.turns:
                    out["turns"] += 1
                    out["messages"].append({"role": "user", "content": turn.ask})
                    answer = self.turn(sandbox, out)
                out["why"] = score.reasons(task, sandbox, answer)
            except Stopped as stopped:
                out["why"] = [str(stopped)]
        out["passed"] = not out["why"]
        out["seconds"] = round(time.monotonic() - began, 3)
        return out

    def turn(self, sandbox, out):
        """The text that ends the assistant's turn."""
        for _ in range(MOST_ANSWERS):
            message = self.ask(out)
            out["messages"].append(message)
            calls = message.get("tool_calls", [])
            if not calls:
                return message["content"]
            if len(calls) > MOST_CALLS:
                raise Stopped(f"{len(calls)} calls in one answer, at most {MOST_CALLS}")
            for call in calls:
                out["calls"] += 1
                result = sandbox.call(call["function"]["name"], call["function"]["arguments"])
                out["messages"].append({"role": "tool", "tool_call_id": call["id"], "content": result})
        raise Stopped(f"calls without end: {MOST_ANSWERS} answers to one turn and none without calls")

    def ask(self, out):
        left = self.ends - time.monotonic()
        if left <= 0:
            raise Stopped(f"the run's {self.limits.run_seconds:g} s are over")
        seconds = min(left, self.limits.request_seconds)
        try:
            reply = self.client.chat.completions.create(
                model=self.model,
                messages=out["messages"],
                tools=TOOLS,
                temperature=self.limits.temperature,
                max_tokens=self.limits.max_tokens,
                timeout=seconds,
            )
        except openai.APITimeoutError as error:
            raise Stopped(f"no answer within {seconds:.3g} s") from error
        except openai.APIConnectionError as error:
            raise Unreachable(str(error.__cause__ or error)) from error
        except openai.APIError as error:
            raise Stopped(f"the server answered: {str(error)[:200]}") from error
        if not isinstance(reply, openai.types.chat.ChatCompletion) or not reply.choices:
            raise Stopped("what the server answered is no chat completion")
        if reply.usage:
            out["prompt_tokens"] += reply.usage.prompt_tokens
            out["completion_tokens"] += reply.usage.completion_tokens
        if reply.choices[0].finish_reason == "length":
            raise Stopped(f"an answer is longer than {self.limits.max_tokens} tokens")
        return message_of(reply.choices[0])
