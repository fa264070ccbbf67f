"""What is wrong in a source, each thing once, in a table that one can take away."""

import csv
import io
from collections.abc import Sequence

import streamlit as st

from lab.core.workspace import slug
from lab.importers import Problem
from lab.preprocess.export import without_formula
from lab.ui import words


def show_problems(problems: Sequence[Problem], what: str, *, name: str, key: str) -> None:
    """A table of problems, folded up; nothing where there are none.

    what: stands after their number
    name: of what they are in, for the file
    """
    if not problems:
        return
    count = words.count(len(problems), "thing")
    with st.expander(f"{count} {what}", icon=":material/warning:"):
        rows = [(one.name, one.reason) for one in problems]
        st.dataframe(
            {"What": [row[0] for row in rows], "Why": [row[1] for row in rows]},
            hide_index=True,
            height="auto" if len(rows) < 10 else 360,
        )
        st.download_button(
            "csv",
            data=lambda: _table(rows),
            file_name=f"{slug(name)}-problems.csv",
            mime="text/csv",
            icon=":material/download:",
            on_click="ignore",
            key=key,
        )


def _table(rows: Sequence[tuple[str, str]]) -> bytes:
    text = io.StringIO(newline="")
    table = csv.writer(text)
    table.writerow(["what", "why"])
    table.writerows(map(without_formula, row) for row in rows)
    return text.getvalue().encode("utf-8-sig")
