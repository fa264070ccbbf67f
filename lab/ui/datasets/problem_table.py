"""A downloadable table of what went wrong in an import."""

from collections.abc import Sequence

import streamlit as st

from lab.core.files import csv_text
from lab.core.workspace import slug
from lab.importers import ImportProblem
from lab.preprocess.export import escape_formula
from lab.ui import formatting
from lab.ui.downloads import csv_button


def show_problems(problems: Sequence[ImportProblem], what: str, *, name: str, key: str) -> None:
    """Show problems in a collapsed table; nothing if there are none.

    what: completes the title "3 items …"
    name: of the source, for the name of the CSV file
    """
    if not problems:
        return
    with st.expander(
        f"{formatting.count(len(problems), 'item')} {what}", icon=":material/warning:"
    ):
        rows = [(problem.name, problem.reason) for problem in problems]
        st.dataframe(
            {"Item": [item for item, _ in rows], "Reason": [reason for _, reason in rows]},
            hide_index=True,
            height="auto" if len(rows) < 10 else 360,
        )
        csv_button(lambda: _to_csv(rows), f"{slug(name)}-problems.csv", key=key)


def _to_csv(rows: Sequence[tuple[str, str]]) -> str:
    return csv_text([("item", "reason"), *(map(escape_formula, row) for row in rows)])
