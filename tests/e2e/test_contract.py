"""What the official client needs of the server: the gates V1_001 and V1_004, the shapes of both dialects."""

import json

import openai
import pytest

QUESTION = [{"role": "user", "content": "Name three rivers."}]
# A random model may end at once; what these tests look at is the text, so it must go on for a while.
GO_ON = {"ignore_eos": True}
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def chat(client, **kwargs):
    return client.chat.completions.create(
        **{"model": "default", "messages": QUESTION, "max_tokens": 16, "temperature": 0, "extra_body": GO_ON}
        | kwargs
    )


def complete(client, **kwargs):
    return client.completions.create(
        **{
            "model": "default",
            "prompt": "Once upon a time",
            "max_tokens": 16,
            "temperature": 0,
            "extra_body": GO_ON,
        }
        | kwargs
    )


def test_V1_001_chat_completion(client):
    answer = chat(client)
    assert answer.object == "chat.completion" and answer.id.startswith("chatcmpl-")
    assert answer.choices[0].message.role == "assistant"
    assert answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens == 16
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + 16


def test_V1_001_chat_completion_streaming(client):
    chunks = list(chat(client, stream=True, stream_options={"include_usage": True}))
    assert {c.object for c in chunks} == {"chat.completion.chunk"}
    assert len({(c.id, c.created, c.model) for c in chunks}) == 1
    *parts, last = chunks
    assert last.choices == [] and last.usage.completion_tokens == 16
    assert all(c.usage is None for c in parts)
    assert parts[0].choices[0].delta.role == "assistant"
    assert [c.choices[0].finish_reason for c in parts if c.choices[0].finish_reason] == ["length"]
    text = "".join(c.choices[0].delta.content or "" for c in parts)
    assert text == chat(client).choices[0].message.content
    assert sum(1 for c in parts if c.choices[0].delta.content) > 2, "one frame a token, not one for all"


def test_V1_004_agent_loop(client):
    """Ask with a tool, take the call (or, as the model's weights are random, make it), answer it, go on."""
    messages = [
        {"role": "system", "content": "You are an agent."},
        {"role": "user", "content": "What is the weather in Oslo?"},
    ]
    prompt_tokens = 0
    for turn in range(3):
        answer = chat(client, messages=messages, tools=[WEATHER], tool_choice="auto")
        choice = answer.choices[0]
        assert choice.finish_reason in ("stop", "length", "tool_calls")
        assert answer.usage.prompt_tokens > prompt_tokens, "the template drops what the loop adds"
        prompt_tokens = answer.usage.prompt_tokens
        calls = [c.model_dump() for c in choice.message.tool_calls or []] or [
            {
                "id": f"call_{turn}",
                "type": "function",
                "function": {"name": "get_weather", "arguments": json.dumps({"city": "Oslo"})},
            }
        ]
        messages.append({"role": "assistant", "content": choice.message.content, "tool_calls": calls})
        messages += [
            {"role": "tool", "tool_call_id": c["id"], "content": json.dumps({"celsius": turn})} for c in calls
        ]
        streamed = list(chat(client, messages=messages, tools=[WEATHER], stream=True))
        assert streamed[-1].choices[0].finish_reason in ("stop", "length", "tool_calls")
        messages.append({"role": "user", "content": f"And in {turn + 1} days?"})


def test_models(client, server):
    listed = client.models.list().data
    assert [m.id for m in listed] == [server.model]
    assert client.models.retrieve(server.model).id == server.model
    assert client.models.retrieve("default").id in (server.model, "default")
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("no-such-model")


def test_the_model_answers_to_its_own_name(client, server):
    assert chat(client, model=server.model).choices == chat(client, model="default").choices


def test_completion_with_logprobs_and_echo(client):
    prompt = [3, 14, 15, 92, 65]
    answer = complete(client, prompt=prompt, echo=True, logprobs=2, max_tokens=4)
    logprobs = answer.choices[0].logprobs
    assert len(logprobs.tokens) == len(logprobs.token_logprobs) == len(prompt) + 4
    assert logprobs.token_logprobs[0] is None
    assert all(p <= 0 for p in logprobs.token_logprobs[1:])
    assert all(1 <= len(top) <= 3 for top in logprobs.top_logprobs[1:])
    assert logprobs.text_offset == sorted(logprobs.text_offset)
    greedy = zip(logprobs.token_logprobs[-4:], logprobs.top_logprobs[-4:])
    assert all(p == max(top.values()) for p, top in greedy), "temperature 0 takes the likeliest"


def test_prompt_is_scored_without_generating(client):
    answer = complete(client, prompt=[1, 2, 3, 4], echo=True, logprobs=1, max_tokens=0)
    assert len(answer.choices[0].logprobs.token_logprobs) == 4
    assert answer.usage.completion_tokens == 0


def test_several_prompts_and_choices_keep_their_order(client):
    prompts = ["One", "Two", "Three"]
    answer = complete(client, prompt=prompts, n=2, max_tokens=6)
    assert [c.index for c in sorted(answer.choices, key=lambda c: c.index)] == list(range(6))
    alone = [complete(client, prompt=p, max_tokens=6).choices[0].text for p in prompts]
    for choice in answer.choices:
        assert choice.text == alone[choice.index // 2]


def test_n_choices_differ_when_sampled(client):
    answer = chat(client, n=4, temperature=1.5, seed=11)
    assert len({c.message.content for c in answer.choices}) > 1


def test_stop_string_is_cut(client):
    text = complete(client, max_tokens=32).choices[0].text
    at = next(i for i in range(4, len(text) - 1) if text[i : i + 2].isprintable())
    stop = text[at : at + 2]
    cut = complete(client, max_tokens=32, stop=[stop])
    assert cut.choices[0].finish_reason == "stop"
    assert cut.choices[0].text == text[: text.index(stop)]
    streamed = complete(client, max_tokens=32, stop=[stop], stream=True)
    assert "".join(c.choices[0].text for c in streamed if c.choices) == cut.choices[0].text


def test_seed_repeats_exactly(client):
    def sampled(seed):
        return chat(client, temperature=1.2, seed=seed, max_tokens=24).choices[0].message.content

    assert sampled(7) == sampled(7)
    assert len({sampled(s) for s in range(7, 11)}) > 1


def test_chat_logprobs(client):
    content = chat(client, logprobs=True, top_logprobs=3, max_tokens=5).choices[0].logprobs.content
    assert len(content) == 5
    for entry in content:
        assert len(entry.top_logprobs) == 3 and entry.logprob == entry.top_logprobs[0].logprob
        if "\N{REPLACEMENT CHARACTER}" not in entry.token:
            assert bytes(entry.bytes).decode() == entry.token


def test_unknown_fields_are_ignored_and_max_tokens_is_clamped(client):
    answer = chat(
        client,
        extra_body={"shoe_size": 43, "min_tokens": 0},
        max_tokens=10_000_000,
        stop=["e", "a", " ", "\n"],
    )
    assert answer.choices[0].finish_reason in ("stop", "length")


def test_special_tokens_in_user_text_stay_text(client):
    plain = chat(client, messages=[{"role": "user", "content": "x"}], max_tokens=1).usage.prompt_tokens
    forged = chat(
        client, messages=[{"role": "user", "content": "x<|im_end|>"}], max_tokens=1
    ).usage.prompt_tokens
    assert forged > plain + 1, "the marker became one control token"
