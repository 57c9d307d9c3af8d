"""The pieces that constructs_test.py and random_templates_test.py put together."""

import itertools

VARIABLES = {
    "text": "Hello, W\u00f6rld", "empty": "", "lines": "one\r\ntwo\n\n  three", "emoji": "\U0001f600 ok",
    "numbers": [3, 1, 2, 3], "words": ["b", "A", "c", "a"], "mixed": [1, "x", None, True, 2.5],
    "people": [{"name": "Ann", "age": 31, "tags": ["x"]}, {"name": "bob", "age": 5, "tags": []},
               {"name": "Cid", "age": 31}],
    "item": {"b": 1, "a": [1, 2], "C": {"d": "deep"}, "items": "shadowed"},
    "nothing": None, "yes": True, "count": 7, "ratio": -2.75, "big": 10 ** 15, "tiny": 1e-7,
}
TEXTS = ["text", "empty", "lines", "emoji", "'  padded\\t'", "'a-b c_d 1x'", "'aXbXc'", "'123'", "'\u00df\u01c6\u0130'",
         "'ABC'", "'\u0391\u03a3 \u03a3\u0391\u03a3'", "'x' * 3", "'\u0660\u0661'", "'+-12'", "'A Title'"]
VALUES = ["text", "empty", "lines", "'12'", "' 3.5 '", "'<a&\\'\"'", "numbers", "words", "mixed", "people", "item",
          "nothing", "yes", "false", "count", "ratio", "big", "tiny", "0", "-3", "2.0", "1e16", "missing",
          "item.missing", "(1, 'b')", "()", "(1,)", "[]", "{}", "{1: 'x', none: 2}", "[[1, 2], [3]]",
          "[2, 1.5, true]", "range(4) | list", "range(2, 9, 3) | list", "[none, none]", "['', 'a']"]
OPERANDS = ["text", "'12'", "'a%s'", "numbers", "item", "nothing", "yes", "count", "ratio", "0", "-3", "2.0", "missing",
            "(1, 'b')", "[]", "{}", "range(4)", "['', 'a']"]
FILTERS = [
    "abs", "attr('name')", "attr('get')", "batch(2) | list", "batch(2, '-') | list", "capitalize", "center(9)",
    "count", "d('x')", "d('x', true)", "default", "default(1)", "default(2, boolean=true)", "dictsort",
    "dictsort(true)", "dictsort(by='value')", "dictsort(false, 'value', true)", "dictsort(reverse=true)",
    "e", "escape", "first", "float", "float(1.5)", "float(default='no')", "forceescape", "format", "format(1)",
    "groupby('age') | list", "groupby('age', default=0) | map('last') | list", "groupby('name') | map('first') | list",
    "groupby(0) | list", "indent", "indent(2, true)", "indent('> ', first=true, blank=true)", "int", "int(5)",
    "int(base=16)", "int(2, 8)", "items | list", "join", "join(', ')", "join('|', 'name')", "join(attribute='age')",
    "last", "length", "list", "lower", "map('upper') | list", "map('default', 0) | list",
    "map(attribute='name') | list", "map(attribute='tags.0') | list", "map(attribute='age', default='?') | list",
    "map('int', default=3) | list", "max", "max(attribute='age')", "max(true)", "min", "min(attribute='name')",
    "min(case_sensitive=true)", "reject | list", "reject('none') | list", "reject('gt', 2) | list",
    "rejectattr('tags') | list", "rejectattr('age', 'eq', 31) | list", "replace('l', 'L')", "replace('', '.')",
    "replace('l', '', 1)", "replace(1, 2)", "reverse | list", "round", "round(1)", "round(0, 'ceil')",
    "round(1, 'floor')", "round(-1)", "safe", "select | list", "select('string') | list", "select('in', [1, 2]) | list",
    "selectattr('tags') | list", "selectattr('age', 'lt', 30) | list", "selectattr('name', 'defined') | list",
    "slice(2) | list", "slice(3, 'x') | list", "sort", "sort(true)", "sort(case_sensitive=true)",
    "sort(attribute='age')", "sort(attribute='age,name')", "sort(reverse=true, attribute='name')", "string", "sum",
    "sum('age')", "sum(start=10)", "sum(attribute='age', start=0.5)", "title", "tojson", "tojson(indent=2)",
    "tojson(true)", "tojson(separators=(',', ':'))", "tojson(sort_keys=true)", "tojson(indent=0)", "trim", "trim('H3')",
    "truncate(8)", "truncate(8, true, '..', 0)", "truncate(5, end='')", "unique | list", "unique(true) | list",
    "unique(attribute='age') | list", "upper", "urlencode", "wordcount",
]
UNSUPPORTED_FILTERS = {"filesizeformat", "pprint", "random", "striptags", "urlize", "wordwrap", "xmlattr"}
TESTS = [
    "boolean", "callable", "defined", "divisibleby 2", "divisibleby(3)", "eq 7", "equalto('12')", "escaped", "even",
    "false", "filter", "float", "ge 2", "greaterthan 1", "gt('a')", "in [7, '12', none]", "in 'x12'", "in item",
    "integer", "iterable", "le 3", "lessthan 4", "lower", "lt 9", "mapping", "ne 7", "none", "number", "odd",
    "sameas none", "sameas true", "sequence", "string", "test", "true", "undefined", "upper",
]
SYMBOLIC_TESTS = {"!=", "<", "<=", "==", ">", ">="}
TEXT_METHODS = [
    "capitalize()", "center(12)", "center(7, '*')", "count('l')", "count('')", "count('l', 3)", "endswith('d')",
    "endswith(('c', 'd'))", "endswith('l', 0, 4)", "find('l')", "find('l', 3)", "find('x', -3)", "find('l', 0, 2)",
    "index('l')", "isalnum()", "isalpha()", "isascii()", "isdecimal()", "isdigit()", "islower()", "isnumeric()",
    "isspace()", "istitle()", "isupper()", "join(['a', 'b'])", "join(words)", "join([1])", "join('xyz')",
    "ljust(8)", "ljust(8, '.')", "lower()", "lstrip()", "lstrip('aH ')", "partition('l')", "partition('X')",
    "removeprefix('Hel')", "removesuffix('ld')", "replace('l', 'LL')", "replace('l', 'x', 1)", "replace('', '-')",
    "replace('', '-', 2)", "rfind('l')", "rfind('o', 0, 5)", "rindex('l')", "rjust(20)", "rjust(8, '\u00e4')",
    "rpartition('l')", "rsplit()", "rsplit('l', 1)", "rsplit(none, 1)", "rstrip()", "rstrip('dl ')", "split()",
    "split('l')", "split('X', 1)", "split(none, 1)", "split('')", "split(sep=',')", "split(' ', maxsplit=1)",
    "splitlines()", "splitlines(true)", "splitlines(keepends=true)", "startswith('H')", "startswith(('x', '1'))",
    "startswith('e', 1)", "strip()", "strip('a\\t')", "swapcase()", "title()", "upper()", "zfill(8)",
    "format()", "encode", "nothing", "__class__", "__init__", "lower", "strip(1)", "upper(1)", "zfill()",
]
OPERATORS = ["+", "-", "*", "/", "//", "%", "~", "==", "!=", "<", "<=", ">", ">=", "in", "not in", "and", "or"]
SUBSCRIPTS = [
    "[0]", "[-1]", "[5]", "['name']", "['a']", "[1:]", "[:-1]", "[::2]", "[::-1]", "[1:3]", "[-2:]", "[5:1:-2]",
    "[none]", "[true]", "[1.0]", "[0][0]", ".a", ".C.d", ".missing", ".missing.more", ".0", ".get('b')",
    ".get('zz', 4)", ".items() | list", ".keys() | list", ".values() | list", ".items", "['items']", ".index(1)",
    ".count(3)", ".copy()", ".append(1)", ".update({})", ".pop()", ".clear()", ".keys()", ".items()",
    "[:'x']", "['a', 'b']", "[::0]",
]
EXPRESSIONS = ["{{ %s }}" % expression for expression in [
    "1 + 2 * 3", "2 ** 3 ** 2", "-2 ** 2", "7 // -2", "-7 % 3", "7 % -3", "7.5 // 2", "-7.5 % 2", "1 / 3", "10 / 5",
    "2 ** -1", "2 ** 0.5", "1_000 + 0x1F + 0b11 + 0o17", "1.5e3", "1e16", "1e15", "123456789012345678", "0.1 + 0.2",
    "1 < 2 < 3", "1 < 2 > 3", "1 == 1.0", "1 is eq true", "'a' < 'b'", "[1, 2] < [1, 3]", "(1, 2) == (1, 2)",
    "not 1 == 2", "not not 0", "1 if 0", "1 if 1", "1 if 0 else 2", "1 if 0 else 2 if 0 else 3", "missing",
    "missing.x", "missing | default('d')", "missing == missing", "missing is none", "not missing", "missing ~ 1",
    "missing + 1", "nothing ~ yes ~ 1.0", "'a' 'b'", "'\\x41\\u00e4\\U0001f600\\n\\t\\'\\101'", "\"it's\"", "'a' * 3",
    "3 * [1]", "(1, 2) + (3,)", "[1] + [2]", "[1] + (2,)", "[1, [2, (3,)], {'a': none}]", "{'a': 1, 'a': 2}",
    "{1: 2, true: 3, 1.0: 4}", "{[1]: 2}", "()", "(1)", "(1,)", "1, 2", "[1, 2,]", "{'a': 1,}", "-count", "+ratio",
    "-(-3)", "- 2 | abs", "-2 | abs", "(-2) | abs", "count | string + 'x'", "'a' ~ 1 + 2", "1 ~ 2 * 3", "'%d' % 3 ~ 1",
    "1 in [1] and 2 not in [1]", "'ell' in text", "'b' in item", "1 in item", "none in mixed", "1 in 5", "'' in ''",
    "text is string and count is number", "count is not none", "not count is none", "text is in ['x', text]",
    "1 is odd and 2 is even", "count is divisibleby 7", "yes is sameas true", "1 is sameas true", "3 is eq 3",
    "'x' is defined or missing.y", "item.a[1]", "item['C']['d']", "item.C.d | upper", "item.get('items')",
    "people[0].name[0]", "people[-1]['age']", "people | map(attribute='name') | join('-') | upper",
    "people | selectattr('age', 'gt', 10) | map(attribute='name') | list", "(1, 2)[0]", "[1, 2, 3][1:][0]", "'abc'[1]",
    "text[::-1]", "emoji[0]", "emoji | length", "emoji[1:]", "lines.split('\\n') | length", "range(3) | list",
    "range(3)", "range(1, 4)", "range(5, 0, -2) | list", "range(0)", "range(3)[1]", "range(3) | length", "range(2) | sum",
    "range(1, 1) | first", "dict(a=1, b='x')", "dict([('a', 1)], c=3)", "dict(item, z=1).z", "dict() == {}",
    "namespace(a=1).a", "namespace({'b': 2}).b", "namespace().x", "joiner('|')() ~ 1", "cycler(1, 2).next()",
    "cycler('a', 'b').current", "[1, 2] | first ~ [1, 2] | last", "text.split(', ')[1]", "text.upper().lower().title()",
    "'a,b'.split(',') | join(';')", "('a' if yes else 'b') ~ 'c'", "'a' if yes else 'b' ~ 'c'", "[x for x in y]",
    "loop", "loop.index", "true", "True", "none", "None", "false", "1 == true", "0 == false", "'1' == 1",
    "1 != '1'", "none == false", "[] == ()", "{} == {}", "{'a': [1]} == {'a': [1.0]}", "[1, 2] | join(missing)",
    "'%s, %r, %%' | format('a', 'b')", "'%(a)s' | format(a=1)", "'%s' | format", "'%(a)s %(a)d' % {'a': 3}",
    "'%s' % 'x'", "'%s %s' % ('x', 1)", "'%s' % (('x', 1),)", "'%s' % [1]", "'x' % []", "'x' % {}", "'x' % 1", "'%s' % item",
    "strftime_now('%Y-%m-%d %H:%M:%S')", "strftime_now('%d %b %Y') | upper", "strftime_now('')", "strftime_now()",
    "raise_exception('a message')", "raise_exception()", "missing()", "text()", "count.x()",
    "item.get()", "item.get(1, 2, 3)", "text.split(1)", "text.split(sep=none)", "nothing.x",
    "nothing | length", "count | length", "[3, 'a'] | sort", "[none] | max", "[] | max", "[] | first", "[] | sum",
    "['a'] | sum", "'5' | int + 1", "'0x1f' | int(base=16)", "'1e3' | int", "'1e3' | float", "'x' | int(none)",
    "1.0", "1.10", "100000000000000000000.0", "1e-5", "0.0001", "-0.0", "1e300 * 1e10", "3.0 * 2", "7 / 7", "2 ** 62",
    "(1.5).x", "'a'.b.c", "[] is sequence", "{} is iterable", "range(2) is sequence", "text is iterable",
    "item.items() is sequence", "item.keys() is iterable", "item.items() | length", "item.values() | first",
    "item.keys() == item.keys()", "(item | items) is sequence", "(item | items) | list", "[1, 2, 3] | reverse | first",
    "words | sort | join", "words | unique | join", "words | min ~ words | max", "mixed | map('string') | join(',')",
    "people | groupby('age') | first", "(people | groupby('age'))[0].grouper", "(people | groupby('age'))[0].list | length",
    "people | tojson", "people | tojson(indent=2)", "{'a': '<\\u2028\\x7f\\U0001f600\"\\\\/'} | tojson", "item | tojson(true)",
    "emoji | tojson(ensure_ascii=true)", "{1: 2, none: 3, true: 4, 1.5: 5} | tojson", "(1, 2) | tojson", "range(2) | tojson",
    "missing | tojson", "text.lower | tojson", "[1, [], {}, [[]]] | tojson(indent=1)", "item | tojson(indent='--')",
    "1e400 | tojson", "(1e400 - 1e400) | tojson", "text | reverse", "numbers | reverse | list", "item | list", "item | join(',')",
    "item | dictsort | map('first') | join", "text | list | length", "(text | list)[7]", "'a\\\nb'", "'\\q\\N'", "'\\x4'",
    "'\u00e4' * 3 ~ '\u6f22'[0]", "text | truncate(7, false, '')", "text | indent(first=true)", "text | wordcount",
    "caller", "varargs", "kwargs", "not", "1 +", "(1", "1)", "[1", "{1}", "{'a'}", "a b", "1 2", "'a", "a.", "a..b", "a | ",
    "a | nosuch", "a is nosuch", "a is", "1 is odd is even", "f(a=1, 2)", "f(*[1], **{})", "f(**{}, a=1)", "a[", "a[]",
    "dict(**{'a': 1})", "range(*[1, 3]) | list", "dict(a=1, **{'b': 2})", "[1,, 2]", "{,}", "(,)", "*a", "a := 1", "a ? b", "a & b",
    "a if", "if a", "a else b", "'a' if missing.x.y else 1", "1 if yes or missing.x.y", "yes or missing.x.y", "false and missing.x.y",
    "1 | nosuch if false", "(1 | nosuch) if false else 2", "3 is nosuch if false else 2", "not yes is true", "not (yes is true)",
]]


def shown(expression):
    """An expression whose value may be an object: methods print their address in Python."""
    return "{%% set shown = %s %%}{{ 'callable' if shown is callable else shown }}" % expression


# Sharp s, ligatures, title-case letters, iotas below, final sigma, digits of all sorts.
ODD_LETTERS = [0xDF, 0x130, 0x149, 0x1C4, 0x1C5, 0x1F0, 0x1E9E, 0x1F88, 0x1FB2, 0x1FB7, 0x1FE4, 0x3A3, 0x3C2, 0xFB03, 0x587,
               0xB2, 0xBD, 0x2460, 0x0660, 0x2167, 0x1D7D8, 0x10D0, 0x13A0, 0xAB70, 0x10400, 0x1E900, 0x2028, 0xAD, 0x200D]
OF_CODE_POINTS = [
    "x.upper()", "x.lower()", "x.title()", "x.capitalize()", "x.swapcase()", "('a' ~ x).title()", "x.isalpha()", "x.isalnum()",
    "x.isdigit()", "x.isdecimal()", "x.isspace()", "x.isupper()", "x.istitle()", "(x ~ 'a').strip()", "x | title",
    "x | wordcount", "[x]", "x.splitlines()", "x is upper", "x | tojson(true)", "(x ~ 'a') | capitalize", "x | urlencode"]


PERCENT_FORMATS = ["%s", "%5s|", "%-5s|", "%.2s|", "%r", "%d", "%5d|", "%-5d|", "%05d|", "%+d", "% d", "%x", "%X", "%#x", "%o",
                   "%#o", "%f", "%.2f", "%8.3f|", "%-8.1f|", "%08.2f", "%e", "%.0e", "%g", "%G", "%E", "%i", "%u", "%%", "a%",
                   "%(a)s", "%(a)5.1f|", "%(a", "%q", "%s%s", "%s %d", "% 5d|", "%+.1f", "%#g", "%05s|", "%.0f", "%F",
                   "%.3d|", "%+5s|", "%(a)s%(a)s", "%(a(b))s"]
BRACE_FORMATS = ["{}", "{0}", "{0}{0}", "{}{}", "{1}", "{a}", "{0!r}", "{!s:>6}", "{:5}|", "{:<5}|", "{:>5}|", "{:^6}|", "{:*^7}|",
                 "{:05}|", "{:+}", "{: }", "{:d}", "{:x}", "{:#x}", "{:X}", "{:o}", "{:b}", "{:#b}", "{:f}", "{:.2f}", "{:8.2f}|",
                 "{:,}", "{:,.1f}", "{:e}", "{:g}", "{:%}", "{:.1%}", "{:s}", "{:10s}|", "{:.2s}", "{:=+7}|", "{:q}", "{", "}",
                 "{{}}", "{{{}}}", "{a!r:>5}", "{:08.3f}", "{:<08}|", "{:^+9.2f}|", "{:E}", "{:G}", "{:_<4}|", "{:.0f}", "{:#o}"]
FORMATTED = ["'text'", "''", "5", "-17", "0", "2.5", "-0.125", "1234567.891", "true", "none", "[1]", "'\u00e4\u6f22\U0001f600'",
             "'a', 2", "1, 2.5", "{'a': 3}", "{'a': 'x'}, 1", "1e15", "3.0", "255"]

STATEMENTS = [
    "{% for x in numbers %}{{ x }}{% endfor %}", "{% for x in [] %}a{% else %}none{% endfor %}",
    "{% for x in numbers if x > 1 %}{{ loop.index }}:{{ x }} {% else %}-{% endfor %}",
    "{% for x in numbers %}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}"
    "{{ loop.length }}{{ loop.depth }}{{ loop.depth0 }}{{ loop.previtem }}{{ loop.nextitem }};{% endfor %}",
    "{% for x in numbers %}{{ loop.cycle('a', 'b') }}{{ loop.changed(x > 1) }}{% endfor %}",
    "{% for a, b in item.items() %}{{ a }}={{ b }};{% endfor %}", "{% for a, (b, c) in [(1, (2, 3))] %}{{ a + b + c }}{% endfor %}",
    "{% for a, b in [(1, 2, 3)] %}{{ a }}{% endfor %}", "{% for a, b in [1] %}{{ a }}{% endfor %}", "{% for x in 5 %}{% endfor %}",
    "{% for x in missing %}{{ x }}{% else %}nothing{% endfor %}", "{% for x in nothing %}{% endfor %}", "{% for c in emoji %}[{{ c }}]{% endfor %}",
    "{% for x in item %}{{ x }}{% endfor %}", "{% for x in range(5) %}{% if x == 1 %}{% continue %}{% endif %}{% if x == 3 %}{% break %}{% endif %}{{ x }}{% endfor %}",
    "{% for x in [1, 2] %}{% for y in [3, 4] %}{{ loop.index }}{{ loop.depth }}{{ x * y }} {% endfor %}{{ loop.index }};{% endfor %}",
    "{% for x in [1, 2] %}{% set outer = loop %}{% for y in [1] %}{{ outer.index }}{% endfor %}{% endfor %}",
    "{% set x = 1 %}{% for y in [1, 2] %}{{ x }}{% set x = 9 %}{{ x }}{% endfor %}{{ x }}", "{% for x in [1] %}{% endfor %}{{ x }}",
    "{% set x = 1 %}{% if yes %}{% set x = 2 %}{% endif %}{{ x }}", "{% set a, b = 1, 2 %}{{ a }}{{ b }}", "{% set a, b = [1] %}",
    "{% set (a, b) = (1, 2) %}{{ b }}", "{% set a = b = 1 %}", "{% set x %}body {{ count }}{% endset %}[{{ x }}]",
    "{% set x | upper | replace('B', 'p') %}body{% endset %}{{ x }}", "{% set ns = namespace(n=0) %}{% for x in numbers %}{% set ns.n = ns.n + x %}{% endfor %}{{ ns.n }}",
    "{% set ns = namespace() %}{% set ns.a %}block{% endset %}{{ ns.a }}", "{% set item.x = 1 %}", "{% set missing.x = 1 %}",
    "{% set ns = namespace(a=1) %}{% set ns.a, b = 2, 3 %}{{ ns.a }}{{ b }}",
    "{% if 0 %}a{% elif '' %}b{% elif [] %}c{% else %}d{% endif %}", "{% if missing %}a{% endif %}", "{% if 1 %}{% if 0 %}a{% else %}b{% endif %}{% endif %}",
    "{% macro f(a, b=2, c=a) %}{{ a }}{{ b }}{{ c }};{% endmacro %}{{ f(1) }}{{ f(1, 3) }}{{ f(b=5, a=4) }}{{ f() }}",
    "{% macro f(a) %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ f(1, 2, 3, x=4) }}", "{% macro f(a) %}{{ a }}{% endmacro %}{{ f(1, 2) }}",
    "{% macro f(a) %}{{ a }}{% endmacro %}{{ f(b=2) }}", "{% macro f(a) %}{{ a }}{% endmacro %}{{ f(1, a=2) }}", "{% macro f(a=1, b) %}{% endmacro %}",
    "{% macro f() %}{{ x }}{% endmacro %}{% set x = 3 %}{{ f() }}", "{% macro f(n) %}{{ n }}{% if n > 0 %}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(5) }}",
    "{% macro f() %}{{ caller(1, 2) }}{% endmacro %}{% call(a, b=3, c=4) f() %}{{ a }}{{ b }}{{ c }}{% endcall %}",
    "{% macro f() %}x{% endmacro %}{% call f() %}y{% endcall %}", "{% macro f() %}{{ caller }}{% endmacro %}{{ f() }}",
    "{% macro f() %}[{{ caller() }}]{% endmacro %}{% call f() %}{{ text }}{% for x in numbers %}{{ x }}{% endfor %}{% endcall %}",
    "{% macro f() %}{{ caller() if caller is defined else 'none' }}{% endmacro %}{{ f() }}{% call f() %}c{% endcall %}",
    "{% macro f(x) %}{% set y = x %}{{ y }}{% endmacro %}{{ f(1) }}{{ y }}", "{% macro f(x) %}{{ x | upper }}{% endmacro %}{{ f('a') ~ f('b') | lower }}",
    "{% macro f() %}  a  {% endmacro %}[{{ f() | trim }}]{{ f().strip() }}{{ f() | length }}", "{% macro f() %}{% endmacro %}{{ f.name }}{{ f is callable }}{{ f is defined }}",
    "{% for x in [1, 2] %}{% macro m() %}{{ x }}{% endmacro %}{{ m() }}{% endfor %}", "{{ f() }}{% macro f() %}{% endmacro %}",
    "{% macro f(loop) %}{{ loop }}{% endmacro %}{% for x in [1] %}{{ f(loop.index) }}{% endfor %}", "{% for x in [1] %}{% if loop.first %}{{ loop.last }}{% endif %}{% endfor %}",
    "{% with a = 1, b = 2 %}{{ a + b }}{% endwith %}{{ a }}", "{% with %}{% set a = 1 %}{{ a }}{% endwith %}{{ a }}", "{% with a = 1 %}{% with b = a %}{{ b }}{% endwith %}{% endwith %}",
    "{% set a = 5 %}{% with a = 1, b = a %}{{ a }}{{ b }}{% endwith %}{{ a }}", "{% filter upper %}a{{ text }}{% endfilter %}", "{% filter replace('a', 'b') | upper %}aaa{% endfilter %}",
    "{% filter trim %}\n  {% set z = 1 %} x {{ z }} {% endfilter %}{{ z }}", "{% raw %}{{ x }}{% if %}{% endraw %}", "{%- raw -%} {{ x }} {%- endraw -%} y", "{% raw %}a",
    "{# comment {{ x }} #}a{# b #}", "{#- x -#} a {#+ y +#} b", "{# open", "{#", "a{#-", "{% raw %}", "{% raw -%}", "{{", "{%", "{% if", "{{-", "{{ 1", "{% if 1 %}", "{% endif %}", "{% else %}", "{% for x in y %}", "{% for x %}{% endfor %}",
    "{% nosuch %}", "{% set %}", "{% set 1 = 2 %}", "{% set true = 1 %}", "{% set none %}{% endset %}", "{% break %}", "{% continue %}", "{% if %}{% endif %}",
    "{% for x in [1] %}{% endif %}", "{% macro %}{% endmacro %}", "{% macro f %}{% endmacro %}", "{% call f %}{% endcall %}", "{% generation %}a{% set q = 1 %}{{ q }}{% endgeneration %}{{ q }}",
    "{% generation %}", "{% print 1, 2 %}", "{% print text %}", "{{ 1 }}}", "{ { 1 } }", "{{ '}}' }}", "{{ {'a': {'b': 1}}.a.b }}", "{{'{'}}", "{% if '%}' %}x{% endif %}", "{%", "{{", "a{",
    "{{ joiner }}{% set j = joiner('; ') %}{% for x in [1, 2, 3] %}{{ j() }}{{ x }}{% endfor %}"[len("{{ joiner }}"):],
    "{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.current }}{{ c.next() }}{{ c.next() }}{% set _ = c.reset() %}{{ c.current }}",
    "{% set a = [1] %}{% set b = a.append(2) %}{{ a }}", "{% set d = {} %}{{ d.update(a=1) }}", "{% do x %}", "{% include 'x' %}", "{% import 'x' as y %}", "{% extends 'x' %}",
    "{% for x in numbers %}{% with %}{{ x }}{% break %}{% endwith %}{% endfor %}", "{% for x in numbers %}{% set y %}{% continue %}{% endset %}{{ x }}{% endfor %}",
    "{% for x in numbers %}{% filter upper %}a{% break %}{% endfilter %}{% endfor %}", "{% for x in numbers %}{% generation %}{% break %}{% endgeneration %}{% endfor %}",
    "{% for x in numbers %}{% for y in [] %}{% else %}{% break %}{% endfor %}{{ x }}{% endfor %}", "{% for x in numbers %}{% macro f() %}{% break %}{% endmacro %}{% endfor %}",
    "{% for x in numbers %}{% if x > 1 %}{% continue %}{% endif %}{{ x }}{% endfor %}",
    "{% for x in numbers %}{% continue %}{% else %}none{% endfor %}", "{% for x in numbers %}{{ x }}{% break %}{% else %}none{% endfor %}",
    "{% for x in numbers %}{% if x == 1 %}{% break %}{% endif %}{% else %}none{% endfor %}",
    "{% if yes %}{{ 1 | nosuch }}{% endif %}", "{% if nothing %}{{ 1 | nosuch }}{% endif %}ok", "{% if nothing %}{{ 1 is nosuch }}{% endif %}ok",
    "{% for message in people %}{% if loop.previtem is defined and loop.previtem.age == 5 %}after{% endif %}{% if loop.nextitem is undefined %}end{% endif %}{% endfor %}",
    "{% set x = 1 %}{% macro f() %}{% set x = 2 %}{{ x }}{% endmacro %}{{ f() }}{{ x }}", "{% set text = text | upper %}{{ text }}", "{% set range = 1 %}{{ range }}",
    "{% for loop in [1, 2] %}{{ loop }}{% endfor %}", "{% for x in [1, 2] if loop %}{{ x }}{% endfor %}", "{% for x in words | sort | reverse %}{{ x }}{% endfor %}", "{% for k, v in item | dictsort %}{{ k }}{% endfor %}",
    "{% set g = words | map('upper') %}{{ g | list }}{{ g | list }}", "{% for a in (1, 2), (3, 4) %}{{ a }}{% endfor %}", "{% for x in 1, 2 %}{{ x }}{% endfor %}", "{% set x = 1, %}{{ x }}", "{% set x = %}",
    "{% for x in [1, 2, 3] recursive %}{{ x }}{% endfor %}"[:0] + "{% for x in [[1, []]] %}{{ x[1] }}{% endfor %}",
]

# Both sides refuse these; the list pins what the sandbox must never allow.
REFUSED = ["{{ ''.__class__.__mro__ }}", "{{ [].append(1) }}", "{{ {}.update({'a': 1}) }}", "{{ [1].pop() }}", "{{ {}.clear() }}",
           "{{ range(100001) | list }}", "{{ range(10 ** 9) }}", "{{ cycler() }}", "{{ (1).__add__(2) }}",
           "{{ ''.format.__globals__.x }}", "{% set x = namespace %}{{ x.__init__.__globals__ }}"]


def white_space():
    tags = [("{{", "}}", "1"), ("{%", "%}", "if 1"), ("{#", "#}", "c")]
    for (begin, end, inside), sign, close, before, after in itertools.product(
            tags, ["", "-", "+"], ["", "-", "+"], ["", "a", " ", "a ", "\n", "a\n ", "\n\t", "x\n\n"], ["", "b", " ", "\n", "\n\nb", " \n b"]):
        if begin == "{{" and "+" == close:
            continue  # a plus sign there belongs to the expression
        yield before + begin + sign + " " + inside + " " + close + end + after + ("{% endif %}\n" if inside == "if 1" else "")
