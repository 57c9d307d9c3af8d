"""Each rule of tools/tidy.py finds what it is for, and leaves alone what is fine."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools"))
import cpp_scan  # noqa: E402
import tidy  # noqa: E402

CLEAN = {
    "CHANGELOG.md": "# Changelog\n\n## [0.1.0] - unreleased\n\n### Added\n- It runs.\n",
    "CMakeLists.txt": "project(sluice VERSION 0.1.0 LANGUAGES CXX)\n",
    "engine/CMakeLists.txt": "sluice_library(sluice_x\n  HEADERS a.h\n  SOURCES a.cpp)\n",
    "engine/a.h": "#pragma once\nint a();\n",
    "engine/a.cpp": '#include "engine/a.h"\nint a() { return 1; }\n',
}


class Tree(unittest.TestCase):
    def find(self, changes):
        with tempfile.TemporaryDirectory() as root:
            subprocess.run(["git", "init", "-q", root], check=True)
            for path, text in (CLEAN | changes).items():
                file = pathlib.Path(root, path)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text)
            return [f"{path}:{line}: {message}" for path, line, message in tidy.Tidy(root).run()]

    def expect(self, path, text, *parts):
        found = self.find({path: text})
        self.assertEqual(len(found), 1, found)
        for part in parts:
            self.assertIn(part, found[0])

    def source(self, text, *parts):
        self.expect("engine/a.cpp", text, "engine/a.cpp:", *parts)

    def test_clean(self):
        self.assertEqual(self.find({}), [])

    def test_layers(self):
        self.source('#include "net/server.h"\n', ":1:", "engine may not include net")
        self.source('int x;\n#include <boost/asio/post.hpp>\n', ":2:", "only net/")
        self.source('#include "a.h"\n', "not a path from the root")
        self.assertEqual(self.find({"engine/a.cpp": '#include "kernels/ops.h"\n#include "engine/b.h"\n'}), [])
        self.assertEqual(self.find({"engine/a.cpp": '// #include "net/server.h"\n'}), [])

    def test_layers_inside_engine(self):
        folder = {"engine/chat/CMakeLists.txt": "sluice_library(c SOURCES c.cpp)\n"}
        found = self.find(folder | {"engine/chat/c.cpp": '#include "engine/gguf/file.h"\n'})
        self.assertIn("engine/chat may include only", found[0])
        found = self.find(folder | {"engine/chat/c.cpp": '#include "engine/request.h"\n'})
        self.assertIn("engine/chat may include only", found[0])
        self.assertEqual(self.find(folder | {"engine/chat/c.cpp": '#include "engine/result.h"\n'}), [])

    def test_regex_and_environment(self):
        self.source("std::regex r;\n", "std::regex")
        self.source("#include <regex>\n", "std::regex")
        self.source('auto x = std::getenv("X");\n', "net/options.cpp")
        self.assertEqual(self.find({"engine/a.cpp": "// std::regex, getenv\nint regex;\n"}), [])

    def test_lengths(self):
        self.source("// " + "x" * 108 + "\n", "111 columns")
        self.source("int x;\n" * 501, ":501:", "501 lines")
        self.expect("engine/a.h", "#pragma once\n" + "int x;\n" * 250, "251 lines")
        self.source("int f() {\n" + "g();\n" * 69 + "}\n", "f has 71 lines")
        self.assertEqual(self.find({"engine/a.cpp": "int f() {\n" + "g();\n" * 68 + "}\n"}), [])

    def test_functions_in_kernels_may_be_longer(self):
        body = {"kernels/CMakeLists.txt": "sluice_library(k SOURCES k.cpp)\n"}
        self.assertEqual(self.find(body | {"kernels/k.cpp": "int f() {\n" + "g();\n" * 118 + "}\n"}), [])
        self.assertIn(
            "121 lines", self.find(body | {"kernels/k.cpp": "int f() {\n" + "g();\n" * 119 + "}\n"})[0]
        )

    def test_what_kernels_may_not_use(self):
        body = {"kernels/CMakeLists.txt": "sluice_library(k SOURCES k.cu)\n"}
        fine = "// __shared__ <<<\nint f() { return 1 << 2; }\n"
        self.assertEqual(self.find(body | {"kernels/k.cu": fine}), [])
        for line in ["__shared__ int x[4];", "k<<<1, 2>>>(x);", "asm volatile(0);", "f(__activemask());"]:
            found = self.find(body | {"kernels/k.cu": "int y;\n" + line + "\n"})
            self.assertEqual(len(found), 1, found)
            self.assertIn("kernels/k.cu:2:", found[0])
        self.expect("kernels/k.cu", "int y;\n", "nothing compiles it")

    def test_words_and_paths(self):
        self.source("// " + "TO" + "DO: later\n", "finish it")
        self.source("// see " + "/wo" + "rk/notes\n", "one machine")
        self.expect("README.md", "It lies in " + "/ro" + "ot/x.\n", "one machine")

    def test_headers_and_targets(self):
        self.expect("engine/a.h", "int a();\n", "#pragma once")
        self.expect("engine/b.h", "#pragma once\n", "HEADERS")
        self.expect("engine/b.cpp", "int b;\n", "nothing compiles it")

    def test_large_files(self):
        self.expect("docs/picture.svg", "x" * (tidy.BLOB_CAP + 1), "larger than")

    def test_changelog(self):
        self.expect("CHANGELOG.md", "# Changes\n\n## [0.1.0] - unreleased\n", "first line")
        self.expect("CHANGELOG.md", "# Changelog\n\n## [0.2.0] - unreleased\n", "not version 0.1.0")
        self.expect("CHANGELOG.md", "# Changelog\n\n## [0.1.0] - unreleased\n\n### News\n", "a section is")
        self.expect(
            "CHANGELOG.md", "# Changelog\n\n## [0.1.0] - soon\n\n## [0.1.0] - unreleased\n", "a version is"
        )
        self.expect(
            "CHANGELOG.md", "# Changelog\n\n## [0.1.0] - 2026-01-01\n## [0.2.0] - 2025-01-01\n", "newest"
        )

    def test_an_exception_that_nothing_needs_is_a_finding(self):
        tidy.EXCEPTIONS[("engine/none.cpp", "file")] = (900, "a test")
        try:
            self.assertIn("no longer needed", self.find({})[0])
        finally:
            tidy.EXCEPTIONS.clear()


class Coroutines(unittest.TestCase):
    def hazards(self, statement):
        return [
            what for _, what in cpp_scan.coroutine_hazards(cpp_scan.blank(f"task<> f() {{ {statement} }}"))
        ]

    def test_dangerous_lines(self):
        for line in [
            "co_await co_spawn(ex, [v] { use(v); }, token);",
            "co_await take({a, b});",
            "co_await take(Opts{a, b});",
            "co_await call([s = std::move(s)] { return s; });",
            "co_spawn(co_await executor, [v]() -> task<> { co_return; }, detached);",
            "if (co_await take({a})) { g(); }",
            "auto x = co_await take(Opts{.a = 1});",
            "for (int i = 0; co_await take({i}); ++i) g();",
            "run([&] { co_await take({a}); });",
        ]:
            self.assertEqual(len(self.hazards(line)), 1, line)

    def test_safe_lines(self):
        for line in [
            "auto job = [v] { use(v); }; co_await co_spawn(ex, std::move(job), token);",
            "Opts opts{a, b}; co_await take(std::move(opts));",
            "co_await take(std::string(a), b[i]);",
            "co_spawn(ex, [v]() -> task<> { co_await g(); }, detached);",
            "co_await call([&s] { return s; });",
            "co_await call([this] { return x_; });",
            "auto [ec, n] = co_await read(buffer);",
            "if (ready) { co_await a(); } else { take({b}); }",
            "while (co_await more()) { take({b}); }",
            'co_await write("{" + text + "}");',
            "switch (x) { case 1: co_await a(); break; default: take({1}); }",
        ]:
            self.assertEqual(self.hazards(line), [], line)


class Functions(unittest.TestCase):
    def names(self, text):
        return [name for name, _, _ in cpp_scan.functions(cpp_scan.blank(text))]

    def test_what_is_a_function(self):
        self.assertEqual(
            self.names("""
            namespace a { struct S { int f() const { return 1; } int x{2}; enum class E { k }; }; }
            S::S(int v) : a_{v}, b_(v) { g(); }
            auto h() -> int { if (x) { y(); } return 1; }
            constexpr int kTable[] = {1, 2};
            template <class T> void t(T v) requires Good<T> { v(); }
            extern "C" { void c() {} }
            TEST(Suite, Name) { const char* s = "{"; }
        """),
            ["f", "S", "h", "t", "c", "TEST"],
        )


if __name__ == "__main__":
    unittest.main()
