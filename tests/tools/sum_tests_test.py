"""A failed, missing or empty report must never add up to a green line."""

import contextlib
import io
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools"))
import sum_tests  # noqa: E402

CTEST = """<testsuite><testcase name="a" status="run"/><testcase name="b" status="fail"><failure/></testcase>
<testcase name="c" status="notrun"><skipped/></testcase></testsuite>"""
PYTEST = """<testsuites><testsuite><testcase name="a"/><testcase name="b"><skipped/></testcase>
<testcase name="c"><error/></testcase></testsuite></testsuites>"""
GREEN = '<testsuite><testcase name="a" status="run"/></testsuite>'


class SumTests(unittest.TestCase):
    def run_on(self, *reports):
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()) as out:
            paths = []
            for i, report in enumerate(reports):
                paths.append(f"{folder}/{i}.xml")
                if report is not None:
                    pathlib.Path(paths[-1]).write_text(report)
            status = sum_tests.main(paths)
        return status, out.getvalue().splitlines()[-1]

    def test_reports_add_up(self):
        self.assertEqual(self.run_on(CTEST, PYTEST), (1, "2 passed, 2 failed, 2 skipped"))

    def test_green(self):
        self.assertEqual(self.run_on(GREEN, GREEN), (0, "2 passed, 0 failed"))

    def test_what_a_green_program_skipped_is_told_and_counted(self):
        inside = """<testsuites><testsuite>
<testcase name="a" classname="Isa"><skipped message="f.cpp:1&#x0A;no avx"/></testcase>
<testcase name="b" classname="Isa"/></testsuite></testsuites>"""
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()) as out:
            report, programs = pathlib.Path(folder, "ctest.xml"), pathlib.Path(folder, "programs")
            report.write_text(GREEN)
            programs.mkdir()
            (programs / "isa_test.xml").write_text(inside)
            status = sum_tests.main([str(report), "--inside", str(programs)])
        self.assertEqual(status, 0)
        told = ["skipped: Isa.a: no avx", "1 passed, 0 failed, 1 skipped"]
        self.assertEqual(out.getvalue().splitlines(), told)

    def test_a_missing_report_fails(self):
        self.assertEqual(self.run_on(GREEN, None), (1, "1 passed, 1 failed"))

    def test_a_broken_report_fails(self):
        self.assertEqual(self.run_on(GREEN, "<testsuite>"), (1, "1 passed, 1 failed"))

    def test_nothing_run_fails(self):
        self.assertEqual(self.run_on("<testsuite/>"), (1, "0 passed, 0 failed"))


if __name__ == "__main__":
    unittest.main()
