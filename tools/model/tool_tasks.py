"""The tool family: conversations in which the model calls tools and reads what they answer."""

import words
from words import name, noun


def tool(called, description, **parameters):
    """A function as OpenAI's API describes it; parameters: name -> type."""
    properties = {key: {"type": kind} for key, kind in parameters.items()}
    return {
        "type": "function",
        "function": {
            "name": called,
            "description": description,
            "parameters": {"type": "object", "properties": properties, "required": list(parameters)},
        },
    }


TOOLS = {
    each["function"]["name"]: each
    for each in (
        tool("calculator", "Evaluates an arithmetic expression.", expression="string"),
        tool("kv_get", "Reads the value of a key.", key="string"),
        tool("kv_set", "Stores a value under a key.", key="string", value="string"),
        tool("read_file", "Reads a file.", path="string"),
        tool("write_file", "Writes a file.", path="string", content="string"),
        tool("get_weather", "Today's weather in a city.", city="string"),
        tool("get_time", "The time in a city.", city="string"),
        tool("send_message", "Sends a message to a person.", to="string", text="string"),
        tool("set_timer", "Starts a timer.", minutes="integer"),
        tool("search", "Searches documents.", query="string"),
    )
}


def number(r):
    return r.randint(2, 999)


def path(r):
    return (
        f"{words.made_up(r) if r.random() < 0.5 else r.choice(words.THINGS)}"
        f".{r.choice(['txt', 'md', 'json'])}"
    )


def text(r):
    return " ".join(noun(r) for _ in range(r.randint(1, 3)))


def calculate(r):
    a, b, sign = number(r), number(r), r.choice("+-*")
    expression, result = f"{a} {sign} {b}", {"+": a + b, "-": a - b, "*": a * b}[sign]
    if r.random() < 0.2:
        c = r.randint(2, 99)
        if r.random() < 0.5:
            expression, result = f"({a} + {b}) * {c}", (a + b) * c
        else:
            expression, result = f"{expression} + {c}", result + c
    ask = r.choice(
        [
            "What is {}? Use the calculator.",
            "Calculate {} with the calculator.",
            "Use the calculator: {}",
            "Use the calculator to work out {}.",
        ]
    )
    return (
        ask.format(expression),
        "calculator",
        {"expression": expression},
        str(result),
        f"{expression} = {result}",
    )


def get(r):
    key, value = noun(r), r.choice([text(r), str(number(r))])
    ask = r.choice(
        ["What is stored under {}?", "Get the value of {}.", "Read the key {}.", "Look up the key {}."]
    )
    return ask.format(key), "kv_get", {"key": key}, value, f"The value of {key} is {value}."


def put(r, key=None):
    key, value = key or noun(r), r.choice([text(r), str(number(r))])
    ask = r.choice(
        [
            "Store {1} under {0}.",
            "Set {0} to {1}.",
            "Set the key {0} to {1}.",
            "Save {1} under the key {0}.",
        ]
    )
    return (
        ask.format(key, value),
        "kv_set",
        {"key": key, "value": value},
        "ok",
        f"I stored {value} under {key}.",
    )


def read(r):
    file, content = path(r), text(r)
    ask = r.choice(["Read the file {}.", "What is in {}?", "Show me {}.", "What does the file {} say?"])
    return ask.format(file), "read_file", {"path": file}, content, f"{file} says: {content}"


def write(r, file=None):
    file, content = file or path(r), text(r)
    ask = r.choice(
        [
            "Write {1} to the file {0}.",
            "Write {1} into {0}.",
            "Save {1} in the file {0}.",
            "Create the file {0} with the text {1}.",
        ]
    )
    return (
        ask.format(file, content),
        "write_file",
        {"path": file, "content": content},
        "ok",
        f"I wrote {content} to {file}.",
    )


def weather(r):
    city, answer = (
        r.choice(words.CITIES),
        f"{r.choice(['sunny', 'rainy', 'cloudy', 'windy'])}, {r.randint(1, 35)} degrees",
    )
    ask = r.choice(["What is the weather in {}?", "How is the weather in {} today?", "Weather in {}?"])
    return ask.format(city), "get_weather", {"city": city}, answer, f"The weather in {city}: {answer}."


def time(r):
    city, answer = r.choice(words.CITIES), f"{r.randint(10, 23)}:{r.randint(10, 59)}"
    return (
        r.choice(["What time is it in {}?", "Tell me the time in {}."]).format(city),
        "get_time",
        {"city": city},
        answer,
        f"It is {answer} in {city}.",
    )


def message(r):
    who, said = name(r), text(r)
    ask = r.choice(["Send {1} to {0}.", "Tell {0}: {1}", "Send {0} the message {1}."])
    return (
        ask.format(who, said),
        "send_message",
        {"to": who, "text": said},
        "sent",
        f"I sent {said} to {who}.",
    )


def timer(r):
    minutes = r.randint(2, 99)
    ask = r.choice(
        ["Set a timer for {} minutes.", "Start a timer of {} minutes.", "Wake me in {} minutes."]
    )
    return (
        ask.format(minutes),
        "set_timer",
        {"minutes": minutes},
        "ok",
        f"The timer runs for {minutes} minutes.",
    )


def search(r):
    query, found = text(r), text(r)
    ask = r.choice(["Search for {}.", "Find documents about {}.", "Look for {} in the documents."])
    return ask.format(query), "search", {"query": query}, found, f"I found: {found}"


ACTIONS = [calculate, get, put, read, write, weather, time, message, timer, search]
AGENT_ACTIONS = ACTIONS[:5]


def said(text):
    return {"role": "user", "content": text}


def answered(text):
    return {"role": "assistant", "content": text}


def use(which, arguments, result):
    """The model's call of a tool and what came back."""
    return [
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [
                {"id": "call_1", "type": "function", "function": {"name": which, "arguments": arguments}}
            ],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": result},
    ]


def one_action(r):
    """(messages, tools used) of one action."""
    ask, which, arguments, result, answer = r.choice(AGENT_ACTIONS if r.random() < 0.6 else ACTIONS)(r)
    return [said(ask), *use(which, arguments, result), answered(answer)], [which]


def missing(r):
    """Something that is not there."""
    if r.random() < 0.5:
        ask, which, arguments, _, _ = get(r)
        key = arguments["key"]
        return [
            said(ask),
            *use(which, arguments, "error: no such key"),
            answered(f"There is no key {key}."),
        ], [which]
    ask, which, arguments, _, _ = read(r)
    file = arguments["path"]
    return [
        said(ask),
        *use(which, arguments, "error: no such file"),
        answered(f"There is no file {file}."),
    ], [which]


def source(r, value):
    """(request, call with its result) of what a value is read from."""
    if value.isdigit():
        a = r.randint(0, int(value))
        expression = f"{int(value) - a} + {a}"
        return f"Calculate {expression} with the calculator", (
            "calculator",
            {"expression": expression},
            value,
        )
    if r.random() < 0.5:
        file = path(r)
        return f"Read the file {file}", ("read_file", {"path": file}, value)
    key = noun(r)
    return f"Get the value of {key}", ("kv_get", {"key": key}, value)


def target(r, value):
    """(request, call with its result, answer) of where a value is put."""
    if r.random() < 0.5:
        key = noun(r)
        return (
            f"store it under {key}",
            ("kv_set", {"key": key, "value": value}, "ok"),
            f"I stored {value} under {key}.",
        )
    file = path(r)
    return (
        f"write it to {file}",
        ("write_file", {"path": file, "content": value}, "ok"),
        f"I wrote {value} to {file}.",
    )


def value_of(r):
    return str(r.randint(2, 2000)) if r.random() < 0.4 else text(r)


def two_steps(r):
    """Reads or works out something with one tool and stores it with another."""
    value = value_of(r)
    start, first = source(r, value)
    end, second, answer = target(r, value)
    return [said(f"{start} and {end}."), *use(*first), *use(*second), answered(answer)], [
        first[0],
        second[0],
    ]


def follow_up(r):
    """One action, and then what is to be done with its result."""
    ask, which, arguments, result, answer = r.choice([calculate, get, read])(r)
    end, second, done = target(r, result)
    end = end.replace(" it ", r.choice([" it ", " the result ", " that "]))
    then = r.choice(["Now {}.", "Please {}.", "Then {}."]).format(end)
    return [
        said(ask),
        *use(which, arguments, result),
        answered(answer),
        said(then),
        *use(*second),
        answered(done),
    ], [which, second[0]]


def read_back(r, called):
    """Reads again what a call of kv_set or write_file left."""
    which, arguments = called
    if which == "kv_set":
        key, value = arguments["key"], arguments["value"]
        ask = r.choice(
            ["What is stored under {}?", "Get the value of {}.", "Read the key {}.", "Look up the key {}."]
        )
        call, answer = ("kv_get", {"key": key}, value), f"The value of {key} is {value}."
        return [said(ask.format(key)), *use(*call), answered(answer)], ["kv_get"]
    file, value = arguments["path"], arguments["content"]
    ask = r.choice(["Read the file {}.", "What is in {}?", "Show me {}.", "What does the file {} say?"])
    call, answer = ("read_file", {"path": file}, value), f"{file} says: {value}"
    return [said(ask.format(file)), *use(*call), answered(answer)], ["read_file"]


def set_and_get(r):
    """Stores something, perhaps twice or something else too, and reads it again."""
    action = r.choice([put, write])
    ask, which, first, _, done = action(r)
    messages, kept = [said(ask), *use(which, first, "ok"), answered(done)], first
    if r.random() < 0.5:
        place = next(iter(first.values()))  # the key or the path
        ask, _, second, _, done = action(r, place if r.random() < 0.5 else None)
        if next(iter(second.values())) == place:
            kept = second
        messages += [said(ask), *use(which, second, "ok"), answered(done)]
    more, used = read_back(r, (which, kept))
    return messages + more, [which, *used]


def chain_and_get(r):
    messages, used = two_steps(r)
    call = messages[-3]["tool_calls"][0]["function"]
    more, last = read_back(r, (call["name"], call["arguments"]))
    return messages + more, used + last


def both(r):
    """Two values, one after the other."""
    first, second = r.sample(words.NOUNS, 2)
    one, other = value_of(r), value_of(r)
    if r.random() < 0.5:
        return [
            said(f"Get the values of {first} and {second}."),
            *use("kv_get", {"key": first}, one),
            *use("kv_get", {"key": second}, other),
            answered(f"The value of {first} is {one}. The value of {second} is {other}."),
        ], ["kv_get"]
    return [
        said(f"Store {one} under {first} and {other} under {second}."),
        *use("kv_set", {"key": first, "value": one}, "ok"),
        *use("kv_set", {"key": second, "value": other}, "ok"),
        answered(f"I stored {one} under {first}. I stored {other} under {second}."),
    ], ["kv_set"]


SHAPES = {one_action: 10, two_steps: 3, chain_and_get: 2, follow_up: 3, set_and_get: 4, both: 2, missing: 1}


def offered(r, used):
    """The tools of a request: those that are used and some others, in any order."""
    if r.random() < 0.4:
        names = set(list(TOOLS)[:5])
    else:
        names = set(r.sample(sorted(TOOLS), r.randint(0, 4)))
    names = sorted(names | set(used))
    r.shuffle(names)
    return [TOOLS[each] for each in names]


def tools(r, chat):
    """A conversation with tools; chat: makes an exchange that needs none of them."""
    messages, used = [], []
    for _ in range(r.choice([1, 1, 1, 2])):
        more, which = r.choices(list(SHAPES), list(SHAPES.values()))[0](r)
        messages, used = messages + more, used + which
    if r.random() < 0.15:
        messages = chat(r) + messages
    return messages, offered(r, used)
