"""The pieces that constructs_test.py and random_templates_test.py put together: constructs.txt, and these.

Each section of constructs.txt becomes a list with its name in capitals: TEXTS, FILTERS, STATEMENTS, ...
"""

import itertools
import pathlib

VARIABLES = {
    "text": "Hello, W\u00f6rld",
    "empty": "",
    "lines": "one\r\ntwo\n\n  three",
    "emoji": "\U0001f600 ok",
    "numbers": [3, 1, 2, 3],
    "words": ["b", "A", "c", "a"],
    "mixed": [1, "x", None, True, 2.5],
    "people": [
        {"name": "Ann", "age": 31, "tags": ["x"]},
        {"name": "bob", "age": 5, "tags": []},
        {"name": "Cid", "age": 31},
    ],
    "item": {"b": 1, "a": [1, 2], "C": {"d": "deep"}, "items": "shadowed"},
    "nothing": None,
    "yes": True,
    "count": 7,
    "ratio": -2.75,
    "big": 10**15,
    "tiny": 1e-7,
}
UNSUPPORTED_FILTERS = {"filesizeformat", "pprint", "random", "striptags", "urlize", "wordwrap", "xmlattr"}
SYMBOLIC_TESTS = {"!=", "<", "<=", "==", ">", ">="}
# Sharp s, ligatures, title-case letters, iotas below, final sigma, digits of all sorts.
ODD_LETTERS = [
    *(0xDF, 0x130, 0x149, 0x1C4, 0x1C5, 0x1F0, 0x1E9E, 0x1F88, 0x1FB2, 0x1FB7, 0x1FE4, 0x3A3, 0x3C2),
    *(0xFB03, 0x587, 0xB2, 0xBD, 0x2460, 0x660, 0x2167, 0x1D7D8, 0x10D0, 0x13A0, 0xAB70, 0x10400, 0x1E900),
    *(0x2028, 0xAD, 0x200D),
]
WITH_NEWLINES = [
    "{{ 'a\\\nb' }}",
    "{% filter trim %}\n  {% set z = 1 %} x {{ z }} {% endfilter %}{{ z }}",
    "a\r\nb\rc\n",
    "{{ 1\n}}\n\n",
    "{% if\n1 %}\n  {{-\n2 }}\n{% endif %}\n",
]


def shown(expression):
    """An expression whose value may be an object: methods print their address in Python."""
    return "{%% set shown = %s %%}{{ 'callable' if shown is callable else shown }}" % expression


def white_space():
    """Every sign at every sort of tag, with every sort of text around it."""
    tags = [("{{", "}}", "1"), ("{%", "%}", "if 1"), ("{#", "#}", "c")]
    signs = ["", "-", "+"]
    befores = ["", "a", " ", "a ", "\n", "a\n ", "\n\t", "x\n\n"]
    afters = ["", "b", " ", "\n", "\n\nb", " \n b"]
    for (begin, end, inside), sign, close, before, after in itertools.product(
        tags, signs, signs, befores, afters
    ):
        if begin == "{{" and close == "+":
            continue  # a plus sign there belongs to the expression
        closing = "{% endif %}\n" if begin == "{%" else ""
        yield f"{before}{begin}{sign} {inside} {close}{end}{after}{closing}"


def sections():
    found, lines = {}, None
    source = pathlib.Path(__file__).with_name("constructs.txt").read_text(encoding="utf-8")
    for line in source.split("\n")[2:]:
        if line.startswith("== "):
            lines = found[line[3:].upper()] = []
        elif line:
            lines.append(line)
    return found


globals().update(sections())
