"""Filter expressions for clips, such as `duration > 10 and "mirë" in text`.

The syntax is a small subset of Python's. Expressions are parsed by Python's own parser but never
executed: the supported nodes are evaluated on the columns of a table.
"""

import ast
import difflib
import operator
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial, reduce
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lab.core.errors import OptionsError

Kind = Literal["number", "text", "condition"]
Mask = NDArray[np.bool_]

# The columns that an expression can use, described for people.
NUMBERS: Mapping[str, str] = {
    "duration": "seconds",
    "words": "number of words in the text",
    "characters": "number of characters in the text",
    "rate": "characters per second",
    "wer": "word error rate of the prediction, 0 or more",
    "cer": "character error rate of the prediction, 0 or more",
    "confidence": "of the prediction, 0 to 1",
}
TEXTS: Mapping[str, str] = {
    "clip": "file name",
    "text": "the transcription",
    "split": "train, validation, test or empty",
    "speaker": "name of the speaker",
    "language": "code such as sq",
    "status": "new, corrected or excluded",
    "prediction": "the transcription by a model",
}
_PREDICTION_COLUMNS = ("wer", "cer", "confidence", "prediction")

EXAMPLE = 'duration > 10 and "mirë" in text'
_MAX_LENGTH, _MAX_DEPTH = 500, 20

_ORDERINGS: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
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
_STRAIGHT_QUOTES = dict.fromkeys(map(ord, "“”„‟«»"), '"')
_HINTS = (
    (re.compile(r"(?<![=!<>])=(?!=)"), "Write == to compare."),
    (re.compile(r"&|\||\b(AND|OR|NOT|IN)\b"), "Write and, or, not, in as lowercase words."),
)


class FilterError(OptionsError):
    """An invalid expression. position: of the error in characters, starting at 1"""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(f"At character {position}: {message} Example: {EXAMPLE}")
        self.position = position


@dataclass(frozen=True)
class _Node:
    """A node of an expression.

    evaluate: computes its value for each row of a table
    literal: its value, if it is a constant
    """

    kind: Kind
    evaluate: Callable[[pd.DataFrame], Any]
    literal: str | float | None = None


def _binary(kind: Kind, function: Callable[[Any, Any], Any], left: _Node, right: _Node) -> _Node:
    return _Node(kind, lambda table: function(left.evaluate(table), right.evaluate(table)))


def _negated(node: _Node) -> _Node:
    return _Node("condition", lambda table: ~node.evaluate(table))


@dataclass(frozen=True)
class Filter:
    """A parsed expression. names: the columns that it uses"""

    expression: str
    _root: _Node
    names: frozenset[str]

    def mask(self, table: pd.DataFrame) -> Mask:
        """Which rows of `table` match, shape (n_rows,).

        table: with the columns of `lab.dataset.statistics.frame`, and of `with_predictions` if the
            expression uses them

        An unknown number (NaN) is not equal to, less than or greater than any number. Raises
        OptionsError for a missing column.
        """
        missing = sorted(self.names - set(table.columns))
        if missing:
            unpredicted = missing[0] in _PREDICTION_COLUMNS
            why = "these clips have no predictions yet" if unpredicted else "no such column"
            raise OptionsError(f"“{missing[0]}” is unavailable: {why}.")
        with np.errstate(all="ignore"):  # a clip of 0 s has an infinite rate
            return np.array(np.broadcast_to(self._root.evaluate(table), len(table)))


def parse(expression: str) -> Filter:
    """Parse an expression.

    It can compare columns with numbers and texts (`==`, `!=`, `<`, `<=`, `>`, `>=`, also
    `1 < duration < 3`), search a text case-insensitively (`"mirë" in text`), test for membership in
    a list (`split in ("train", "test")`), compute (`+ - * /`, `length(prediction)`), and combine
    conditions with `and`, `or`, `not` and parentheses.

    Raises FilterError, which says where the error is and what can be used.
    """
    line = re.sub(r"\s", " ", expression)
    if not line.strip():
        raise FilterError("the expression is empty.", 1)
    if len(line) > _MAX_LENGTH:
        raise FilterError(f"the expression exceeds {_MAX_LENGTH} characters.", _MAX_LENGTH + 1)
    parser = _Parser(line)
    return Filter(expression, parser.parse(), frozenset(parser.names))


class _Parser:
    """Turns one line into nodes, and reports the position of errors in it."""

    def __init__(self, line: str) -> None:
        self.names: set[str] = set()
        self._line = line
        self._indent = len(line) - len(line.lstrip())

    def parse(self) -> _Node:
        try:
            body = _parsed(self._line.strip())
        except SyntaxError as error:
            hint = next((hint for pattern, hint in _HINTS if pattern.search(self._line)), "")
            raise FilterError(
                f"invalid syntax. {hint}".rstrip(),
                min((error.offset or 1) + self._indent, len(self._line)),
            ) from None
        except (ValueError, RecursionError, MemoryError):  # surrogates, deeply nested brackets
            raise FilterError("invalid syntax.", 1) from None
        return self._expect("condition", body, 0)

    def _node(self, node: ast.expr, depth: int) -> _Node:
        if depth > _MAX_DEPTH:
            raise self._error(node, f"the expression is nested more than {_MAX_DEPTH} levels deep.")
        match node:
            case ast.BoolOp(op, values):
                parts = [self._expect("condition", value, depth + 1) for value in values]
                combine = np.logical_and if isinstance(op, ast.And) else np.logical_or
                return reduce(partial(_binary, "condition", combine), parts)
            case ast.UnaryOp(ast.Not(), operand):
                return _negated(self._expect("condition", operand, depth + 1))
            case ast.UnaryOp(ast.USub(), operand):
                number = self._expect("number", operand, depth + 1)
                return _Node("number", lambda table: -number.evaluate(table))
            case ast.BinOp(left, op, right) if type(op) in _ARITHMETIC:
                numbers = [self._expect("number", side, depth + 1) for side in (left, right)]
                return _binary("number", _ARITHMETIC[type(op)], *numbers)
            case ast.Compare(left, ops, comparators):
                sides = [left, *comparators]
                steps = [
                    self._comparison(a, op, b, depth)
                    for a, op, b in zip(sides, ops, comparators, strict=False)
                ]
                return reduce(partial(_binary, "condition", np.logical_and), steps)
            case ast.Call(ast.Name("length"), [argument], []):
                text = self._expect("text", argument, depth + 1)
                if text.literal is not None:
                    raise self._error(argument, "length(…) takes a column.")
                return _Node("number", lambda table: text.evaluate(table).str.len().to_numpy(float))
            case ast.Name(name):
                return self._column(node, name)
            case ast.Constant(value):
                return self._constant(node, value)
        raise self._error(node, "this is not supported here.")

    def _comparison(self, left: ast.expr, op: ast.cmpop, right: ast.expr, depth: int) -> _Node:
        if isinstance(op, ast.In | ast.NotIn):
            found = self._membership(left, right, depth)
            return found if isinstance(op, ast.In) else _negated(found)
        if type(op) in _ORDERINGS:
            numbers = [self._expect("number", side, depth + 1) for side in (left, right)]
            return _binary("condition", _ORDERINGS[type(op)], *numbers)
        if not isinstance(op, ast.Eq | ast.NotEq):
            raise self._error(left, "use == or != to compare.")
        one, other = self._node(left, depth + 1), self._node(right, depth + 1)
        if one.kind != other.kind or one.kind == "condition":
            raise self._error(
                right, f"cannot compare a {one.kind} with a {other.kind}; put texts in quotes."
            )
        equal = operator.eq if isinstance(op, ast.Eq) else operator.ne
        return _binary("condition", lambda a, b: np.asarray(equal(a, b)), one, other)

    def _membership(self, left: ast.expr, right: ast.expr, depth: int) -> _Node:
        if isinstance(right, ast.Tuple | ast.List | ast.Set):
            column, literals = self._node(left, depth + 1), []
            for element in right.elts:
                choice = self._node(element, depth + 1)
                if choice.literal is None or choice.kind != column.kind:
                    raise self._error(element, f"expected a {column.kind} in this list.")
                literals.append(choice.literal)
            return _Node(
                "condition",
                lambda table: pd.Series(column.evaluate(table)).isin(literals).to_numpy(),
            )
        wanted, text = self._expect("text", left, depth + 1), self._expect("text", right, depth + 1)
        if not isinstance(wanted.literal, str) or text.literal is not None:
            raise self._error(left, "“in” takes a text in quotes before it and a column after it.")
        needle = wanted.literal.lower()
        return _Node(
            "condition",
            lambda table: (
                text.evaluate(table).str.lower().str.contains(needle, regex=False).to_numpy()
            ),
        )

    def _column(self, node: ast.expr, name: str) -> _Node:
        if name not in NUMBERS and name not in TEXTS:
            known = [*NUMBERS, *TEXTS]
            close = difflib.get_close_matches(name.lower(), known, n=1)
            raise self._error(
                node,
                f"unknown column “{name[:40]}”. "
                + (f"Did you mean {close[0]}? " if close else "Put texts in quotes. ")
                + f"Available: {', '.join(known)} and length(…).",
            )
        self.names.add(name)
        if name in NUMBERS:
            return _Node("number", lambda table: table[name].to_numpy(float))
        return _Node("text", lambda table: table[name])

    def _constant(self, node: ast.expr, value: object) -> _Node:
        if isinstance(value, str):
            if re.search("[\ud800-\udfff]", value):
                raise self._error(node, "the text contains an unpaired surrogate.")
            return _Node("text", lambda _: value, value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            try:
                number = np.float64(value)  # so that division by 0 gives infinity
            except OverflowError:
                raise self._error(node, "the number is too large.") from None
            return _Node("number", lambda _: number, number)
        raise self._error(node, "expected a number or a text.")

    def _expect(self, kind: Kind, node: ast.expr, depth: int) -> _Node:
        result = self._node(node, depth)
        if result.kind != kind:
            example = ", such as a comparison" if kind == "condition" else ""
            raise self._error(node, f"expected a {kind}{example}.")
        return result

    def _error(self, node: ast.expr, message: str) -> FilterError:
        before = self._line.strip().encode()[: node.col_offset].decode()
        return FilterError(message, self._indent + len(before) + 1)


def _parsed(line: str) -> ast.expr:
    """Parse a line; if that fails, again with straight instead of curly quotes."""
    with warnings.catch_warnings(action="ignore"):  # such as invalid escape sequences
        try:
            return ast.parse(line, mode="eval").body
        except SyntaxError:
            if line.translate(_STRAIGHT_QUOTES) == line:
                raise
            return ast.parse(line.translate(_STRAIGHT_QUOTES), mode="eval").body
