"""Random JSON Schemas of everything that grammars are made of, with references and recursion."""

import random

FORMATS = ["date-time", "date", "time", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"]
PATTERNS = ["^[a-z]{2,5}$", "^\\d+-\\d+$", "foo", "^(yes|no)( please)?$"]
PATTERNS += ["[\"\\\\]x", "^\\u00e9[^a-y]{1,3}$", "^$"]
NAMES = ["a", "b", "name", "type", "größe", 'qu"ote', "back\\slash", "tab\there", "", "values", "next"]
CONSTANTS = ["x", "", 'say "hi"\n', 0, -7, 12.5, True, False, None, [1, "two"], {"k": [None]}, "héllo ☃"]


class Schemas:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def root(self):
        self.names = self.random.sample(["node", "tree", "a/b", "t~x"], self.random.randint(0, 2))
        root = self.schema(4)
        if self.names:
            root["$defs"] = {name: self.definition() for name in self.names}
        return root

    # What refers to itself must have a way to end.
    def definition(self):
        if self.random.random() < 0.5:
            return self.object_of({"a": self.schema(2)}, [])
        inner = {"anyOf": [self.reference(), {"type": "null"}]}
        return self.object_of({"value": self.schema(1), "next": inner}, ["value"])

    def reference(self):
        name = self.random.choice(self.names)
        return {"$ref": "#/$defs/" + name.replace("~", "~0").replace("/", "~1")}

    def schema(self, depth):
        r = self.random
        kinds = ["string", "number", "integer", "boolean", "null", "enum", "const", "types"]
        if depth > 0:
            kinds += ["object", "array"] * 4 + ["anyOf", "oneOf", "allOf", "tuple"]
        if depth < 4 and self.names:
            kinds += ["ref"] * 2
        made = getattr(self, "make_" + r.choice(kinds))(depth)
        if r.random() < 0.1:
            made["description"] = "as it is"
        return made

    def make_ref(self, depth):
        return self.reference()

    def make_null(self, depth):
        return {"type": "null"}

    def make_boolean(self, depth):
        return {"type": "boolean"}

    def make_types(self, depth):
        return {"type": self.random.sample(["string", "null", "integer", "boolean"], 2)}

    def make_enum(self, depth):
        return {"enum": self.random.sample(CONSTANTS, self.random.randint(1, 5))}

    def make_const(self, depth):
        return {"const": self.random.choice(CONSTANTS)}

    def make_string(self, depth):
        r = self.random
        kind = r.randint(0, 4)
        if kind == 0:
            return {"type": "string", "format": r.choice(FORMATS)}
        if kind == 1:
            out = {"type": "string", "pattern": r.choice(PATTERNS)}
            return out | {"minLength": 3, "maxLength": r.randint(3, 30)} if r.random() < 0.3 else out
        if kind == 2:
            low = r.randint(0, 4)
            return {"type": "string", "minLength": low, "maxLength": low + r.randint(0, 6)}
        return {"type": "string"}

    def bounds(self, low, high):
        r = self.random
        out = {}
        if r.random() < 0.6:
            out[r.choice(["minimum", "exclusiveMinimum"])] = low
        if r.random() < 0.6:
            out[r.choice(["maximum", "exclusiveMaximum"])] = high
        return out

    def make_integer(self, depth):
        r = self.random
        low = r.choice([-1000, -9, -1, 0, 1, 5, 99, -(2**53) + 1])
        out = {"type": "integer", **self.bounds(low, low + r.choice([2, 10, 12345, 2**53]))}
        if r.random() < 0.2:
            out["multipleOf"] = r.choice([1, 2])
        return out

    def make_number(self, depth):
        r = self.random
        low = r.choice([-1000.5, -0.75, 0, 0.125, 3, 17.25])
        out = {"type": "number", **self.bounds(low, low + r.choice([0.5, 1, 7.125, 1000]))}
        if r.random() < 0.2:
            out["multipleOf"] = r.choice([0.25, 0.5])
        return out

    def object_of(self, properties, required):
        out = {"type": "object", "properties": properties, "required": required}
        closed = self.random.randint(0, 3)
        if closed == 1:
            out["additionalProperties"] = self.schema(0)
        elif closed > 1:
            out["additionalProperties"] = False
        return out

    def make_object(self, depth):
        r = self.random
        names = r.sample(NAMES, r.randint(0, 5))
        if not names:
            return {"type": "object"}
        required = [name for name in names if r.random() < 0.6]
        return self.object_of({name: self.schema(depth - 1) for name in names}, required)

    def make_array(self, depth):
        r = self.random
        out = {"type": "array", "items": self.schema(depth - 1)}
        low = r.randint(0, 3)
        if r.random() < 0.5:
            out["minItems"] = low
        if r.random() < 0.5:
            out["maxItems"] = low + r.randint(0, 3)
        return out

    def make_tuple(self, depth):
        r = self.random
        out = {"type": "array", "prefixItems": [self.schema(depth - 1) for _ in range(r.randint(1, 3))]}
        if r.random() < 0.5:
            out["items"] = r.choice([False, self.schema(0)])
        return out

    def make_anyOf(self, depth):
        return {"anyOf": [self.schema(depth - 1) for _ in range(self.random.randint(1, 3))]}

    def make_oneOf(self, depth):
        kinds = [
            {"type": "object", "properties": {"kind": {"const": k}, "v": self.schema(depth - 1)}}
            for k in ("a", "b", "c")
        ]
        for kind in kinds:
            kind["required"] = ["kind"]
        return {"oneOf": [{"type": "string"}, {"type": "integer"}] + kinds}

    def make_allOf(self, depth):
        first = self.object_of({"a": self.schema(depth - 1)}, ["a"])
        second = self.object_of({"b": self.schema(0), "a": {}}, ["b"])
        first.pop("additionalProperties", None)
        second.pop("additionalProperties", None)
        return {"allOf": [first, second]}
