"""Random Unicode texts that stress pre-tokenisers: scripts, digits of all kinds, marks, white space, contractions.

Only code points that Unicode 14 assigns (the tables of CPython 3.11): PCRE2 10.42 and utf8proc 2.8 know them with
the same categories, and so does every later table.
"""

import random
import unicodedata

SPACES = [*" \t\n\r\v\f", "\u0085", "\u00a0", "\u1680", "\u2003", "\u2028", "\u2029", "\u202f", "\u205f", "\u3000"]
NEWLINES = ["\n", "\r", "\r\n", "\n\n", " \n", "\n ", "\r\n\r\n", " \r\n  "]
ENDINGS = ["s", "t", "re", "ve", "m", "ll", "d", "\u017f", "x", "r", "l", "v", "e", "\u212a"]
EMOJI = ["\U0001f600", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f44d\U0001f3fd", "\u2764\ufe0f", "\U0001f1e9\U0001f1ea",
         "1\ufe0f\u20e3", "\U0001f3f4\u200d\u2620\ufe0f"]
PUNCTUATION = list("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~") + ["\u2019", "\u201c", "\u2026", "\u20ac", "\u3002", "\u060c"]
WORDS = "the quick brown fox Hello WORLD don't I'LL they've int main() return 0; https://example.org/a?b=c".split()
BLOCKS = [(0x41, 0x7B), (0xC0, 0x250), (0x300, 0x370), (0x370, 0x400), (0x400, 0x500), (0x590, 0x600),
          (0x600, 0x700), (0x900, 0x980), (0xE00, 0xE80), (0x1100, 0x1200), (0x1780, 0x1800), (0x1E00, 0x1F00),
          (0x2070, 0x2190), (0x2190, 0x2400), (0x3040, 0x3100), (0x4E00, 0x5200), (0xAC00, 0xAD00),
          (0xFF00, 0xFFEF), (0x1D400, 0x1D800), (0x10000, 0x10100), (0x20000, 0x20100)]


def usable(code):
    return unicodedata.category(chr(code)) not in ("Cn", "Cs", "Co")


ASSIGNED = [c for c in range(0x30000) if usable(c)]
IN_BLOCKS = [[c for c in range(*block) if usable(c)] for block in BLOCKS]
NUMBERS = [c for c in ASSIGNED if unicodedata.category(chr(c))[0] == "N"]
MARKS = [c for c in ASSIGNED if unicodedata.category(chr(c))[0] == "M"]


def run(rng, codes, most=6):
    return "".join(chr(rng.choice(codes)) for _ in range(rng.randint(1, most)))


def contraction(rng):
    ending = rng.choice(ENDINGS)
    return "'" + rng.choice([ending, ending.upper(), ending.title()])


PARTS = [
    lambda rng: run(rng, rng.choice(IN_BLOCKS)),
    lambda rng: run(rng, NUMBERS, 7),
    lambda rng: "".join(rng.choices("0123456789", k=rng.randint(1, 9))),
    lambda rng: rng.choice(WORDS),
    lambda rng: "".join(rng.choices(SPACES, k=rng.randint(1, 4))),
    lambda rng: " " * rng.randint(1, 5),
    lambda rng: rng.choice(NEWLINES),
    contraction,
    lambda rng: rng.choice(EMOJI),
    lambda rng: "".join(rng.choices(PUNCTUATION, k=rng.randint(1, 4))),
    lambda rng: run(rng, rng.choice(IN_BLOCKS), 2) + run(rng, MARKS, 3),
    lambda rng: run(rng, ASSIGNED),
]


def random_text(rng: random.Random) -> str:
    return "".join(rng.choice(PARTS)(rng) for _ in range(rng.randint(1, 12)))
