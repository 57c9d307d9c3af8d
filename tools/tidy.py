#!/usr/bin/env python3
"""Checks what compilers do not: layers, lengths, names, headers, coroutine lines that gcc 12.2 miscompiles.

usage: tools/tidy.py [ROOT]     prints path:line: message; exit status 1 if there is anything to print
"""

import fnmatch
import os
import re
import subprocess
import sys

import cpp_scan

# Each may include itself and those before it.
LAYERS = ["kernels", "kvcache", "scheduler", "engine", "net"]
# Folders of engine/ that are libraries of their own: what of engine/ and below they may include.
ENGINE_LIBRARIES = {
    "gguf": {"engine/gguf", "kernels"},
    "model": {"engine/model", "engine/gguf", "kvcache", "kernels"},
    "tokenizer": {"engine/tokenizer", "engine/gguf", "kernels"},
    "chat": {"engine/chat", "kernels"},
    "sampling": {"engine/sampling", "kernels"},
    "grammar": {"engine/grammar", "engine/tokenizer", "kernels"},
}
FOR_ALL_LIBRARIES = {"engine/result.h"}

LINE_CAP = 110
FILE_CAPS = [("*.inl", 500), ("*.inl.h", 500), ("*.h", 250), ("*.cpp", 500), ("*.cu", 500), ("*.py", 500)]
FUNCTION_CAP = 70
KERNEL_FUNCTION_CAP = 120
BLOB_CAP = 1 << 20

# The ratchet: (path pattern, rule) -> (cap, reason). It may only shrink; an unused entry is a finding.
EXCEPTIONS = {("tools/model/sluice-small.gguf", "blob"): (16 << 20, "the model inside the program")}

CPP = (".h", ".cpp", ".inl", ".cu")
TEXT = CPP + (
    ".py",
    ".sh",
    ".md",
    ".txt",
    ".cmake",
    ".toml",
    ".yml",
    "Makefile",
    "agent_bench",
    "bootstrap",
    "first_run",
    "run",
    "run_tests",
    "serve_advice",
)
INCLUDE = re.compile(r'^[ \t]*#\s*include\s*(["<])([^">]+)[">]', re.M)
MARKERS = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
MACHINE_PATH = re.compile(r"(?:^|[^\w./])/(?:work|farm|root|home/[a-z]\w*)/")
# What the simulated device cannot run, or what belongs into kernels/cuda/ptx.h and device.h.
NOT_IN_KERNELS = re.compile(r"\b(?:asm|__shared__|__activemask|cooperative_groups|nvcuda)\b|<<<")
CHANGELOG_SECTIONS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


class Tidy:
    def __init__(self, root):
        self.root = root
        self.findings = []
        self.used_exceptions = set()
        listing = subprocess.run(
            ["git", "-C", root, "ls-files", "-co", "--exclude-standard", "-z"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        names = sorted(set(filter(None, listing.split("\0"))))
        self.paths = [p for p in names if os.path.isfile(os.path.join(root, p))]

    def say(self, path, line, message):
        self.findings.append((path, line, message))

    def read(self, path):
        with open(os.path.join(self.root, path), encoding="utf-8", errors="replace") as file:
            return file.read()

    def cap(self, path, rule, usual):
        for (pattern, its_rule), (cap, _reason) in EXCEPTIONS.items():
            if its_rule == rule and fnmatch.fnmatch(path, pattern):
                self.used_exceptions.add((pattern, its_rule))
                return cap
        return usual

    def run(self):
        for path in self.paths:
            if os.path.getsize(os.path.join(self.root, path)) > self.cap(path, "blob", BLOB_CAP):
                self.say(path, 1, f"larger than {BLOB_CAP >> 20} MiB")
            if path.endswith(TEXT) and path != "LICENSE":
                self.check_text(path, self.read(path))
            if path.endswith(CPP):
                self.check_cpp(path, self.read(path))
        self.check_targets()
        self.check_changelog()
        for pattern, rule in sorted(set(EXCEPTIONS) - self.used_exceptions):
            self.say("tools/tidy.py", 1, f"exception for {pattern} ({rule}) is no longer needed")
        return sorted(self.findings)

    def check_text(self, path, text):
        lines = text.splitlines()
        for number, line in enumerate(lines, 1):
            if marker := MARKERS.search(line):
                self.say(path, number, f"{marker.group()}: finish it or write it down as an issue")
            if MACHINE_PATH.search(line):
                self.say(path, number, "a path of one machine")
            if path.endswith(CPP + (".py",)) and len(line) > self.cap(path, "line", LINE_CAP):
                self.say(path, number, f"{len(line)} columns, at most {LINE_CAP}")
        for pattern, usual in FILE_CAPS:
            if fnmatch.fnmatch(path, pattern):
                cap = self.cap(path, "file", usual)
                if len(lines) > cap:
                    self.say(path, len(lines), f"{len(lines)} lines, at most {cap}: split it by idea")
                break

    def check_cpp(self, path, text):
        lines = cpp_scan.Lines(text)
        code = cpp_scan.blank(text)
        is_test = path.startswith("tests/")
        if path.endswith(".h") and not path.endswith(".inl.h") and "#pragma once" not in text:
            self.say(path, 1, "no #pragma once")
        for match in INCLUDE.finditer(cpp_scan.blank_comments(text)):
            self.check_include(path, lines.at(match.start(1)), match.group(1) == "<", match.group(2))
        for match in re.finditer(r"\bstd::(?:basic_|w)?regex\b", code):
            self.say(path, lines.at(match.start()), "std::regex overflows the stack on long input")
        if not is_test and path != "net/options.cpp":
            for match in re.finditer(r"\b(?:secure_)?getenv\b", code):
                self.say(path, lines.at(match.start()), "only net/options.cpp reads the environment")
        if path.endswith(".cu"):
            for match in NOT_IN_KERNELS.finditer(code):
                what = f"{match.group()} in a kernel: see kernels/cuda/device.h"
                self.say(path, lines.at(match.start()), what)
        usual = KERNEL_FUNCTION_CAP if path.startswith("kernels/") else FUNCTION_CAP
        cap = self.cap(path, "function", usual)
        for name, first, last in cpp_scan.functions(code):
            length = lines.at(last) - lines.at(first) + 1
            if length > cap:
                self.say(path, lines.at(first), f"{name} has {length} lines, at most {cap}")
        for offset, what in cpp_scan.coroutine_hazards(code):
            self.say(
                path, lines.at(offset), f"{what} beside co_await: gcc 12.2 frees it twice; name it first"
            )

    def check_include(self, path, line, is_system, name):
        if is_system:
            if name == "regex":
                self.say(path, line, "std::regex overflows the stack on long input")
            if re.match(r"boost/(asio|beast)\b", name) and not path.startswith(("net/", "tests/net/")):
                self.say(path, line, f"<{name}>: only net/ talks to the network")
            return
        parts, target = path.split("/"), name.split("/")[0]
        if parts[0] not in LAYERS:
            return
        if target not in LAYERS:
            self.say(path, line, f'"{name}" is not a path from the root into {", ".join(LAYERS)}')
        elif LAYERS.index(target) > LAYERS.index(parts[0]):
            self.say(path, line, f"{parts[0]} may not include {target}: {' -> '.join(reversed(LAYERS))}")
        elif parts[0] == "engine" and len(parts) > 2 and parts[1] in ENGINE_LIBRARIES:
            allowed = ENGINE_LIBRARIES[parts[1]]
            if name not in FOR_ALL_LIBRARIES and not any(name.startswith(a + "/") for a in allowed):
                self.say(
                    path, line, f"engine/{parts[1]} may include only {', '.join(sorted(allowed))}; not {name}"
                )

    def check_targets(self):
        """Every header in a file set (so that it is compiled alone), every source in a target."""
        headers, mentioned = set(), set()
        for path in self.paths:
            if os.path.basename(path) != "CMakeLists.txt":
                continue
            folder = os.path.dirname(path)
            text = re.sub(r"#.*", "", self.read(path))
            mentioned |= {os.path.normpath(os.path.join(folder, w)) for w in re.findall(r"[\w./-]+", text)}
            for words in re.findall(r"\b(?:HEADERS|FILES)\s+((?:[\w./-]+\.(?:h|inl)\s*)+)", text):
                headers |= {os.path.normpath(os.path.join(folder, w)) for w in words.split()}
        for path in self.paths:
            if path.split("/")[0] not in LAYERS + ["tests", "tools", "bench"]:
                continue
            if path.endswith((".cpp", ".cu")) and path not in mentioned:
                self.say(path, 1, "in no CMakeLists.txt: nothing compiles it")
            own = path.split("/")[0] in LAYERS
            if own and path.endswith(".h") and not path.endswith(".inl.h") and path not in headers:
                self.say(path, 1, "not among the HEADERS of a sluice_library: nothing compiles it alone")

    def check_changelog(self):
        path = "CHANGELOG.md"
        if path not in self.paths:
            return self.say(path, 1, "missing")
        text = self.read(path)
        lines = text.splitlines()
        if not lines or lines[0] != "# Changelog":
            self.say(path, 1, "the first line is '# Changelog'")
        versions = []
        for number, line in enumerate(lines, 1):
            if line.startswith("## "):
                match = re.fullmatch(r"## \[(\d+\.\d+\.\d+)\] - (unreleased|\d{4}-\d\d-\d\d)", line)
                if not match:
                    self.say(path, number, "a version is '## [1.2.3] - 2026-01-31' or '... - unreleased'")
                    continue
                versions.append(tuple(map(int, match.group(1).split("."))))
                if len(versions) > 1 and (versions[-1] >= versions[-2] or match.group(2) == "unreleased"):
                    self.say(path, number, "newest version first; only the first may be unreleased")
            elif line.startswith("### ") and line[4:] not in CHANGELOG_SECTIONS:
                self.say(path, number, f"a section is one of {', '.join(sorted(CHANGELOG_SECTIONS))}")
        project = "CMakeLists.txt" in self.paths and re.search(
            r"project\([^)]*VERSION\s+([\d.]+)", self.read("CMakeLists.txt")
        )
        if project and (not versions or ".".join(map(str, versions[0])) != project.group(1)):
            self.say(path, 1, f"the newest entry is not version {project.group(1)} of CMakeLists.txt")


def main(arguments):
    root = arguments[0] if arguments else os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    findings = Tidy(root).run()
    for path, line, message in findings:
        print(f"{path}:{line}: {message}")
    if not findings:
        print("tidy: clean")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
