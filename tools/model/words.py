"""Words that the generator fills its sentences with, and the dice that choose them."""

import random

NAMES = """Anna Ben Clara David Emma Felix Greta Henry Ida Jonas Kate Leo Mia Noah Olga Paul Rosa Simon Tina
Uwe Vera Walter Yara Zoe Alice Bruno Carla Dora Eric Fiona Gus Hanna Ivan Julia Karl Lena Max Nora
Oscar Petra""".split()
CITIES = """Berlin Paris London Rome Madrid Vienna Bern Oslo Dublin Lisbon Prague Warsaw Athens Helsinki Tokyo
Cairo Lima Delhi Boston Zurich Hamburg Lyon Porto Milan""".split()
ANIMALS = "cat dog fox owl bear wolf horse mouse tiger snake sheep goat duck frog".split()
THINGS = """book lamp chair table clock door window pen cup plate key box bag hat coat shoe ball boat
car train stone tree leaf river cloud star moon sun house bridge garden bread apple pear
plum cherry lemon""".split()
COLOURS = "red blue green yellow black white brown grey orange pink purple golden".split()
NOUNS = ANIMALS + THINGS
WORDS = NOUNS + COLOURS
TOPICS = """quantum physics, the stock market, chess openings, French grammar, the weather tomorrow, tax law,
football results, ancient Rome, deep sea fish, space travel, cooking rice, piano music, medicine,
the next election, car engines, poetry, the history of tea, volcanoes, gardening, opera, rivers,
mountains, the sea, computers, history, the moon, dinosaurs, cooking, films, trains, birds, love,
money, war, the meaning of life, language models""".replace("\n", " ").split(", ")
CAPITALS = {
    "France": "Paris",
    "Germany": "Berlin",
    "Italy": "Rome",
    "Spain": "Madrid",
    "Austria": "Vienna",
    "Norway": "Oslo",
    "Ireland": "Dublin",
    "Portugal": "Lisbon",
    "Poland": "Warsaw",
    "Greece": "Athens",
    "Finland": "Helsinki",
    "Japan": "Tokyo",
    "Egypt": "Cairo",
    "Peru": "Lima",
    "Sweden": "Stockholm",
    "Denmark": "Copenhagen",
    "Hungary": "Budapest",
    "Belgium": "Brussels",
    "Canada": "Ottawa",
    "Switzerland": "Bern",
    "England": "London",
    "China": "Beijing",
}
OPPOSITES = {
    "hot": "cold",
    "big": "small",
    "fast": "slow",
    "old": "new",
    "light": "dark",
    "up": "down",
    "left": "right",
    "open": "closed",
    "full": "empty",
    "early": "late",
    "hard": "soft",
    "high": "low",
    "wet": "dry",
    "rich": "poor",
    "happy": "sad",
    "near": "far",
    "good": "bad",
    "long": "short",
    "strong": "weak",
}
NUMBERS = "zero one two three four five six seven eight nine ten eleven twelve".split()

SYLLABLES = (
    "ba be bo da de di ka ke ko la le li lo ma me mi mo na ne no ra re ri ro sa se ta te ti to va vi zo"
    .split()
)


class Dice(random.Random):
    """new_words: the share of nouns that no list has."""

    new_words = 0.2


def made_up(r):
    """A word that no list has, so that copying is learnt and not the words."""
    return "".join(r.choice(SYLLABLES) for _ in range(r.randint(2, 3)))


def name(r):
    return made_up(r).capitalize() if r.random() < 1.25 * r.new_words else r.choice(NAMES)


def noun(r):
    return made_up(r) if r.random() < r.new_words else r.choice(NOUNS)
