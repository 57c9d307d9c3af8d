"""tools/bootstrap installs what is missing and nothing else; the package tools here only write down calls."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "tools/bootstrap"
DPKG_QUERY = """case " $MISSING " in *" ${@: -1} "*) exit 1;; *) printf installed;; esac"""
APT_GET = """echo "$*" >> "$CALLS"; case "$*" in *" install "*) printf '%s' "$SAID";; esac
[ -z "$BROKEN" ] || { echo "E: no mirror" >&2; exit 100; }"""
STATUS = """Get:1 https://mirror libedit-dev
dlstatus:1:3.5:Retrieving file 1 of 2
dlstatus:1:4.25:Retrieving file 1 of 2
dlstatus:2:51.0:Retrieving file 2 of 2
pmstatus:libedit-dev:0.0:Preparing
pmstatus:libedit-dev:90.9:Configuring
pmstatus:dpkg-exec:nothing:Running dpkg
"""


class Bootstrap(unittest.TestCase):
    def run_it(self, *arguments, missing="", broken="", said="", user="0", sudo=False, script=SCRIPT):
        with tempfile.TemporaryDirectory() as folder:
            tools = {"dpkg-query": DPKG_QUERY, "apt-get": APT_GET, "id": f"echo {user}"}
            if sudo:
                tools["sudo"] = 'echo "sudo" >> "$CALLS"; [ "$1" = -n ] && shift; "$@"'
            for name, body in tools.items():
                path = pathlib.Path(folder, name)
                path.write_text(f"#!/bin/bash\n{body}\n")
                path.chmod(0o755)
            for name in ("bash", "env", "dirname", "mktemp", "tail", "rm", "cmp", "true"):
                os.symlink(f"/usr/bin/{name}", f"{folder}/{name}")
            calls = pathlib.Path(folder, "calls")
            calls.touch()
            environment = {"PATH": folder, "CALLS": str(calls), "MISSING": missing, "BROKEN": broken}
            environment["SAID"] = said
            ended = subprocess.run(
                [script, *arguments],
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
            )
            return ended, calls.read_text().splitlines()

    def test_silent_when_nothing_is_missing(self):
        ended, calls = self.run_it("build")
        self.assertEqual((ended.returncode, ended.stdout, ended.stderr, calls), (0, "", "", []))

    def test_only_what_is_missing_is_installed(self):
        ended, calls = self.run_it("build", missing="libedit-dev ninja-build clang-format-16")
        self.assertEqual(ended.returncode, 0, ended.stderr)
        self.assertTrue(calls[0].endswith(" update"), calls)
        self.assertTrue(calls[1].endswith(" install -y --no-install-recommends ninja-build libedit-dev"))

    def test_sudo_only_for_others_than_root(self):
        ended, calls = self.run_it("build", missing="libedit-dev", user="1000", sudo=True)
        self.assertEqual((ended.returncode, "sudo" in calls), (0, True))

    def test_without_the_means_it_names_the_packages(self):
        causes = (({"user": "1000"}, "is there sudo"), ({"broken": "yes"}, "is there a network"))
        for options, cause in causes:
            ended, _ = self.run_it("build", missing="libedit-dev cmake", **options)
            self.assertEqual(ended.returncode, 1)
            self.assertTrue(ended.stderr.endswith("next, as root: apt-get install cmake libedit-dev\n"))
            self.assertIn(cause, ended.stderr)

    def test_it_says_how_far_it_is(self):
        ended, _ = self.run_it("build", missing="libedit-dev", said=STATUS)
        shown = ended.stdout.splitlines()[1:]  # behind the names
        self.assertEqual(shown, ["downloaded 3 %", "downloaded 51 %", "installed 0 %", "installed 90 %"])

    def test_without_a_browser_it_goes_on(self):
        with tempfile.TemporaryDirectory() as folder:  # a checkout whose .venv is as it must be
            for place in ("tools", ".venv/bin"):
                pathlib.Path(folder, place).mkdir(parents=True)
            for place in ("tools/requirements.txt", ".venv/requirements.txt"):
                pathlib.Path(folder, place).touch()
            os.symlink("/usr/bin/true", f"{folder}/.venv/bin/python3")
            script = shutil.copy(SCRIPT, f"{folder}/tools/bootstrap")
            ended, calls = self.run_it("test", missing="chromium-headless-shell", broken="yes", script=script)
        self.assertEqual(ended.returncode, 0, ended.stderr)
        self.assertIn("next, as root: apt-get install chromium-headless-shell", ended.stderr)
        self.assertIn("skipped", ended.stderr)
        self.assertEqual(len(calls), 1)

    def test_an_unknown_level_is_refused(self):
        self.assertEqual(self.run_it("everything")[0].returncode, 2)


if __name__ == "__main__":
    unittest.main()
