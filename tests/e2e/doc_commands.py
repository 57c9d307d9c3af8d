"""The commands of the documentation: fenced blocks, indented lines, and spans of code that are commands."""

import dataclasses
import re

from server import ROOT

PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "bench/README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
# What a line of a shell begins with, here at least. A line of code that begins with another word is a command
# too; these tell a command from a diagram and from a name in the middle of a sentence.
PROGRAMS = (
    r"(?:sluice|make|cmake|ctest|curl|python3|git|man|source|echo|(?:\.ci|tools|bench|build)/[\w./-]+)"
)
BEGINS = re.compile(rf"{PROGRAMS}(?: |$)")
SPAN = re.compile(r"`([^`\n]+)`")
FENCE = re.compile(r"( *)```(\w*)$")


@dataclasses.dataclass(frozen=True)
class Command:
    place: str  # file:line
    language: str  # "sh", "python", ...; "span": in the middle of a sentence
    text: str

    def __str__(self):
        return f"{self.place} {self.text.splitlines()[0][:50]}"


def without_comment(line):
    """Behind a command two spaces, or a #, begin what is said about it."""
    return re.split(r" {2,}|\s# ", line.strip())[0]


def spans(place, line):
    """Commands with arguments that a sentence names."""
    for span in SPAN.findall(line):
        if BEGINS.match(span) and " " in span and not span.startswith("sluice: "):
            yield Command(place, "span", span)


def commands(name, text):
    """All commands of a page. A block of sh is one, because its lines may need each other."""
    lines = text.splitlines()
    number = 0
    while number < len(lines):
        line, place = lines[number], f"{name}:{number + 1}"
        number += 1
        if fence := FENCE.match(line):
            body = []
            while not re.match(r" *```$", lines[number]):
                body.append(lines[number].removeprefix(fence[1]))
                number += 1
            number += 1
            if fence[2]:
                yield Command(place, fence[2], "\n".join(body))
            else:
                yield from (
                    Command(place, "sh", each.strip()) for each in body if BEGINS.match(each.strip())
                )
        elif re.match(r" {4,}\S", line) and (
            not lines[number - 2].strip() or lines[number - 2].startswith("    ")
        ):
            yield Command(place, "sh", without_comment(line))
        else:
            yield from spans(place, line)


def all_commands():
    return [each for page in PAGES for each in commands(str(page.relative_to(ROOT)), page.read_text())]
