"""The twenty tasks: what the user asks, turn by turn, and one right way through. The state that its
calls leave is the one that has to be there in the end; other ways to it count as well.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Turn:
    ask: str
    calls: tuple  # of (tool, arguments), in their order
    answer: str


@dataclasses.dataclass(frozen=True)
class Task:
    name: str
    turns: tuple
    says: tuple  # of which the last answer must say one
    kv: dict = dataclasses.field(default_factory=dict)  # before the first turn
    files: dict = dataclasses.field(default_factory=dict)
    hard: bool = False


def calculate(expression):
    return "calculator", {"expression": expression}


def get(key):
    return "kv_get", {"key": key}


def put(key, value):
    return "kv_set", {"key": key, "value": value}


def read(path):
    return "read_file", {"path": path}


def write(path, content):
    return "write_file", {"path": path, "content": content}


def turn(ask, *calls, answer):
    return Turn(ask, calls, answer)


TASKS = (
    Task(
        "two_sums",
        (
            turn(
                "What is 347 + 285? Use the calculator.", calculate("347 + 285"), answer="347 + 285 = 632"
            ),
            turn("Use the calculator: 632 - 114.", calculate("632 - 114"), answer="632 - 114 = 518"),
        ),
        says=("518",),
    ),
    Task(
        "product_kept",
        (
            turn("Calculate 23 * 41 with the calculator.", calculate("23 * 41"), answer="23 * 41 = 943"),
            turn("Store 943 under tarako.", put("tarako", "943"), answer="I stored 943 under tarako."),
        ),
        says=("943", "tarako"),
    ),
    Task(
        "result_kept",
        (
            turn(
                "Use the calculator to work out 906 - 478.",
                calculate("906 - 478"),
                answer="906 - 478 = 428",
            ),
            turn(
                "Store the result under window.", put("window", "428"), answer="I stored 428 under window."
            ),
        ),
        says=("428", "window"),
    ),
    Task(
        "set_then_get",
        (
            turn(
                "Store bridge lemon under talimo.",
                put("talimo", "bridge lemon"),
                answer="I stored bridge lemon under talimo.",
            ),
            turn(
                "What is stored under talimo?", get("talimo"), answer="The value of talimo is bridge lemon."
            ),
        ),
        says=("bridge lemon",),
    ),
    Task(
        "write_then_read",
        (
            turn(
                "Write apple fox stone to the file kobade.txt.",
                write("kobade.txt", "apple fox stone"),
                answer="I wrote apple fox stone to kobade.txt.",
            ),
            turn(
                "What does the file kobade.txt say?",
                read("kobade.txt"),
                answer="kobade.txt says: apple fox stone",
            ),
        ),
        says=("apple fox stone",),
    ),
    Task(
        "value_copied",
        (
            turn("Get the value of vanoti.", get("vanoti"), answer="The value of vanoti is plum wolf."),
            turn(
                "Store it under lemari.",
                put("lemari", "plum wolf"),
                answer="I stored plum wolf under lemari.",
            ),
        ),
        says=("plum wolf", "lemari"),
        kv={"vanoti": "plum wolf", "vanilo": "duck"},
    ),
    Task(
        "text_copied",
        (
            turn("Read the file dinako.md.", read("dinako.md"), answer="dinako.md says: owl bread chair"),
            turn(
                "Write it to the file sorela.txt.",
                write("sorela.txt", "owl bread chair"),
                answer="I wrote owl bread chair to sorela.txt.",
            ),
        ),
        says=("owl bread chair", "sorela.txt"),
        files={"dinako.md": "owl bread chair"},
    ),
    Task(
        "file_to_key",
        (
            turn(
                "Read the file bemiro.txt and store it under garden.",
                read("bemiro.txt"),
                put("garden", "horse cherry"),
                answer="I stored horse cherry under garden.",
            ),
            turn(
                "What is stored under garden?", get("garden"), answer="The value of garden is horse cherry."
            ),
        ),
        says=("horse cherry",),
        files={"bemiro.txt": "horse cherry"},
    ),
    Task(
        "key_to_file",
        (
            turn(
                "Get the value of cloud and write it to pelano.md.",
                get("cloud"),
                write("pelano.md", "mouse key hat"),
                answer="I wrote mouse key hat to pelano.md.",
            ),
            turn("Show me pelano.md.", read("pelano.md"), answer="pelano.md says: mouse key hat"),
        ),
        says=("mouse key hat",),
        kv={"cloud": "mouse key hat"},
    ),
    Task(
        "key_to_key",
        (
            turn(
                "Get the value of mivoka and store it under boat.",
                get("mivoka"),
                put("boat", "sun dog"),
                answer="I stored sun dog under boat.",
            ),
            turn("Read the key boat.", get("boat"), answer="The value of boat is sun dog."),
        ),
        says=("sun dog",),
        kv={"mivoka": "sun dog", "boat": "tree"},
    ),
    Task(
        "file_to_file",
        (
            turn(
                "Read the file lakibo.txt and write it to nozera.md.",
                read("lakibo.txt"),
                write("nozera.md", "river goat pen"),
                answer="I wrote river goat pen to nozera.md.",
            ),
            turn("What is in nozera.md?", read("nozera.md"), answer="nozera.md says: river goat pen"),
        ),
        says=("river goat pen",),
        files={"lakibo.txt": "river goat pen"},
    ),
    Task(
        "sum_to_key",
        (
            turn(
                "Calculate 128 + 467 with the calculator and store it under noteva.",
                calculate("128 + 467"),
                put("noteva", "595"),
                answer="I stored 595 under noteva.",
            ),
            turn("Look up the key noteva.", get("noteva"), answer="The value of noteva is 595."),
        ),
        says=("595",),
    ),
    Task(
        "product_to_file",
        (
            turn(
                "Calculate 36 * 17 with the calculator and write it to rimosa.txt.",
                calculate("36 * 17"),
                write("rimosa.txt", "612"),
                answer="I wrote 612 to rimosa.txt.",
            ),
            turn("Read the file rimosa.txt.", read("rimosa.txt"), answer="rimosa.txt says: 612"),
        ),
        says=("612",),
    ),
    Task(
        "key_changed",
        (
            turn("Set sokila to 256.", put("sokila", "256"), answer="I stored 256 under sokila."),
            turn("Set the key sokila to 731.", put("sokila", "731"), answer="I stored 731 under sokila."),
            turn("What is stored under sokila?", get("sokila"), answer="The value of sokila is 731."),
        ),
        says=("731",),
        kv={"sokila": "17"},
    ),
    Task(
        "two_keys",
        (
            turn(
                "Save horse cup under the key dazono.",
                put("dazono", "horse cup"),
                answer="I stored horse cup under dazono.",
            ),
            turn(
                "Save pear moon under the key tebali.",
                put("tebali", "pear moon"),
                answer="I stored pear moon under tebali.",
            ),
            turn("What is stored under dazono?", get("dazono"), answer="The value of dazono is horse cup."),
        ),
        says=("horse cup",),
    ),
    Task(
        "file_changed",
        (
            turn(
                "Create the file fonari.md with the text tiger bag.",
                write("fonari.md", "tiger bag"),
                answer="I wrote tiger bag to fonari.md.",
            ),
            turn(
                "Write snake coat ball into fonari.md.",
                write("fonari.md", "snake coat ball"),
                answer="I wrote snake coat ball to fonari.md.",
            ),
            turn("Show me fonari.md.", read("fonari.md"), answer="fonari.md says: snake coat ball"),
        ),
        says=("snake coat ball",),
    ),
    Task(
        "number_raised",
        (
            turn("What is stored under kimola?", get("kimola"), answer="The value of kimola is 58."),
            turn("What is 58 * 7? Use the calculator.", calculate("58 * 7"), answer="58 * 7 = 406"),
            turn("Set kimola to 406.", put("kimola", "406"), answer="I stored 406 under kimola."),
        ),
        says=("406", "kimola"),
        kv={"kimola": "58"},
    ),
    Task(
        "sum_of_two_files",
        (
            turn(
                "The files east.txt and west.txt hold a number each. Add them with the calculator "
                "and write the sum, the number alone, to total.txt.",
                read("east.txt"),
                read("west.txt"),
                calculate("1284 + 967"),
                write("total.txt", "2251"),
                answer="The sum, 2251, is in total.txt.",
            ),
            turn(
                "Which of the two numbers is larger? Say the number.", answer="The larger number is 1284."
            ),
        ),
        says=("1284",),
        files={"east.txt": "1284", "west.txt": "967"},
        hard=True,
    ),
    Task(
        "keys_swapped",
        (
            turn(
                "Swap the values of the keys front and rear.",
                get("front"),
                get("rear"),
                put("front", "granite"),
                put("rear", "velvet"),
                answer="They are swapped.",
            ),
            turn("What does the key front hold now?", get("front"), answer="It holds granite."),
        ),
        says=("granite",),
        kv={"front": "velvet", "rear": "granite"},
        hard=True,
    ),
    Task(
        "missing_key",
        (
            turn(
                "Read the key harbour. If it has no value, store the number 75 under it.",
                get("harbour"),
                put("harbour", "75"),
                answer="harbour had no value, so I stored 75 under it.",
            ),
            turn(
                "Divide the value of harbour by 3 with the calculator and tell me the result.",
                calculate("75 / 3"),
                answer="75 / 3 = 25",
            ),
        ),
        says=("25",),
        kv={"harbor": "9"},
        hard=True,
    ),
)
