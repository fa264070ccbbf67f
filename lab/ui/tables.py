"""Tables, selecting one of their rows, and facts in a line."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

Columns = pd.DataFrame | Mapping[str, Sequence[Any]]


def show_facts(*facts: str) -> None:
    """Show Markdown facts in a grey line; empty ones are left out."""
    st.markdown(f":gray[{' · '.join(filter(None, facts))}]")


def show_table(columns: Columns, **options: Any) -> None:
    """Show a table without its index. columns: values by title; options: as for `st.dataframe`"""
    st.dataframe(pd.DataFrame(columns), hide_index=True, **options)


def select_row(columns: Columns, *, max_height: int | None = None, **options: Any) -> int | None:
    """Let the person select a row of a table; returns its index, None if none is selected.

    max_height: pixels; None for Streamlit's default height
    options: as for `st.dataframe`
    """
    table = pd.DataFrame(columns)
    if max_height:
        options["height"] = min(38 + 35 * len(table), max_height)
    event = st.dataframe(
        table, hide_index=True, on_select="rerun", selection_mode="single-row", **options
    )
    rows = event["selection"]["rows"]
    return rows[0] if rows and rows[0] < len(table) else None
