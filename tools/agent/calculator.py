"""Arithmetic: numbers, + - * /, signs and parentheses, exactly, and with no depth that the text decides."""

import fractions
import operator
import re

MOST_CHARACTERS = 200
TOKEN = re.compile(r"\s*(\d+(?:\.\d+)?|\.\d+|[-+*/()])", re.ASCII)
OPERATIONS = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}
RANK = {"+": 1, "-": 1, "*": 2, "/": 2, "minus": 3}


def tokens(expression):
    at, end = 0, len(expression.rstrip())
    while at < end:
        if not (match := TOKEN.match(expression, at, end)):
            wrong = expression[at:].split()[0][:20]
            raise ValueError(f"{wrong!r} is neither a number nor one of + - * / ( )")
        yield match[1]
        at = match.end()


def apply(sign, values):
    """Takes the values of an operator from the end of the list and puts the result there."""
    right = values.pop()
    if sign == "minus":
        values.append(-right)
        return
    left = values.pop()
    if sign == "/" and right == 0:
        raise ValueError("division by zero")
    values.append(OPERATIONS[sign](left, right))


def evaluate(expression):
    """The value as a fraction; ValueError says what is wrong. Dijkstra's two stacks."""
    if len(expression) > MOST_CHARACTERS:
        raise ValueError(f"an expression has at most {MOST_CHARACTERS} characters")
    values, operators = [], []
    value_wanted = True
    for token in tokens(expression):
        if value_wanted and token in "+-":
            if token == "-":
                operators.append("minus")
        elif value_wanted and token == "(":
            operators.append(token)
        elif token == "(" or value_wanted != (token[0] in ".0123456789"):
            raise ValueError(f"{token!r} is in the wrong place")
        elif value_wanted:
            values.append(fractions.Fraction(token))
            value_wanted = False
        elif token == ")":
            while operators and operators[-1] != "(":
                apply(operators.pop(), values)
            if not operators:
                raise ValueError("a ) without its (")
            operators.pop()
        else:
            while operators and RANK.get(operators[-1], 0) >= RANK.get(token, 0):
                apply(operators.pop(), values)
            operators.append(token)
            value_wanted = True
    if value_wanted:
        raise ValueError("the expression ends too early")
    while operators:
        if operators[-1] == "(":
            raise ValueError("a ( without its )")
        apply(operators.pop(), values)
    return values.pop()


def calculate(expression):
    """The value as text: whole numbers exactly, others to twelve digits."""
    value = evaluate(expression)
    return str(value.numerator) if value.denominator == 1 else f"{float(value):.12g}"
