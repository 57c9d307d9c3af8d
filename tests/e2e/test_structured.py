"""Structured output from a model that says nothing by itself: what comes out fits because it has to."""

import concurrent.futures
import enum
import json
import pathlib
import re
import sys

import jsonschema
import pydantic
import pytest

sys.path[:0] = [str(pathlib.Path(__file__).parents[1] / "engine/grammar")]
import random_schemas  # noqa: E402

CHAT = "/v1/chat/completions"
HELLO = [{"role": "user", "content": "Tell me."}]
CHECKER = jsonschema.Draft202012Validator.FORMAT_CHECKER
SCHEMAS, TOKENS = 500, 1500


def ask(server, path=CHAT, **fields):
    body = {"model": server.model, "temperature": 1.5, "seed": 7, "max_tokens": 400, **fields}
    if path == CHAT:
        body.setdefault("messages", HELLO)
    return server.post(path, body)


def by_schema(schema):
    return {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": schema}}


def content(reply):
    assert reply.status == 200, reply.body
    return reply.json["choices"][0]["message"]["content"]


def test_random_schemas_at_high_temperature(server):
    """Every answer that ends fits its schema, and most end though nothing but chance ends them."""
    made = random_schemas.Schemas(2026)
    schemas = [made.root() for _ in range(SCHEMAS)]

    def one(number):
        return ask(server, response_format=by_schema(schemas[number]), seed=number, max_tokens=TOKENS)

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        replies = list(pool.map(one, range(SCHEMAS)))
    ended = refused = 0
    for schema, reply in zip(schemas, replies):
        if reply.status == 400 and "no text matches" in reply.error["message"]:
            refused += 1
            continue
        text = content(reply)
        if reply.json["choices"][0]["finish_reason"] == "length":
            continue
        ended += 1
        jsonschema.validate(json.loads(text), schema, jsonschema.Draft202012Validator, format_checker=CHECKER)
    print(f"{ended} of {SCHEMAS} ended, {refused} had no answer")
    assert refused < SCHEMAS / 20
    assert ended > SCHEMAS / 2


WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "strict": True,
        "parameters": {
            "type": "object",
            "properties": {
                "days": {"type": "integer", "minimum": 1, "maximum": 14},
                "unit": {"enum": ["C", "F"]},
                "hourly": {"type": "boolean"},
                "at": {"type": ["array", "null"], "items": {"type": "integer"}, "maxItems": 2},
            },
            "required": ["days", "unit", "hourly", "at"],
            "additionalProperties": False,
        },
    },
}
CLOCK = {
    "type": "function",
    "function": {"name": "clock", "parameters": {"type": "object", "properties": {}}},
}
BOTH = [WEATHER, CLOCK]
WEATHER_NAMED = {"type": "function", "function": {"name": "get_weather"}}


def calls_of(reply):
    assert reply.status == 200, reply.body
    choice = reply.json["choices"][0]
    assert choice["finish_reason"] == "tool_calls", choice
    assert not choice["message"]["content"]
    return [c["function"] for c in choice["message"]["tool_calls"]]


@pytest.mark.parametrize("seed", range(8))
def test_a_named_tool_is_called_with_fitting_arguments(server, seed):
    reply = ask(server, tools=BOTH, tool_choice=WEATHER_NAMED, seed=seed)
    calls = calls_of(reply)
    for call in calls:
        assert call["name"] == "get_weather"
        jsonschema.validate(json.loads(call["arguments"]), WEATHER["function"]["parameters"])


def test_required_means_a_call_and_parallel_false_one(server):
    names = set()
    for seed in range(12):
        fields = {"tools": BOTH, "tool_choice": "required", "seed": seed, "max_tokens": 3000}
        calls = calls_of(ask(server, **fields))
        names |= {c["name"] for c in calls}
        assert len(calls_of(ask(server, **fields, parallel_tool_calls=False))) == 1
    assert names <= {"get_weather", "clock"}
    allowed = {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [WEATHER_NAMED]}}
    for seed in range(4):
        calls = calls_of(ask(server, tools=BOTH, tool_choice=allowed, seed=seed, max_tokens=3000))
        assert {c["name"] for c in calls} == {"get_weather"}


def test_anthropic_clients_can_enforce_tools_and_formats(server):
    tool = {"name": "get_weather", "input_schema": WEATHER["function"]["parameters"], "strict": True}
    body = {"model": server.model, "messages": HELLO, "max_tokens": 2000, "tools": [tool], "seed": 3}
    for choice in ({"type": "any"}, {"type": "tool", "name": "get_weather"}):
        reply = server.post("/v1/messages", {**body, "tool_choice": choice})
        assert reply.status == 200, reply.body
        assert reply.json["stop_reason"] == "tool_use"
        for block in reply.json["content"]:
            jsonschema.validate(block["input"], tool["input_schema"])
    format = {"type": "json_schema", "schema": WEATHER["function"]["parameters"]}
    reply = server.post("/v1/messages", {**body, "tools": [], "output_config": {"format": format}})
    assert reply.status == 200, reply.body
    jsonschema.validate(json.loads(reply.json["content"][0]["text"]), format["schema"])


def test_the_other_ways_to_ask(server):
    for fields in ({"guided_regex": "[a-f]{3}-\\d{2}"}, {"structured_outputs": {"regex": "[a-f]{3}-\\d{2}"}}):
        assert re.fullmatch("[a-f]{3}-\\d{2}", content(ask(server, **fields)))
    words = ["yes", "no", "maybe", "often"]
    for fields in ({"guided_choice": words}, {"structured_outputs": {"choice": words}}):
        said = {content(ask(server, seed=seed, **fields)) for seed in range(12)}
        assert len(said) > 1 and said <= set(words)
    gbnf = 'root ::= "(" ( root | [0-9]+ ) ")"\n'
    for fields in ({"grammar": gbnf}, {"guided_grammar": gbnf}, {"structured_outputs": {"grammar": gbnf}}):
        assert re.fullmatch(r"\(+\d+\)+", content(ask(server, max_tokens=2000, **fields)))
    small = {"type": "integer", "minimum": 5, "maximum": 7}
    for schema in (small, json.dumps(small)):
        assert content(ask(server, guided_json=schema)) in ("5", "6", "7")
    text = ask(server, "/v1/completions", prompt="x", guided_choice=["abc"]).json["choices"][0]
    assert (text["text"], text["finish_reason"]) == ("abc", "stop")
    replies = [
        ask(server, response_format={"type": "json_object"}, seed=seed, max_tokens=3000) for seed in range(6)
    ]
    ended = [content(r) for r in replies if r.json["choices"][0]["finish_reason"] == "stop"]
    assert len(ended) > 2 and all(isinstance(json.loads(text), dict) for text in ended)


# The grammar says when an answer ends: neither min_tokens nor ignore_eos goes on behind it, stop strings and
# max_tokens cut it.
def test_other_ends_of_an_answer(server):
    for fields in ({"min_tokens": 50}, {"ignore_eos": True}, {"temperature": 0}, {"top_k": 1}, {"n": 3}):
        reply = ask(server, guided_choice=["one two three"], **fields)
        assert {c["message"]["content"] for c in reply.json["choices"]} == {"one two three"}
        assert {c["finish_reason"] for c in reply.json["choices"]} == {"stop"}
    assert content(ask(server, guided_choice=["one two three"], stop=["two"])) == "one "
    cut = ask(server, guided_regex="a{50}", max_tokens=2).json["choices"][0]
    assert cut["finish_reason"] == "length" and set(cut["message"]["content"]) == {"a"}
    scored = ask(server, guided_choice=["yes"], logprobs=True, top_logprobs=3).json["choices"][0]
    assert "".join(t["token"] for t in scored["logprobs"]["content"]) == "yes"


def test_same_bytes_whatever_else_runs(server):
    format = by_schema({"type": "array", "items": {"type": ["string", "integer"]}, "minItems": 3})
    bodies = [{"response_format": format, "seed": seed, "max_tokens": 200} for seed in range(12)]
    alone = [content(ask(server, **body)) for body in bodies]
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        together = list(pool.map(lambda body: content(ask(server, **body)), bodies))
    assert together == alone
    for body, text in list(zip(bodies, alone))[:4]:
        frames = server.stream(CHAT, {"model": server.model, "messages": HELLO, "temperature": 1.5, **body})
        assert "".join(f["choices"][0]["delta"].get("content") or "" for f in frames) == text


STRICT = {"name": "f", "strict": True}
UNSUPPORTED = {"type": "array", "uniqueItems": True}


@pytest.mark.parametrize(
    "fields, param",
    [
        ({"response_format": {"type": "yaml"}}, "response_format"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        ({"response_format": by_schema(UNSUPPORTED)}, "response_format.json_schema.schema"),
        ({"response_format": by_schema({"$ref": "#"})}, "response_format.json_schema.schema"),
        ({"guided_regex": "a(?=x)"}, "guided_regex"),
        ({"guided_regex": "(" * 60000}, "guided_regex"),
        ({"guided_choice": []}, "guided_choice"),
        ({"guided_choice": "yes"}, "guided_choice"),
        ({"grammar": "root ::= root"}, "grammar"),
        ({"structured_outputs": {"structural_tag": {}}}, "structured_outputs.structural_tag"),
        ({"structured_outputs": {"regex": "a", "choice": ["a"]}}, "structured_outputs"),
        ({"guided_regex": "a", "response_format": {"type": "json_object"}}, "guided_regex"),
        ({"tools": [{**CLOCK, "function": {**CLOCK["function"], "strict": 1}}]}, "tools[0].function.strict"),
        (
            {"tools": [{"type": "function", "function": {**STRICT, "parameters": {"not": {}}}}]},
            "tools",
        ),
    ],
)
def test_what_cannot_be_kept_is_refused_by_name(server, fields, param):
    reply = ask(server, **fields)
    assert reply.status == 400, reply.body
    assert reply.error["param"] == param, reply.error


def test_pydantic_models_come_back_as_such(client, server):
    class Size(str, enum.Enum):
        small = "small"
        large = "large"

    class Lid(pydantic.BaseModel):
        size: Size
        lock: int | bool | None

    class Box(pydantic.BaseModel):
        size: Size
        count: int
        flags: list[bool] = pydantic.Field(max_length=3)
        lid: Lid | None

    for seed in range(4):
        done = client.chat.completions.parse(
            model=server.model,
            messages=HELLO,
            response_format=Box,
            temperature=1.2,
            seed=seed,
            max_tokens=3000,
        )
        assert isinstance(done.choices[0].message.parsed, Box)
