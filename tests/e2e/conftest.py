import os

import openai
import pytest

from server import SLUICE, ScriptedServer, Server


def pytest_sessionstart(session):
    if not os.access(SLUICE, os.X_OK):
        pytest.exit(
            f"{SLUICE} is not there: run `make build`, or name the program with SLUICE=", returncode=1
        )


@pytest.fixture(scope="session")
def server():
    """One server with the embedded model for every test that leaves it as it was."""
    with Server() as running:
        yield running


@pytest.fixture(scope="session", params=["hermes", "coder"])
def scripted(request):
    """A scripted model with the calls of Qwen3 (and thoughts), and one with those of Qwen3-Coder."""
    with ScriptedServer("--template", request.param) as running:
        running.template = request.param
        yield running


@pytest.fixture
def client(server):
    with openai.OpenAI(base_url=server.url + "/v1", api_key="none", max_retries=0, timeout=120) as made:
        yield made
