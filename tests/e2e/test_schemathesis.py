"""Thousands of requests made from the server's own /openapi.json, right and wrong ones, by schemathesis."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

from server import Server, clean_environment

RUN = [pathlib.Path(sys.executable).with_name("schemathesis"), "--no-color", "run"]
EXAMPLES = 60  # random ones an operation and way of making them; beside all the limits of every field
CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
    "allow_header_conformance",
]


def attack(server, folder, *options):
    """Runs schemathesis to its end; its report, and what it printed."""
    document, report = folder / "openapi.json", folder / "report.json"
    document.write_bytes(server.get("/openapi.json").body)
    ended = subprocess.run(
        [*RUN, document, "--url", server.url, "--generation-deterministic", "--report-json-path", report]
        + list(options),
        cwd=folder,  # where it looks for a configuration
        env=clean_environment() | {"PYTHONHASHSEED": "0"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=300,
    )
    said = ended.stdout.decode(errors="replace")
    assert report.exists(), said
    return json.loads(report.read_text()), said


@pytest.fixture(scope="module")
def small():
    """With a small context: no answer is long."""
    with Server("--max-context", "512", "--alias", "other/name", "--log-level", "info") as running:
        yield running


def test_every_example_gets_a_documented_answer(small, tmp_path):
    options = ["--phases", "coverage,fuzzing", "--max-examples", str(EXAMPLES), "--checks", ",".join(CHECKS)]
    report, said = attack(small, tmp_path, "--continue-on-failure", *options)
    assert small.process.poll() is None, small.output()[-3000:]
    assert report["failures"] == [] and report["errors"] == [] and report["complete"], said[-20_000:]
    paths = small.get("/openapi.json").json["paths"]
    assert report["operations"]["tested"] == sum(map(len, paths.values()))
    assert report["test_cases"]["generated"] >= 2000, said
    # From when it was ready: /ready itself says 503 while the model is read.
    answered = small.output().partition(" /ready 200 ")[2]
    for status in (200, 400, 404, 405):  # the examples are not all of one kind
        assert f" {status} " in answered
    assert " 503 " not in answered and " 429 " not in answered, "nobody asked for so much"


def test_a_server_with_keys_asks_for_them_everywhere(tmp_path):
    with Server("--max-context", "64", "--api-key", "the-key", key="the-key") as locked:
        options = ["--phases", "coverage", "--checks", "ignored_auth,status_code_conformance"]
        header = ["--header", "Authorization: Bearer the-key"]
        report, said = attack(locked, tmp_path, "--exclude-method", "POST", *options, *header)
        assert report["failures"] == [] and report["errors"] == [], said[-20_000:]
        assert os.path.getsize(tmp_path / "openapi.json") > 1000 and " 401 " in locked.output()
