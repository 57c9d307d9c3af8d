"""What an agent may do in a task: five tools over a small store and a folder that it cannot leave.

Every call gives a text for the model, errors as well ("error: ..."). Sizes and counts have limits.
"""

import json
import pathlib
import re

from agent import calculator

MOST_CHARACTERS = 16384  # of a value, a file, a path
MOST_ENTRIES = 64  # keys, and files


def tool(name, description, **parameters):
    """A function as OpenAI's API describes it; parameters: name -> type."""
    properties = {key: {"type": kind} for key, kind in parameters.items()}
    schema = {"type": "object", "properties": properties, "required": list(parameters)}
    return {
        "type": "function",
        "function": {"name": name, "description": description, "parameters": schema},
    }


TOOLS = [
    tool("calculator", "Evaluates an arithmetic expression.", expression="string"),
    tool("kv_get", "Reads the value of a key.", key="string"),
    tool("kv_set", "Stores a value under a key.", key="string", value="string"),
    tool("read_file", "Reads a file.", path="string"),
    tool("write_file", "Writes a file.", path="string", content="string"),
]
PARAMETERS = {each["function"]["name"]: each["function"]["parameters"]["required"] for each in TOOLS}


class Refused(ValueError):
    """The call is wrong; the message is for the model."""


class Sandbox:
    def __init__(self, folder, kv, files):
        self.folder = pathlib.Path(folder).resolve()
        self.kv = dict(kv)
        self.results = []  # of the calculator
        self.escapes = []  # paths that led out of the folder
        for path, content in files.items():
            (self.folder / path).write_text(content, encoding="utf-8")

    def call(self, name, arguments):
        """What the tool answers; `arguments`: JSON as the model wrote it."""
        try:
            if name not in PARAMETERS:
                raise Refused(f"there is no tool {name[:50]!r}")
            return getattr(self, name)(**self.checked(PARAMETERS[name], arguments))
        except ValueError as error:
            return f"error: {error}"
        except OSError as error:
            return f"error: {error.strerror}"

    def checked(self, wanted, arguments):
        try:
            given = json.loads(arguments)
        except (ValueError, RecursionError) as error:
            raise Refused("the arguments are not JSON") from error
        if not isinstance(given, dict) or sorted(given) != sorted(wanted):
            raise Refused(f"the arguments are {', '.join(wanted)}, no more and no less")
        for key, value in given.items():
            if not isinstance(value, str):
                raise Refused(f"{key} is not a string")
            if len(value) > MOST_CHARACTERS:
                raise Refused(f"{key} has more than {MOST_CHARACTERS} characters")
            if re.search("[\ud800-\udfff]", value):
                raise Refused(f"{key} holds half a character")
        return given

    def calculator(self, expression):
        self.results.append(calculator.calculate(expression))
        return self.results[-1]

    def kv_get(self, key):
        if key not in self.kv:
            raise Refused("no such key")
        return self.kv[key]

    def kv_set(self, key, value):
        if key not in self.kv and len(self.kv) >= MOST_ENTRIES:
            raise Refused(f"there are {MOST_ENTRIES} keys already")
        self.kv[key] = value
        return "ok"

    def inside(self, path):
        """The file of a path, which has to be in the folder when links and dots are followed."""
        target = (self.folder / path).resolve()
        if self.folder not in target.parents:
            self.escapes.append(path)
            raise Refused("the path leaves the folder")
        return target

    def read_file(self, path):
        target = self.inside(path)
        if not target.is_file():
            raise Refused("no such file")
        return target.read_text(encoding="utf-8")

    def write_file(self, path, content):
        target = self.inside(path)
        if not target.exists() and len(self.files()) >= MOST_ENTRIES:
            raise Refused(f"there are {MOST_ENTRIES} files already")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content, encoding="utf-8")
        return "ok"

    def files(self):
        """path -> content of all that is in the folder."""
        found = filter(pathlib.Path.is_file, self.folder.rglob("*"))
        return {str(path.relative_to(self.folder)): path.read_text(encoding="utf-8") for path in found}
