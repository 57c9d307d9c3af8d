"""Random texts of random JSON Schemas, judged by jsonschema.

usage: schemas_test.py WRITE_BY_GRAMMAR [COUNT [SEED]]     exit status 1 if any does not fit
"""

import json
import pathlib
import subprocess
import sys

import jsonschema

sys.path[:0] = [str(pathlib.Path(__file__).parent)]
import random_schemas  # noqa: E402

# Nothing fits, and the grammar says so: a bound above another, types that exclude each other.
CHECKER = jsonschema.Draft202012Validator.FORMAT_CHECKER
EMPTY = "no text matches the grammar"


def main(program, count=500, seed=1):
    made = random_schemas.Schemas(int(seed))
    schemas = [made.root() for _ in range(int(count))]
    cases = [json.dumps({"schema": s, "count": 8, "seed": i}) for i, s in enumerate(schemas)]
    run = subprocess.run([program], input="\n".join(cases), capture_output=True, text=True, timeout=300)
    answers = [json.loads(line) for line in run.stdout.split("\n") if line]
    if run.returncode != 0 or len(answers) != len(schemas):
        sys.exit(f"{program}: {run.stderr}, {len(answers)} answers")
    faults = written = refused = endless = 0
    for schema, answer in zip(schemas, answers):
        validator = jsonschema.Draft202012Validator(schema, format_checker=CHECKER)
        if "error" in answer:
            refused += 1
            if answer["error"] != EMPTY:
                faults += 1
                print(f"{answer['error']}: {json.dumps(schema)[:400]}")
        for text in answer.get("texts", []):
            if text is None:
                endless += 1
                continue
            written += 1
            try:
                error = next(iter(validator.iter_errors(json.loads(text))), None)
            except ValueError as e:
                error = e
            if error is not None:
                faults += 1
                print(f"{text!r} does not fit {json.dumps(schema)[:600]}: {str(error)[:300]}")
    print(f"{len(schemas)} schemas, {refused} that nothing fits")
    print(f"{written} texts, {endless} without end, {faults} faults")
    return faults == 0 and written > 7 * len(schemas) and refused < len(schemas) / 20


if __name__ == "__main__":
    sys.exit(0 if main(*sys.argv[1:]) else 1)
