"""The task families of the built-in model: each makes one exchange, a list of messages, from words.Dice.

A family has exactly one right answer to each question, so that answers can be compared as they are.
"""

import json

import words
from words import name, noun

SLUICE = (
    "I am Sluice's built-in demonstration model, a very small language model for trying out the server."
)
ABILITIES = (
    "I can greet you, add and subtract small numbers, count, play with words, look up facts that you give "
    "me, write JSON, lists, short stories and short code, remember what you told me, and call tools."
)
UNKNOWN = "I am only a small demonstration model, so I do not know anything about {}."


def exchange(question, answer):
    return [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]


def polite(r, question):
    """The question, asked in one of several ways."""
    before = r.choice(
        ["", "", "", "Please tell me: ", "Hello! ", "I have a question. ", "Tell me, ", "So, "]
    )
    after = r.choice(["", "", "", " Thanks!", " Please answer."])
    return before + question + after


def greeting(r):
    who, hello = name(r), r.choice(["Hello", "Hi", "Hey", "Good morning", "Good evening", "Good day"])
    mark, again = r.choice(["", "!", "."]), r.choice(["", " there", " Sluice"])
    kind = r.randrange(6)
    if kind == 0:
        return exchange(hello + again + mark, "Hello! How can I help you?")
    if kind == 1:
        me = r.choice(["I am", "I'm", "my name is", "this is", "My name is", "I am called"])
        return exchange(
            f"{hello}{again}{r.choice([', ', '! ', '. '])}{me} {who}{mark}",
            f"Hello, {who}! How can I help you?",
        )
    if kind == 2:
        how = r.choice(
            ["how are you", "How are you doing", "how are you today", "how is it going", "are you well"]
        )
        return exchange(
            f"{hello}{again}{r.choice([', ', '! '])}{how}?", "I am fine, thank you. How can I help you?"
        )
    if kind == 3:
        thanks = r.choice(["Thank you", "Thanks", "Thanks a lot", "Many thanks", "Thank you very much"])
        why = r.choice(["", " for your help", " for the answer", ", Sluice", ", that helped", ", great"])
        return exchange(thanks + why + mark, "You are welcome!")
    if kind == 4:
        bye = r.choice(
            ["Bye", "Goodbye", "See you", "Good night", "Bye bye", "I have to go now", "See you tomorrow"]
        )
        return exchange(
            bye + r.choice(["", ", Sluice", " then", ", and thanks"]) + mark, "Goodbye! Have a nice day."
        )
    return exchange(
        f"{r.choice(['Say hello to', 'Greet', 'Please greet', 'Say hi to'])} {who}{mark}", f"Hello, {who}!"
    )


def identity(r):
    if r.random() < 0.5:
        asked = r.choice(
            [
                "who are you",
                "what are you",
                "what is your name",
                "which model are you",
                "who is there",
                "what model is this",
                "are you a human",
                "what kind of model are you",
                "are you ChatGPT",
                "introduce yourself",
                "tell me about yourself",
                "what is Sluice",
                "are you a robot",
            ]
        )
        answer = SLUICE
    else:
        asked = r.choice(
            [
                "what can you do",
                "how can you help me",
                "what are you able to do",
                "what do you know",
                "what can I ask you",
                "what are you good at",
                "which tasks can you do",
                "can you help me",
                "what are your skills",
                "show me what you can do",
            ]
        )
        answer = ABILITIES
    asked = asked[0].upper() + asked[1:] if r.random() < 0.6 else asked
    return exchange(polite(r, asked + r.choice(["?", "?", ""])), answer)


def arithmetic(r):
    a, b = r.randrange(100), r.randrange(100)
    if r.random() < 0.55:
        question = r.choice(
            [
                "What is {} + {}?",
                "{} + {}",
                "{}+{}",
                "{} + {} =",
                "Add {} and {}.",
                "What is {} plus {}?",
                "What is the sum of {} and {}?",
                "How much is {} + {}?",
                "Calculate {} + {}.",
            ]
        )
        return exchange(question.format(a, b), f"{a} + {b} = {a + b}")
    a, b = max(a, b), min(a, b)
    if r.random() < 0.15:
        return exchange(f"Subtract {b} from {a}.", f"{a} - {b} = {a - b}")
    question = r.choice(
        [
            "What is {} - {}?",
            "{} - {}",
            "{}-{}",
            "{} - {} =",
            "What is {} minus {}?",
            "How much is {} - {}?",
            "Calculate {} - {}.",
        ]
    )
    return exchange(question.format(a, b), f"{a} - {b} = {a - b}")


def comparison(r):
    a, b = r.sample(range(100), 2)
    if r.random() < 0.5:
        word, best = r.choice(["larger", "bigger", "greater"]), max(a, b)
    else:
        word, best = r.choice(["smaller", "less"]), min(a, b)
    return exchange(polite(r, f"Which is {word}, {a} or {b}?"), f"{best} is {word}.")


def counting(r):
    kind = r.randrange(3)
    if kind == 0:
        a = r.randrange(60)
        b = a + r.randint(2, 9)
        count = r.choice(
            [
                "Count from {} to {}.",
                "Please count from {} to {}.",
                "List the numbers from {} to {}.",
                "Write the numbers {} to {}.",
            ]
        )
        return exchange(count.format(a, b), ", ".join(map(str, range(a, b + 1))))
    if kind == 1:
        b = r.randrange(60)
        a = b + r.randint(2, 9)
        count = r.choice(["Count down from {} to {}.", "Count backwards from {} to {}."])
        return exchange(count.format(a, b), ", ".join(map(str, range(a, b - 1, -1))))
    items = r.sample(words.WORDS, r.randint(1, 7))
    count = r.choice(
        ["How many words are here: {}?", "Count the words: {}", "How many things are in this list: {}?"]
    )
    return exchange(count.format(", ".join(items)), str(len(items)))


def strings(r):
    some = r.sample(words.WORDS, r.randint(1, 5))
    listed, kind = r.choice([" ", ", "]).join(some), r.randrange(8)
    separator = ", " if ", " in listed else " "
    if kind == 0:
        ask = r.choice(["Write in upper case: {}", "Upper case: {}", "Make this upper case: {}"])
        return exchange(ask.format(listed), listed.upper())
    if kind == 1:
        ask = r.choice(
            ["Reverse the order of these words: {}", "Reverse this list: {}", "Say these backwards: {}"]
        )
        return exchange(ask.format(listed), separator.join(reversed(some)))
    if kind == 2:
        ask = r.choice(["What is the first letter of each word: {}", "First letters of: {}"])
        return exchange(ask.format(listed), separator.join(word[0] for word in some))
    if kind == 3:
        return exchange(f"What is the first word of: {listed}", some[0])
    if kind == 4:
        return exchange(f"What is the last word of: {listed}", some[-1])
    if kind == 5:
        text = " ".join(noun(r) for _ in range(r.randint(1, 5)))
        return exchange(r.choice(["Repeat after me: {}", "Say: {}", "Repeat this: {}"]).format(text), text)
    if kind == 6:
        word = r.choice(words.WORDS)
        return exchange(
            r.choice(["Spell the word {}.", "How do you spell {}?", "Spell {}."]).format(word),
            "-".join(word),
        )
    number, word = r.randint(2, 6), noun(r)
    return exchange(f"Write {word} {words.NUMBERS[number]} times.", " ".join([word] * number))


def facts(r):
    """A small table in the prompt, and a question about one row of it."""
    count, kind = r.randint(2, 5), r.randrange(4)
    if kind == 0:
        who, what = r.sample(words.NOUNS, count), [r.choice(words.COLOURS) for _ in range(count)]
        lines = [f"The {a} is {b}." for a, b in zip(who, what)]
        asked = r.randrange(count)
        return exchange(
            " ".join(lines) + f" What colour is the {who[asked]}?", f"The {who[asked]} is {what[asked]}."
        )
    people = list(dict.fromkeys(name(r) for _ in range(count)))
    asked = r.randrange(len(people))
    if kind == 1:
        where = r.sample(words.CITIES, len(people))
        lines = [f"{a} lives in {b}." for a, b in zip(people, where)]
        if r.random() < 0.5:
            return exchange(" ".join(lines) + f" Where does {people[asked]} live?", lines[asked])
        return exchange(" ".join(lines) + f" Who lives in {where[asked]}?", lines[asked])
    if kind == 2:
        has = [noun(r) for _ in people]
        lines = [f"{a} has a {b}." for a, b in zip(people, has)]
        return exchange(" ".join(lines) + f" What does {people[asked]} have?", lines[asked])
    ages = [r.randint(5, 90) for _ in people]
    table = "\n".join(["name | age", *(f"{a} | {b}" for a, b in zip(people, ages))])
    return exchange(f"{table}\nHow old is {people[asked]}?", f"{people[asked]} is {ages[asked]} years old.")


def json_answers(r):
    who, age, city, colour = name(r), r.randint(5, 90), r.choice(words.CITIES), r.choice(words.COLOURS)
    kind = r.randrange(4)
    if kind == 0:
        ask = r.choice(
            ["Write as JSON: name {}, age {}", "Give me JSON: name {}, age {}", "As JSON: name {}, age {}"]
        )
        return exchange(ask.format(who, age), json.dumps({"name": who, "age": age}))
    if kind == 1:
        return exchange(
            f"Write as JSON: {who} is {age} years old and lives in {city}.",
            json.dumps({"name": who, "age": age, "city": city}),
        )
    if kind == 2:
        item, count = noun(r), r.randint(1, 99)
        return exchange(
            f"Write as JSON: item {item}, colour {colour}, count {count}",
            json.dumps({"item": item, "colour": colour, "count": count}),
        )
    some = [noun(r) for _ in range(r.randint(1, 5))]
    return exchange(
        r.choice(["Write as a JSON list: {}", "Make a JSON array: {}"]).format(", ".join(some)),
        json.dumps(some),
    )


def memory(r):
    """What the user said some turns ago."""
    who, colour, pet, city = (
        name(r),
        r.choice(words.COLOURS),
        r.choice(words.ANIMALS),
        r.choice(words.CITIES),
    )
    told = {
        "name": (f"My name is {who}.", "What is my name?", f"Your name is {who}."),
        "colour": (
            f"My favourite colour is {colour}.",
            "What is my favourite colour?",
            f"Your favourite colour is {colour}.",
        ),
        "pet": (f"I have a {pet}.", "What pet do I have?", f"You have a {pet}."),
        "city": (f"I live in {city}.", "Where do I live?", f"You live in {city}."),
    }
    keys = r.sample(sorted(told), r.randint(1, 3))
    out = []
    for key in keys:
        out += exchange(
            r.choice(["", "Remember: ", "By the way: "]) + told[key][0], "I will remember that."
        )
    if r.random() < 0.4:
        out += r.choice([greeting, arithmetic, knowledge])(r)
    for key in r.sample(keys, r.randint(1, len(keys))):
        out += exchange(r.choice(["", "Do you remember? ", "Tell me: "]) + told[key][1], told[key][2])
    return out


def knowledge(r):
    kind = r.randrange(3)
    if kind == 0:
        country, city = r.choice(sorted(words.CAPITALS.items()))
        ask = r.choice(
            ["What is the capital of {}?", "Which city is the capital of {}?", "Name the capital of {}."]
        )
        return exchange(polite(r, ask.format(country)), f"The capital of {country} is {city}.")
    if kind == 1:
        one, other = r.choice(sorted(words.OPPOSITES.items()))
        if r.random() < 0.5:
            one, other = other, one
        return exchange(polite(r, f"What is the opposite of {one}?"), f"The opposite of {one} is {other}.")
    topic = r.choice(words.TOPICS) if r.random() < 0.6 else words.made_up(r)
    ask = r.choice(
        [
            "Tell me about {}.",
            "What do you know about {}?",
            "Explain {}.",
            "Write an essay about {}.",
            "Can you explain {} to me?",
            "I want to learn about {}.",
            "Talk about {}.",
            "What about {}?",
            "Give me some facts about {}.",
            "How does one learn about {}?",
        ]
    )
    return exchange(polite(r, ask.format(topic)), UNKNOWN.format(topic))


def with_article(word):
    return ("an " if word[0] in "aeiou" else "a ") + word


STORY = """Once upon a time there was {a} who lived near a quiet river. One day the {one} met {b}. \
"Will you be my friend?" asked the {one}. "Yes," said the {other}, "let us go to the garden together." \
They walked and talked until the sun went down. \
From that day on the {one} and the {other} were the best of friends."""
LOST = """There was once {a} who had lost its way. It asked {b}: "Do you know the way home?" \
"Follow me," said the {other}. They went over the bridge and through the garden until they saw a light. \
"That is my house!" said the {one}. "Thank you." And the {other} went home too, happy and a little tired."""
POEM = """The {one} is small, the {one} is bright,
It waits by day and dreams by night.
O little {one}, I think of you
When all the evening sky is blue."""


def story(r):
    one, other = r.sample(words.ANIMALS, 2) if r.random() < 0.6 else (noun(r), noun(r))
    filled = {"one": one, "other": other, "a": with_article(one), "b": with_article(other)}
    kind = r.randrange(3)
    if kind == 0:
        ask = r.choice(
            [
                "Tell me a story about {a} and {b}.",
                "Write a story about {a} and {b}.",
                "Tell a short story of {a} and {b}.",
            ]
        )
        return exchange(ask.format(**filled), STORY.format(**filled))
    if kind == 1:
        ask = r.choice(
            ["Tell me how {a} got lost and met {b}.", "Write about {a} that lost its way and met {b}."]
        )
        return exchange(ask.format(**filled), LOST.format(**filled))
    ask = r.choice(
        ["Write a poem about {a}.", "Please write a poem about {a}.", "I want a poem about {a}."]
    )
    return exchange(ask.format(**filled), POEM.format(**filled))


def layout(r):
    """Lists and tables in Markdown."""
    kind, some = r.randrange(3), [noun(r) for _ in range(r.randint(2, 5))]
    if kind == 0:
        ask = r.choice(["Make a bullet list: {}", "Write as a list: {}", "As a Markdown list: {}"])
        return exchange(ask.format(", ".join(some)), "\n".join(f"- {each}" for each in some))
    if kind == 1:
        ask = r.choice(["Make a numbered list: {}", "Number these: {}"])
        return exchange(
            ask.format(", ".join(some)), "\n".join(f"{i}. {each}" for i, each in enumerate(some, 1))
        )
    rows = [(name(r), r.randint(5, 90)) for _ in range(r.randint(1, 4))]
    ask = r.choice(["Make a table of name and age: {}", "Write as a table of name and age: {}"])
    lines = ["| name | age |", "| --- | --- |", *(f"| {who} | {age} |" for who, age in rows)]
    return exchange(ask.format(", ".join(f"{who} {age}" for who, age in rows)), "\n".join(lines))


def code(r):
    """Functions of one line in Python."""
    call, a, b = (
        words.made_up(r)
        if r.random() < 0.4
        else r.choice(["add", "total", "combine", "work", "compute", "solve", "run", "apply"])
    ), *r.sample(list("abcdnxyz"), 2)
    what, body = r.choice(
        [
            (f"adds {a} and {b}", f"{a} + {b}"),
            (f"subtracts {b} from {a}", f"{a} - {b}"),
            (f"multiplies {a} by {b}", f"{a} * {b}"),
            (f"returns the larger of {a} and {b}", f"max({a}, {b})"),
            (f"returns the smaller of {a} and {b}", f"min({a}, {b})"),
            (f"says whether {a} equals {b}", f"{a} == {b}"),
            (f"doubles {a}", f"2 * {a}"),
            (f"squares {a}", f"{a} * {a}"),
            (f"reverses the text {a}", f"{a}[::-1]"),
            (f"returns the length of {a}", f"len({a})"),
            (f"says whether {a} is even", f"{a} % 2 == 0"),
        ]
    )
    both = f"{a}, {b}" if f" {b}" in what else a
    ask = r.choice(
        [
            "Write a Python function {} that {}.",
            "Write a function {} in Python that {}.",
            "I need a Python function {} that {}.",
        ]
    )
    return exchange(ask.format(call, what), f"```python\ndef {call}({both}):\n    return {body}\n```")


FAMILIES = {
    "greeting": greeting,
    "identity": identity,
    "arithmetic": arithmetic,
    "comparison": comparison,
    "counting": counting,
    "strings": strings,
    "facts": facts,
    "json": json_answers,
    "memory": memory,
    "knowledge": knowledge,
    "code": code,
    "story": story,
    "layout": layout,
}
