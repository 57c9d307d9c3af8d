import os
import shutil
import subprocess

import openai
import playwright.sync_api
import pytest

from server import ROOT, SLUICE, BusyServer, ScriptedServer, Server


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


@pytest.fixture(scope="session")
def busy():
    with BusyServer() as running:
        yield running


@pytest.fixture(scope="session")
def node_folder():
    """node/ with its packages: those that the lock file names, installed from npm's registry into build/."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("node and npm are not installed: run `tools/bootstrap test`")
    given, folder = ROOT / "tests/e2e/node", ROOT / "build/node"
    shutil.copytree(given, folder, dirs_exist_ok=True)
    stamp, wanted = folder / "installed.json", (given / "package-lock.json").read_text()
    if not stamp.exists() or stamp.read_text() != wanted:
        # Not `npm ci`, which wants the optional packages of all platforms in the lock file.
        npm = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--omit=optional"]
        ran = subprocess.run(npm, cwd=folder, capture_output=True, text=True, timeout=300)
        if ran.returncode != 0:
            pytest.skip(f"npm cannot install the packages of tests/e2e/node: {ran.stderr[-300:]}")
        stamp.write_text(wanted)
    return folder


@pytest.fixture
def client(server):
    with openai.OpenAI(base_url=server.url + "/v1", api_key="none", max_retries=0, timeout=120) as made:
        yield made


@pytest.fixture(scope="module")
def browser():
    """Debian's Chromium without a window; where it is not, tests that need it are skipped with the reason."""
    program = next(filter(None, map(shutil.which, ("chromium-headless-shell", "chromium"))), None)
    if program is None:
        pytest.skip("no Chromium: install the package chromium-headless-shell or chromium")
    with playwright.sync_api.sync_playwright() as driver:
        options = ["--disable-dev-shm-usage", "--no-proxy-server"] + ["--no-sandbox"] * (os.geteuid() == 0)
        started = driver.chromium.launch(executable_path=program, args=options)
        yield started
        started.close()
