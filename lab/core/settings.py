"""Settings whose limits stand beside their defaults, for checks, for files and for the page.

Each field of a step is an `int`, a `float`, one of these or None, or one of a few words or numbers
(`Literal`); `setting` gives its range.
"""

import math
import reprlib
import sys
from collections.abc import Mapping
from dataclasses import Field, field, fields
from types import UnionType
from typing import Any, Literal, cast, get_args, get_origin, get_type_hints

# What a hostile file calls a setting, or gives for one, may be huge once it is written out.
_brief = reprlib.Repr()
_brief.maxlevel = 1

_WORDS = {int: "a whole number", float: "a number"}


def setting(default: Any, *, low: float = -math.inf, high: float = math.inf) -> Any:
    """A dataclass field that must lie between `low` and `high`, both allowed."""
    return field(default=default, metadata={"low": low, "high": high})


def limits(step: type, name: str) -> tuple[float, float]:
    """The lowest and highest value that the field `name` of `step` may have."""
    metadata = _fields(step)[name].metadata
    return metadata.get("low", -math.inf), metadata.get("high", math.inf)


def problems(step: type, values: Mapping[Any, Any]) -> list[str]:
    """What is wrong with `values` for the fields of the dataclass `step`, a phrase each.

    Fields that are not given have their default.
    """
    known = _fields(step)
    hints = get_type_hints(step)
    found = [
        f"{brief(key)} is unknown (known: {', '.join(known) or 'nothing'})"
        for key in values
        if key not in known
    ]
    for name in known:
        if name in values:
            wanted = _wanted(values[name], hints[name], *limits(step, name))
            if wanted:
                found.append(f"{name} is {brief(values[name])}, not {wanted}")
    return found


def brief(value: object) -> str:
    """A value for a message, cut short where it is long."""
    return _brief.repr(value)


def _fields(step: type) -> dict[str, Field[Any]]:
    return {one.name: one for one in fields(step)}


def _wanted(value: object, hint: Any, low: float, high: float) -> str | None:
    """What was wanted instead of `value`; None where it is right."""
    if get_origin(hint) is Literal:
        choices = get_args(hint)
        # True equals 1, and 50.0 equals 50: the kind has to be the same too.
        if any(value == choice and type(value) is type(choice) for choice in choices):
            return None
        return " or ".join(map(str, choices))
    kinds = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    if value is None and type(None) in kinds:
        return None
    kind = next(one for one in kinds if one is not type(None))
    allowed = int | float if kind is float else int
    # Not `isfinite`, which fails for whole numbers that no float can hold.
    is_number = isinstance(value, allowed) and not isinstance(value, bool)
    if is_number and low <= cast(float, value) <= min(high, sys.float_info.max):
        return None
    span = f" between {low:g} and {high:g}" if math.isfinite(high) else f" of {low:g} or more"
    return _WORDS[kind] + span
