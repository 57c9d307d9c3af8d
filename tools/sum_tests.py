#!/usr/bin/env python3
"""Adds up JUnit reports (of ctest and pytest) into one line: N passed, M failed, K skipped. Before it, a line
for each skipped case, with the reason.

usage: tools/sum_tests.py REPORT.xml ... [--inside FOLDER]
FOLDER has the reports of the GoogleTest programs that ctest ran: a program that passes may have skipped
cases, which ctest does not see. Only those are taken from there.

Exit status 1 if anything failed, nothing ran, or a report is missing or broken.
"""

import argparse
import glob
import sys
import xml.etree.ElementTree as ElementTree


def count(path):
    """(passed, failed, skipped) of one report; a test case counts once, whatever it carries."""
    passed = failed = skipped = 0
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None or case.get("status") == "fail":
            failed += 1
        elif case.find("skipped") is not None or case.get("status") in ("notrun", "disabled"):
            skipped += 1
        else:
            passed += 1
    return passed, failed, skipped


def skips(path):
    """A line for each skipped case: its name and why."""
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        skipped = case.find("skipped")
        if skipped is None:
            continue
        output = (case.findtext("system-out") or "").strip().splitlines()
        why = (skipped.get("message") or "").splitlines() + output  # the last line says it
        yield f"{case.get('classname', '')}.{case.get('name')}: {why[-1] if why else 'no reason given'}"


def main(arguments):
    parser = argparse.ArgumentParser()
    parser.add_argument("reports", nargs="+")
    parser.add_argument("--inside")
    options = parser.parse_args(arguments)
    totals = [0, 0, 0]
    skipped_cases = []
    for path in options.reports:
        try:
            counts = count(path)
            skipped_cases += skips(path)
        except (OSError, ElementTree.ParseError) as error:
            print(f"sum_tests: {path}: {error}")
            counts = (0, 1, 0)
        totals = [a + b for a, b in zip(totals, counts)]
    for path in sorted(glob.glob(options.inside + "/*.xml")) if options.inside else []:
        hidden = list(skips(path))
        totals[2] += len(hidden)
        skipped_cases += hidden
    for line in skipped_cases:
        print(f"skipped: {line}")
    passed, failed, skipped = totals
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
