"""Every filter, test, method, operator and statement of our templates on every sort of value, against Jinja2.

usage: constructs_test.py RENDER_TEMPLATE
"""

import itertools
import pathlib
import sys
import unittest

sys.path[:0] = [str(pathlib.Path(__file__).parents[3] / "tools"), str(pathlib.Path(__file__).parent)]
import compare_templates  # noqa: E402
import constructs  # noqa: E402
import random_text  # noqa: E402

PROGRAM = sys.argv.pop() if len(sys.argv) > 1 else None


def case(template, kwargs=constructs.VARIABLES):
    return {"name": template, "template": template, "kwargs": kwargs}


class Constructs(unittest.TestCase):
    def check(self, templates, least_rendered):
        self.check_cases([case(template) for template in templates], least_rendered)

    def check_cases(self, cases, least_rendered):
        differ, rendered = compare_templates.differences(PROGRAM, cases)
        for each in differ[:20]:
            compare_templates.show(*each)
        self.assertEqual(len(differ), 0, f"of {len(cases)}")
        self.assertGreaterEqual(rendered, least_rendered * len(cases))

    def supported(self, kind, names):
        """The names of Jinja2 that we know as well."""
        names = sorted(names)
        asked = [case("{{ '%s' is %s }}" % (name, kind)) for name in names]
        answers = compare_templates.ours(PROGRAM, asked)
        return {name for name, answer in zip(names, answers) if answer["text"] == "True"}

    def test_filters(self):
        self.check(
            [
                constructs.shown("(%s) | %s" % pair)
                for pair in itertools.product(constructs.VALUES, constructs.FILTERS)
            ],
            0.4,
        )

    def test_tests(self):
        self.check(
            [
                "{{ %s is %s }}{{ %s is not %s }}" % (pair * 2)
                for pair in itertools.product(constructs.VALUES, constructs.TESTS)
            ],
            0.6,
        )

    def test_methods_of_text(self):
        self.check(
            [
                constructs.shown("(%s).%s" % pair)
                for pair in itertools.product(constructs.TEXTS, constructs.TEXT_METHODS)
            ],
            0.8,
        )

    def test_operators(self):
        self.check(
            [
                "{{ %s %s %s }}" % three
                for three in itertools.product(
                    constructs.OPERANDS, constructs.OPERATORS, constructs.OPERANDS
                )
            ],
            0.3,
        )

    def test_subscripts(self):
        self.check(
            [
                constructs.shown("(%s)%s" % pair)
                for pair in itertools.product(constructs.VALUES, constructs.SUBSCRIPTS)
            ],
            0.45,
        )

    def test_expressions(self):
        self.check(["{{ %s }}" % each for each in constructs.EXPRESSIONS], 0.6)

    def test_formats(self):
        self.check(
            [
                "{{ %r %% (%s) }}" % pair
                for pair in itertools.product(constructs.PERCENT_FORMATS, constructs.FORMATTED)
            ]
            + [
                "{{ %r.format(%s) }}" % pair
                for pair in itertools.product(constructs.BRACE_FORMATS, constructs.FORMATTED)
            ],
            0.25,
        )

    def test_statements(self):
        self.check(constructs.STATEMENTS + constructs.WITH_NEWLINES, 0.6)

    def test_white_space(self):
        self.check(constructs.white_space(), 0.9)

    def test_code_points(self):
        # A sample, for all of them take ten times as long; five letters became lower case in Unicode 15.
        usable = [chr(code) for code in random_text.ASSIGNED[::11] + constructs.ODD_LETTERS]
        template = (
            "{% for x in xs %}"
            + "|".join("{{ %s }}" % each for each in constructs.OF_CODE_POINTS)
            + "\n{% endfor %}"
        )
        self.check_cases(
            [
                {"name": f"code points from {xs[0]!a}", "template": template, "kwargs": {"xs": xs}}
                for xs in (usable[i : i + 50] for i in range(0, len(usable), 50))
            ],
            1,
        )

    def test_refusals(self):
        for template in constructs.REFUSED:
            with self.subTest(template):
                self.assertIn("error", compare_templates.theirs(case(template)))
                self.assertIn("error", compare_templates.ours(PROGRAM, [case(template)])[0])

    def test_everything_supported_is_tried(self):
        environment = compare_templates.environment()
        filters = self.supported("filter", environment.filters)
        tests = self.supported("test", environment.tests)
        names = {text.partition("(")[0].partition(" ")[0] for text in constructs.FILTERS}
        self.assertEqual(filters - names, set())
        self.assertEqual(set(environment.filters) - filters, constructs.UNSUPPORTED_FILTERS)
        self.assertEqual(
            tests - {text.partition("(")[0].partition(" ")[0] for text in constructs.TESTS},
            constructs.SYMBOLIC_TESTS,
        )
        self.assertEqual(set(environment.tests) - tests, set())


if __name__ == "__main__":
    unittest.main()
