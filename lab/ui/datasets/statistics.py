"""Statistics of a dataset's clips: durations, speaking rates, characters, words, errors."""

import itertools
from collections.abc import Sequence
from typing import Literal

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from lab.dataset import statistics
from lab.scoring import BASIC, confusions, score, word_accuracy
from lab.ui import charts, formatting
from lab.ui.downloads import csv_button
from lab.ui.tables import show_table

_HEIGHT = 260
_MAX_ROWS = 5_000


def show_durations(shown: pd.DataFrame) -> None:
    """Show the distribution of durations and speaking rates, and the size of each split."""
    left, right = st.columns(2, gap="medium")
    with left:
        _show_histogram("Duration", shown["duration"], "seconds", key="durations")
        st.caption("Whisper processes 30 s at a time; longer clips would be cut off in training.")
    with right:
        _show_histogram("Speaking rate", shown["rate"], "characters per second", key="rates")
        st.caption("Outliers often have the text of another clip, or an incomplete one.")
    splits = statistics.summary(shown).splits
    show_table(
        {
            "Split": [split.name or "none" for split in splits],
            "Clips": [split.n_clips for split in splits],
            "Duration": [formatting.duration(split.duration_s) for split in splits],
            "With text": [split.n_with_text for split in splits],
            "Speakers": [split.n_speakers or None for split in splits],
        },
        key="split_statistics",
    )


def show_alphabet(shown: pd.DataFrame) -> None:
    """Show how often each character occurs; rare ones are often typos."""
    characters = statistics.alphabet(shown["text"])
    st.caption(
        f"{formatting.count(len(characters), 'character')}. Rare ones are often typos; filter with "
        '`"x" in text` to see their clips.'
    )
    show_table(
        {
            "Character": [one.character for one in characters],
            "Name": [one.name.capitalize() for one in characters],
            "Count": [one.count for one in characters],
            "Clips": [one.n_clips for one in characters],
        },
        key="alphabet",
    )


def show_vocabulary(shown: pd.DataFrame) -> None:
    """Show how often each word occurs."""
    vocabulary = statistics.vocabulary(shown["text"])
    st.caption(
        f"{vocabulary.n_words:,} words, {len(vocabulary.words):,} of them unique; "
        f"{vocabulary.once_ratio:.0%} of these occur only once, and may be typos."
    )
    only_once = st.toggle("Only words that occur once", key="words_once", persist_state="session")
    words = [word for word in vocabulary.words if word.count == 1 or not only_once]
    rows = [(word.word, word.count, word.n_clips) for word in words]
    table = pd.DataFrame(rows, columns=["Word", "Count", "Clips"])
    show_table(table.head(_MAX_ROWS), key="vocabulary")
    if len(table) > _MAX_ROWS:
        st.caption(f"Showing the first {_MAX_ROWS:,}; the CSV file has all.")
    csv_button(lambda: table.to_csv(index=False), "words.csv", key="vocabulary_csv")


def show_errors(shown: pd.DataFrame) -> None:
    """Show error rates and the most frequent errors of the predictions."""
    scored = shown[shown["wer"].notna()]
    if scored.empty:
        st.info("None of these clips has both a text and a prediction.", icon=":material/hearing:")
        return
    pairs = [
        (BASIC(text), BASIC(prediction))
        for text, prediction in zip(scored["text"], scored["prediction"], strict=True)
    ]
    _show_error_rates(scored, len(shown))
    left, middle, right = st.columns(3, gap="medium")
    with left:
        _show_confusions(pairs, "character")
    with middle:
        _show_confusions(pairs, "word")
    with right:
        st.markdown("**Accuracy by word**")
        accuracies = word_accuracy(pairs)[:_MAX_ROWS]
        show_table(
            {
                "Word": [one.word for one in accuracies],
                "Count": [one.count for one in accuracies],
                "Accuracy": [one.accuracy for one in accuracies],
            },
            key="word_accuracy",
            column_config={"Accuracy": st.column_config.NumberColumn(format="percent")},
        )


def _show_error_rates(scored: pd.DataFrame, n_shown: int) -> None:
    total = score(scored["text"].tolist(), scored["prediction"].tolist(), BASIC)
    counts = total.words
    row = st.columns(4)
    row[0].metric(
        "WER",
        f"{total.wer:.1%}",
        border=True,
        help="Word error rate: substitutions, deletions and insertions per word of the text. "
        "0% is perfect.",
    )
    cer_help = "Character error rate: the same, counted in characters."
    row[1].metric("CER", f"{total.cer:.1%}", border=True, help=cer_help)
    row[2].metric("Words", f"{counts.n_reference:,}", border=True)
    row[3].metric("Clips", f"{len(scored):,} of {n_shown:,}", border=True)
    st.caption(
        f"{formatting.count(counts.substitutions, 'substitution')}, "
        f"{formatting.count(counts.deletions, 'deletion')}, "
        f"{formatting.count(counts.insertions, 'insertion')}. "
        "Case and punctuation are ignored.",
        help="Substitution: a different word than in the text. Deletion: a word of the text is "
        "missing. Insertion: a word that the text does not have.",
    )


def _show_confusions(pairs: Sequence[tuple[str, str]], unit: Literal["character", "word"]) -> None:
    st.markdown(f"**{unit.capitalize()} confusions**")
    found = confusions(pairs, unit=unit)[:_MAX_ROWS]
    show_table(
        {
            "Text": [one.reference or "(insertion)" for one in found],
            "Prediction": [one.hypothesis or "(deletion)" for one in found],
            "Count": [one.count for one in found],
        },
        key=f"{unit}_confusions",
    )


def _show_histogram(title: str, values: "pd.Series[float]", unit: str, *, key: str) -> None:
    st.markdown(f"**{title}**")
    histogram = statistics.histogram(values)
    edges = histogram.edges
    width = edges[1] - edges[0]
    figure = go.Figure(
        go.Bar(
            x=[edge + width / 2 for edge in edges[:-1]],
            y=histogram.counts,
            width=width,
            marker={"color": charts.ACCENT, "line": {"width": 0}},
            customdata=list(itertools.pairwise(edges)),
            hovertemplate="%{customdata[0]:.3~g} to %{customdata[1]:.3~g}: %{y:,}<extra></extra>",
        )
    )
    figure.update_layout(
        height=_HEIGHT,
        margin={"l": 0, "r": 0, "t": 8, "b": 8},
        bargap=0,
        xaxis={"title": unit, "fixedrange": True, "range": [0, edges[-1]]},
        yaxis={"title": "clips", "fixedrange": True},
    )
    charts.show(figure, key=key)
    if histogram.n_above:
        st.caption(f"{formatting.count(histogram.n_above, 'clip')} above {edges[-1]:.3g} {unit}.")
