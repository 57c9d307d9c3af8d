"""Just enough understanding of C++ text for tidy.py: comments, functions, statements with co_await."""

import bisect
import re

_TOKENS = re.compile(
    r'//[^\n]*|/\*.*?\*/|(?:u8|[uUL])?R"(?P<tag>[^()\\\s]{0,16})\(.*?\)(?P=tag)"'
    r'|"(?:\\.|[^"\\\n])*"|(?<![0-9A-Fa-f])\'(?:\\.|[^\'\\\n])+\'',
    re.S,
)
_DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n\\]|\\.|\\\n)*", re.M)
_SCOPE = re.compile(
    r"^\s*(?:template\s*<.*?>\s*)?(?:inline\s+|export\s+|typedef\s+)*"
    r"(?:class|struct|union|enum|namespace|extern)\b",
    re.S,
)
_AFTER_SIGNATURE = {"const", "noexcept", "override", "final", "try", "mutable"}
_BEFORE_EXPRESSION = {"return", "co_return", "co_await", "co_yield", "case", "throw", "else", "in"}
_PAIRS = {"(": ")", "[": "]", "{": "}"}


def _spaces(match):
    return re.sub(r"[^\n]", " ", match.group())


def blank_comments(text):
    """The text without comments; strings stay. Every character keeps its place."""
    return _TOKENS.sub(lambda m: _spaces(m) if m.group().startswith("/") else m.group(), text)


def blank(text):
    """Without comments, strings, character literals and preprocessor lines."""
    return _DIRECTIVE.sub(_spaces, _TOKENS.sub(_spaces, text))


class Lines:
    """Offset -> line number, from 1."""

    def __init__(self, text):
        self._starts = [m.end() for m in re.finditer("\n", text)]

    def at(self, offset):
        return bisect.bisect_right(self._starts, offset) + 1


def closing(text, start):
    """Where the bracket at `start` is closed; the end of the text if it never is."""
    stack = []
    for i in range(start, len(text)):
        c = text[i]
        if c in _PAIRS:
            stack.append(_PAIRS[c])
        elif stack and c == stack[-1]:
            stack.pop()
            if not stack:
                return i
    return len(text)


def functions(text):
    """(name, first offset, last offset) of every function body in blanked text, outermost only."""
    found = []
    header = 0  # where the text that belongs to the next brace begins
    i = 0
    while i < len(text):
        c = text[i]
        if c in ";}":
            header = i + 1
        elif c == "(":
            i = closing(text, i)
        elif c == "{":
            kind = _brace_kind(text[header:i])
            if kind == "scope":
                header = i + 1
            else:
                end = closing(text, i)
                if kind == "function":
                    first = header + len(text[header:i]) - len(text[header:i].lstrip())
                    found.append((_function_name(text[header:i]), first, end))
                    header = end + 1
                i = end  # an initialiser's header goes on: the body may still follow
        i += 1
    return found


def _brace_kind(header):
    stripped = header.rstrip()
    if _SCOPE.match(header) or re.search(r"\benum\s+class\b", header) or not stripped:
        return "scope"
    if ")" not in stripped:
        return "initialiser"
    if stripped.endswith(")"):
        return "function"
    tail = stripped[stripped.rfind(")") + 1 :]
    words = re.findall(r"\w+", tail)
    if "->" in tail or "requires" in words or (words and words[-1] in _AFTER_SIGNATURE):
        return "function"
    if tail.endswith("}"):
        return "function"  # after the last braced member initialiser
    return "initialiser"


def _function_name(header):
    match = re.search(r"([~\w]+|operator\s*\S+)\s*\(", header)
    return match.group(1) if match else "?"


def _lambda_body(text, bracket):
    """(captures, body start, body end) if the '[' at `bracket` opens a lambda, else None."""
    before = text[:bracket].rstrip()
    word = re.search(r"(\w+|[)\]])$", before)
    if word and word.group(1) not in _BEFORE_EXPRESSION:
        return None  # a subscript
    if re.search(r"\bauto\s*&{0,2}$", before) or text.startswith("[[", bracket):
        return None
    end = closing(text, bracket)
    match = re.compile(r"\s*(?:<[^<>]*>\s*)?").match(text, end + 1)
    at = match.end()
    if text.startswith("(", at):
        at = closing(text, at) + 1
    match = re.compile(r"[^;,(){}]*(?:\([^()]*\)[^;,(){}]*)?\{").match(text, at)
    if not match:
        return None
    body = match.end() - 1
    return text[bracket + 1 : end], body, closing(text, body)


def coroutine_hazards(text):
    """(offset, what) of statements that gcc 12.2 may miscompile: co_await together, in one full expression,
    with a closure that captures by value or with a braced temporary."""
    return sorted(_hazards(text, 0, len(text)))


def _hazards(text, start, end):
    found = []
    awaits = False
    suspects = []
    depth = 0
    i = start

    def close_statement():
        nonlocal awaits, suspects
        if awaits:
            found.extend(suspects)
        awaits, suspects = False, []

    while i < end:
        c = text[i]
        if c == "[" and (lambda_ := _lambda_body(text, i)):
            captures, body, body_end = lambda_
            if any(
                p.strip() and not p.strip().startswith("&") and p.strip() != "this"
                for p in captures.split(",")
            ):
                suspects.append((i, "a lambda that captures by value"))
            found.extend(_hazards(text, body + 1, body_end))
            i = body_end
        elif c == "{" and (depth > 0 or re.search(r"\bco_return\s+[\w:<>, ]*$", text[start:i])):
            suspects.append((i, "a braced temporary"))
            close = closing(text, i)
            inner = text[i + 1 : close]
            awaits = awaits or re.search(r"\bco_await\b", inner) is not None
            i = close
        elif c in "([":
            depth += 1
        elif c in ")]":
            depth -= 1
        elif c in "{}" or (c == ";" and depth <= 0):
            close_statement()
            depth = 0
        elif c == ";":  # between the parts of a for (...)
            close_statement()
        elif text.startswith("co_await", i) and not text[i - 1].isalnum():
            awaits = True
            i += len("co_await") - 1
        i += 1
    close_statement()
    return found
