"""Which clips to look at, in a small language: `duration > 10 and "mirë" in text`.

It looks like Python and is read by Python's own parser, but nothing of it is ever run: only what is
listed here is understood, and the answer is worked out column by column.
"""

import ast
import difflib
import operator
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lab.core.errors import OptionsError

Kind = Literal["number", "text", "truth"]
Truths = NDArray[np.bool_]

# The columns of a dataset's table that can be asked for, and what they hold.
NUMBERS: Mapping[str, str] = {
    "duration": "seconds",
    "words": "words of the text",
    "characters": "characters of the text",
    "rate": "characters a second",
    "wer": "word error rate of the prediction, 0 or more",
    "cer": "character error rate of the prediction, 0 or more",
    "confidence": "of the model in its prediction, 0 to 1",
}
TEXTS: Mapping[str, str] = {
    "clip": "the name of the file",
    "text": "what is said",
    "split": "train, validation, test or nothing",
    "speaker": "who speaks",
    "language": "a code such as sq",
    "status": "new, corrected or excluded",
    "prediction": "what a model heard",
}
PREDICTED = ("wer", "cer", "confidence", "prediction")

EXAMPLE = 'duration > 10 and "mirë" in text'
_MAX_LENGTH, _MAX_DEPTH = 500, 20

_ORDERS: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_ARITHMETIC: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_CURLY = dict.fromkeys(map(ord, "“”„‟«»"), '"')
_HINTS = (
    (re.compile(r"(?<![=!<>])=(?!=)"), "To compare, write == with two signs."),
    (re.compile(r"&|\||\b(AND|OR|NOT|IN)\b"), "Write and, or, not, in as words in small letters."),
)


class FilterError(OptionsError):
    """An expression that cannot be understood; position: of the character, from 1 on."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(f"At character {position}: {message} An example: {EXAMPLE}")
        self.position = position


@dataclass(frozen=True)
class _Part:
    """A part of an expression: what it holds for each clip, and how that is found in a table.

    literal: what it says, if that is the same for all clips
    """

    kind: Kind
    of: Callable[[pd.DataFrame], Any]
    literal: str | float | None = None


@dataclass(frozen=True)
class Filter:
    """An expression that was understood. names: the columns that it asks for"""

    expression: str
    names: frozenset[str]
    _root: _Part

    def mask(self, table: pd.DataFrame) -> Truths:
        """Which rows of `table` are meant, shape (rows,).

        table: with the columns of `lab.dataset.statistics.frame`, and those of predictions if the
            expression asks for them

        A number that nobody knows is neither smaller nor greater than any other, and equals none.
        Raises OptionsError for a column that is missing.
        """
        missing = sorted(self.names - set(table.columns))
        if missing:
            why = "no model has been asked about these clips yet"
            raise OptionsError(
                f"“{missing[0]}” cannot be asked for: "
                f"{why if missing[0] in PREDICTED else 'this table lacks it'}."
            )
        with np.errstate(all="ignore"):  # a clip of 0 s has an infinite rate
            return np.array(np.broadcast_to(self._root.of(table), len(table)))


def parse(expression: str) -> Filter:
    """Understand an expression.

    It may compare columns with numbers and texts (`==`, `!=`, `<`, `<=`, `>`, `>=`, also
    `1 < duration < 3`), look for a text in a column whatever its capitals (`"mirë" in text`) or for
    a column in a list (`split in ("train", "test")`), compute (`+ - * /`, `length(prediction)`),
    and put all that together with `and`, `or`, `not` and brackets.

    Raises FilterError, which says where it went wrong and what can be asked for.
    """
    line = re.sub(r"\s", " ", expression)
    if not line.strip():
        raise FilterError("there is nothing.", 1)
    if len(line) > _MAX_LENGTH:
        raise FilterError(f"more than {_MAX_LENGTH} characters are too many.", _MAX_LENGTH + 1)
    reader = _Reader(line)
    root = reader.read()
    return Filter(expression, frozenset(reader.names), root)


class _Reader:
    """Turns one line into parts, and knows where each of them stands in it."""

    def __init__(self, line: str) -> None:
        self.names: set[str] = set()
        self._line = line
        self._indent = len(line) - len(line.lstrip())

    def read(self) -> _Part:
        try:
            body = _parsed(self._line.strip())
        except SyntaxError as error:
            hint = next((hint for sign, hint in _HINTS if sign.search(self._line)), "")
            raise FilterError(
                f"this cannot be understood. {hint}".rstrip(),
                min((error.offset or 1) + self._indent, len(self._line)),
            ) from None
        except (ValueError, RecursionError, MemoryError):  # half a character, endless brackets
            raise FilterError("this cannot be understood.", 1) from None
        return self._truth(body, 0)

    def _part(self, node: ast.expr, depth: int) -> _Part:
        if depth > _MAX_DEPTH:
            raise self._error(node, f"more than {_MAX_DEPTH} levels are too many.")
        match node:
            case ast.BoolOp(op, values):
                parts = [self._truth(value, depth + 1) for value in values]
                together = np.logical_and if isinstance(op, ast.And) else np.logical_or
                return _Part("truth", lambda table: _all(together, parts, table))
            case ast.UnaryOp(ast.Not(), operand):
                inner = self._truth(operand, depth + 1)
                return _Part("truth", lambda table: ~inner.of(table))
            case ast.UnaryOp(ast.USub(), operand):
                number = self._number(operand, depth + 1)
                return _Part("number", lambda table: -number.of(table))
            case ast.BinOp(left, op, right) if type(op) in _ARITHMETIC:
                compute = _ARITHMETIC[type(op)]
                one, other = self._number(left, depth + 1), self._number(right, depth + 1)
                return _Part("number", lambda table: compute(one.of(table), other.of(table)))
            case ast.Compare(left, ops, comparators):
                sides = [left, *comparators]
                steps = [
                    self._comparison(sides[place], op, sides[place + 1], depth)
                    for place, op in enumerate(ops)
                ]
                return _Part("truth", lambda table: _all(np.logical_and, steps, table))
            case ast.Call(ast.Name("length"), [argument], []):
                text = self._text(argument, depth + 1)
                if text.literal is not None:
                    raise self._error(argument, "length is asked of a column.")
                return _Part("number", lambda table: text.of(table).str.len().to_numpy(float))
            case ast.Name(name):
                return self._column(node, name)
            case ast.Constant(value):
                return self._constant(node, value)
        raise self._error(node, "this is not understood here.")

    def _comparison(self, left: ast.expr, op: ast.cmpop, right: ast.expr, depth: int) -> _Part:
        if isinstance(op, ast.In | ast.NotIn):
            found = self._membership(left, right, depth)
            if isinstance(op, ast.In):
                return found
            return _Part("truth", lambda table: ~found.of(table))
        if type(op) in _ORDERS:
            order = _ORDERS[type(op)]
            low, high = self._number(left, depth + 1), self._number(right, depth + 1)
            return _Part("truth", lambda table: order(low.of(table), high.of(table)))
        if not isinstance(op, ast.Eq | ast.NotEq):
            raise self._error(left, "write == or != to compare.")
        one, other = self._part(left, depth + 1), self._part(right, depth + 1)
        if one.kind != other.kind or one.kind == "truth":
            raise self._error(
                right, f"a {one.kind} cannot be compared with a {other.kind}; texts have quotes."
            )
        equal = operator.eq if isinstance(op, ast.Eq) else operator.ne
        return _Part("truth", lambda table: np.asarray(equal(one.of(table), other.of(table))))

    def _membership(self, left: ast.expr, right: ast.expr, depth: int) -> _Part:
        if isinstance(right, ast.Tuple | ast.List | ast.Set):
            column = self._part(left, depth + 1)
            choices = [self._part(choice, depth + 1) for choice in right.elts]
            for node, choice in zip(right.elts, choices, strict=True):
                if choice.literal is None or choice.kind != column.kind:
                    raise self._error(node, f"this does not belong into a list of {column.kind}s.")
            literals = [choice.literal for choice in choices]
            return _Part(
                "truth", lambda table: pd.Series(column.of(table)).isin(literals).to_numpy()
            )
        wanted, text = self._text(left, depth + 1), self._text(right, depth + 1)
        if not isinstance(wanted.literal, str) or text.literal is not None:
            raise self._error(left, "before “in” stands a text in quotes, after it a column.")
        needle = wanted.literal.lower()
        return _Part(
            "truth",
            lambda table: text.of(table).str.lower().str.contains(needle, regex=False).to_numpy(),
        )

    def _column(self, node: ast.expr, name: str) -> _Part:
        if name not in NUMBERS and name not in TEXTS:
            known = [*NUMBERS, *TEXTS]
            near = difflib.get_close_matches(name.lower(), known, n=1)
            raise self._error(
                node,
                f"“{name[:40]}” is unknown. "
                + (f"Did you mean {near[0]}? " if near else "A text has to stand in quotes. ")
                + f"Known are {', '.join(known)} and length(…).",
            )
        self.names.add(name)
        if name in NUMBERS:
            return _Part("number", lambda table: table[name].to_numpy(float))
        return _Part("text", lambda table: table[name])

    def _constant(self, node: ast.expr, value: object) -> _Part:
        if isinstance(value, str):
            if re.search("[\ud800-\udfff]", value):
                raise self._error(node, "there is half a character in this text.")
            return _Part("text", lambda _: value, value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            try:
                number = np.float64(value)  # divided by 0 it is infinite
            except OverflowError:
                raise self._error(node, "this number is too large.") from None
            return _Part("number", lambda _: number, number)
        raise self._error(node, "this is neither a number nor a text.")

    def _truth(self, node: ast.expr, depth: int) -> _Part:
        part = self._part(node, depth)
        if part.kind != "truth":
            raise self._error(node, "this says nothing that is true or not; compare it.")
        return part

    def _number(self, node: ast.expr, depth: int) -> _Part:
        part = self._part(node, depth)
        if part.kind != "number":
            raise self._error(node, "a number is needed here.")
        return part

    def _text(self, node: ast.expr, depth: int) -> _Part:
        part = self._part(node, depth)
        if part.kind != "text":
            raise self._error(node, "a text is needed here.")
        return part

    def _error(self, node: ast.expr, message: str) -> FilterError:
        before = self._line.strip().encode()[: node.col_offset].decode()
        return FilterError(message, self._indent + len(before) + 1)


def _parsed(line: str) -> ast.expr:
    """The tree of a line; with curly quotes taken for straight ones where it is none otherwise."""
    with warnings.catch_warnings(action="ignore"):  # Python has views on backslashes
        try:
            return ast.parse(line, mode="eval").body
        except SyntaxError:
            if line.translate(_CURLY) == line:
                raise
            return ast.parse(line.translate(_CURLY), mode="eval").body


def _all(together: np.ufunc, parts: list[_Part], table: pd.DataFrame) -> Truths:
    found: Truths = reduce(together, [part.of(table) for part in parts])
    return found
