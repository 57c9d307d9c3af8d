"""Conversations of the built-in model: made, split, rendered with its template, turned into rows of tokens.

Everything follows from a seed. Held out is what the hash of its content says, whatever the seed, so training
never sees a question that the evaluation asks.
"""

import copy
import functools
import hashlib
import json
import pathlib

import jinja2.sandbox

import tasks
import tool_tasks
import words

HERE = pathlib.Path(__file__).parent
FAMILIES = [*tasks.FAMILIES, "tools"]
# Where the answer names all that was asked, so that no other wording of the same sum is trained.
BY_ANSWER = {"arithmetic", "comparison", "counting"}
SYSTEMS = [
    "You are a helpful assistant.",
    "You are Sluice.",
    "Answer briefly.",
    "You are a friendly assistant.",
    "You are a helpful assistant. Be short and exact.",
]
WEIGHTS = {
    "greeting": 6,
    "identity": 3,
    "arithmetic": 22,
    "comparison": 9,
    "counting": 7,
    "strings": 12,
    "facts": 14,
    "json": 6,
    "memory": 6,
    "knowledge": 5,
    "code": 4,
    "story": 2,
    "layout": 4,
    "tools": 20,
}
# Training begins with single exchanges, and ends with more of what has to be copied to the letter.
SIMPLE_SHARDS, COPYING_FROM, COPYING_NEW_WORDS = 2, 67, 0.5
COPYING = {**WEIGHTS, "facts": 20, "strings": 14, "layout": 6, "tools": 34}
GAP = 1500  # tokens that may seem to lie between two exchanges (see `encode`)


def template_source():
    return (HERE / "chat_template.jinja").read_text(encoding="utf-8")


@functools.cache
def template():
    # As our server and Hugging Face transformers set Jinja up.
    environment = jinja2.sandbox.ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    environment.filters["tojson"] = lambda value, **_: json.dumps(value, ensure_ascii=False)
    return environment.from_string(template_source())


def render(messages, tools=None, prompt=False):
    extra = {"tools": tools} if tools else {}
    return template().render(messages=messages, add_generation_prompt=prompt, **extra)


def held_out(family, messages):
    key = [m["content"] for m in messages if m["role"] == ("assistant" if family in BY_ANSWER else "user")]
    digest = hashlib.sha256(json.dumps([family, key]).encode()).digest()
    return digest[0] % 10 == 0


def piece(r, family, held):
    """(messages, tools) of one family from its half of the split."""
    while True:
        if family == "tools":
            messages, offered = tool_tasks.tools(r, lambda r: piece(r, pick(r, simple=True), False)[0])
        else:
            messages, offered = tasks.FAMILIES[family](r), None
        if held_out(family, messages) == held:
            return messages, offered


def pick(r, simple=False, weights=WEIGHTS):
    names = [name for name in FAMILIES if not (simple and name in ("tools", "memory"))]
    return r.choices(names, [weights[name] for name in names])[0]


def conversation(r, simple=False, weights=WEIGHTS):
    """(messages, tools) to train on. simple: one exchange."""
    messages, offered = piece(r, pick(r, simple, weights), False)
    if simple:
        return messages, offered
    if offered is None and r.random() < 0.25:
        for _ in range(r.randint(1, 4)):
            messages = messages + piece(r, pick(r, simple=True), False)[0]
    if offered is None and r.random() < 0.06:  # tools that nobody needs
        offered = tool_tasks.offered(r, [])[:3]
    if r.random() < 0.15:
        messages = [{"role": "system", "content": r.choice(SYSTEMS)}] + messages
    return messages, offered


def parts(messages, tools):
    """[(text, whether the model wrote it)], together the rendered conversation."""
    out, done = [], ""
    for i, message in enumerate(messages):
        if message["role"] != "assistant":
            continue
        prompt = render(messages[:i], tools, prompt=True)
        full = render(messages[: i + 1], tools)
        end = full.rstrip("\n")  # the line break after <|im_end|> is the template's
        if not (prompt.startswith(done) and end.startswith(prompt)):
            raise ValueError(f"the template does not extend its own text: {messages}")
        out += [(prompt[len(done) :], False), (end[len(prompt) :], True)]
        done = end
    return out


def encode(tokenizer, messages, tools, gaps=None):
    """Token ids and, for each, whether the model is to learn it and its position.

    gaps, a words.Dice: before some prompts positions jump, so that a short row teaches to look far back
    (Zhu et al. 2023, PoSE: positions of a long context, a row of a short one).
    """
    pieces = parts(messages, tools)
    ids, learn, positions, skipped = [], [], [], 0
    for encoding, (_, own) in zip(tokenizer.encode_batch([text for text, _ in pieces]), pieces):
        if gaps and ids and not own and gaps.random() < 0.3:
            skipped += gaps.randint(1, GAP)
        positions += range(len(ids) + skipped, len(ids) + skipped + len(encoding.ids))
        ids += encoding.ids
        learn += [own] * len(encoding.ids)
    return ids, learn, positions


def shard(tokenizer, seed, index, count, length):
    """Rows of `length` tokens from `count` conversations: lists (ids, learn, positions, conversation)."""
    r, weights = words.Dice(f"{seed}/{index}"), WEIGHTS
    if index >= COPYING_FROM:
        r.new_words, weights = COPYING_NEW_WORDS, COPYING
    open_rows, rows = [], []
    for number in range(count):
        messages, tools = conversation(r, index < SIMPLE_SHARDS, weights)
        fields = encode(tokenizer, messages, tools, r if r.random() < 0.3 else None)
        used = len(fields[0])
        if used > length:
            continue
        fits = [row for row in open_rows if len(row[0]) + used <= length]
        row = max(fits, key=lambda row: len(row[0])) if fits else ([], [], [], [])
        if not fits:
            open_rows.append(row)
        for field, values in zip(row, (*fields, [number] * used)):
            field.extend(values)
        if len(open_rows) > 16:
            rows.append(open_rows.pop(max(range(len(open_rows)), key=lambda i: len(open_rows[i][0]))))
    rows += open_rows
    r.shuffle(rows)
    return rows


def questions(family, count, seed=1, calls=False):
    """Held-out questions: (messages before the answer, tools, the answer message), all different.

    calls: only such that a tool call answers.
    """
    r, seen, out = words.Dice(f"held-out/{seed}/{family}"), set(), []
    for _ in range(100 * count):
        messages, offered = piece(r, family, True)
        at = [
            i
            for i, m in enumerate(messages)
            if m["role"] == "assistant" and ("tool_calls" in m or not calls)
        ]
        last = r.choice(at) if family == "tools" else at[-1]
        key = json.dumps(messages[:last])
        if key not in seen:
            seen.add(key)
            out.append((copy.deepcopy(messages[:last]), offered, messages[last]))
        if len(out) == count:
            break
    return out


def chatter(seed, exchanges):
    """What may have been said before a question: the messages of so many pieces."""
    r = words.Dice(f"chatter/{seed}")
    return [message for _ in range(exchanges) for message in piece(r, pick(r, simple=True), True)[0]]
