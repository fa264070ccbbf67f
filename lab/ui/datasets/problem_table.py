"""A downloadable table of what went wrong in an import."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from lab.core.files import csv_text
from lab.core.workspace import slug
from lab.importers import ImportProblem
from lab.preprocess.export import escape_formula
from lab.ui import formatting
from lab.ui.downloads import csv_button
from lab.ui.tables import show_table


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
        table = pd.DataFrame(rows, columns=["Item", "Reason"])
        show_table(table, height="auto" if len(rows) < 10 else 360)
        safe = [("item", "reason"), *(map(escape_formula, row) for row in rows)]
        csv_button(lambda: csv_text(safe), f"{slug(name)}-problems.csv", key=key)
