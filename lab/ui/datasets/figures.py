"""What the clips of a dataset are like together: lengths, rates, letters, words, mistakes."""

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from lab.dataset import statistics
from lab.dataset.statistics import Histogram
from lab.scoring import BASIC, confusions, score, word_accuracy
from lab.ui import words
from lab.ui.charts import ACCENT

_HEIGHT = 260
_WORDS_SHOWN = 5_000


def show_lengths(shown: pd.DataFrame) -> None:
    """How long the clips are, how fast is spoken, and the hours of each split."""
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown("**Length of the clips**")
        _histogram(statistics.histogram(shown["duration"]), "s", key="lengths")
        st.caption("Whisper hears 30 s at once: of longer clips it would learn only the beginning.")
    with right:
        st.markdown("**Characters a second**")
        _histogram(statistics.histogram(shown["rate"]), "characters a second", key="rates")
        st.caption(
            "What lies far from the others often has the text of another clip, or lacks some of it."
        )
    parts = statistics.summary(shown).splits
    st.dataframe(
        pd.DataFrame(
            {
                "Split": [part.name or "in none" for part in parts],
                "Clips": [part.n_clips for part in parts],
                "Length": [words.length(part.duration_s) for part in parts],
                "With text": [part.n_with_text for part in parts],
                "Speakers": [part.n_speakers or None for part in parts],
            }
        ),
        hide_index=True,
        key="split_figures",
    )


def show_alphabet(shown: pd.DataFrame) -> None:
    """All characters of the texts: what does not belong there is seldom."""
    letters = statistics.alphabet(shown["text"])
    table = pd.DataFrame(
        {
            "Character": [one.character for one in letters],
            "Name": [one.name.capitalize() for one in letters],
            "Count": [one.count for one in letters],
            "Clips": [one.n_clips for one in letters],
        }
    )
    st.caption(
        f"{words.count(len(letters), 'character')}. Those at the end are often slips: sort by "
        'count, and filter with `"x" in text` to see their clips.'
    )
    st.dataframe(table, hide_index=True, key="alphabet")


def show_vocabulary(shown: pd.DataFrame) -> None:
    """All words of the texts, and how many occur only once."""
    found = statistics.vocabulary(shown["text"])
    st.caption(
        f"{found.n_words:,} words, {len(found.words):,} different ones, of which "
        f"{found.share_once:.0%} occur only once: in those look for slips of the pen."
    )
    is_once = st.toggle("Only words that occur once", key="words_once", persist_state="session")
    listed = [one for one in found.words if one.count == 1] if is_once else found.words
    table = pd.DataFrame(
        {
            "Word": [one.word for one in listed],
            "Count": [one.count for one in listed],
            "Clips": [one.n_clips for one in listed],
        }
    )
    _long_table(table, "words.csv", key="vocabulary")


def show_mistakes(shown: pd.DataFrame) -> None:
    """Of clips with texts and predictions: error rates, and what was taken for what."""
    heard = shown[shown["wer"].notna()]
    if heard.empty:
        st.info("None of these clips has both a text and a prediction.", icon=":material/hearing:")
        return
    pairs = [
        (BASIC(text), BASIC(prediction))
        for text, prediction in zip(heard["text"], heard["prediction"], strict=True)
    ]
    _rates(heard, len(shown))
    left, middle, right = st.columns(3, gap="medium")
    with left:
        st.markdown("**Letters taken for others**")
        found = confusions(pairs, unit="character")
        _confusions([(one.reference, one.hypothesis, one.count) for one in found], "letters")
    with middle:
        st.markdown("**Words taken for others**")
        found = confusions(pairs, unit="word")
        _confusions([(one.reference, one.hypothesis, one.count) for one in found], "words")
    with right:
        st.markdown("**Words missed most often**")
        accuracies = word_accuracy(pairs)
        table = pd.DataFrame(
            {
                "Word": [one.word for one in accuracies],
                "Said": [one.count for one in accuracies],
                "Understood": [one.accuracy for one in accuracies],
            }
        )
        st.dataframe(
            table.head(_WORDS_SHOWN),
            hide_index=True,
            key="word_accuracy",
            column_config={"Understood": st.column_config.NumberColumn(format="percent")},
        )


def _rates(heard: pd.DataFrame, n_shown: int) -> None:
    total = score(heard["text"].tolist(), heard["prediction"].tolist(), BASIC)
    row = st.columns(4)
    row[0].metric("WER", f"{total.wer:.1%}", border=True, help="Word error rate: 0 % is perfect")
    row[1].metric("CER", f"{total.cer:.1%}", border=True, help="The same by character")
    row[2].metric("Words", f"{total.words.n_reference:,}", border=True)
    row[3].metric("Clips", f"{len(heard):,} of {n_shown:,}", border=True)
    st.caption(
        f"{total.words.substitutions:,} words were taken for others, {total.words.deletions:,} "
        f"left out, {total.words.insertions:,} made up. Capitals and punctuation do not count."
    )


def _confusions(found: Sequence[tuple[str, str, int]], key: str) -> None:
    table = pd.DataFrame(
        {
            "Said": [said or "(nothing)" for said, _, _ in found],
            "Heard": [heard or "(nothing)" for _, heard, _ in found],
            "Count": [count for *_, count in found],
        }
    )
    st.dataframe(table.head(_WORDS_SHOWN), hide_index=True, key=f"confused_{key}")


def _long_table(table: pd.DataFrame, file_name: str, *, key: str) -> None:
    st.dataframe(table.head(_WORDS_SHOWN), hide_index=True, key=key)
    if len(table) > _WORDS_SHOWN:
        st.caption(f"The first {_WORDS_SHOWN:,} are shown; the file has all.")
    st.download_button(
        "csv",
        data=lambda: table.to_csv(index=False).encode("utf-8-sig"),
        file_name=file_name,
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
        key=f"{key}_csv",
    )


def _histogram(found: Histogram, unit: str, *, key: str) -> None:
    width = found.edges[1] - found.edges[0]
    figure = go.Figure(
        go.Bar(
            x=[edge + width / 2 for edge in found.edges[:-1]],
            y=found.counts,
            width=width,
            marker={"color": ACCENT, "line": {"width": 0}},
            customdata=list(zip(found.edges[:-1], found.edges[1:], strict=True)),
            hovertemplate="%{customdata[0]:.3~g} to %{customdata[1]:.3~g}: %{y:,}<extra></extra>",
        )
    )
    figure.update_layout(
        height=_HEIGHT,
        margin={"l": 0, "r": 0, "t": 8, "b": 8},
        bargap=0,
        xaxis={"title": unit, "fixedrange": True, "range": [0, found.edges[-1]]},
        yaxis={"title": "clips", "fixedrange": True},
    )
    st.plotly_chart(figure, config={"displayModeBar": False}, key=key)
    if found.n_above:
        st.caption(f"{words.count(found.n_above, 'clip')} beyond {found.edges[-1]:.3g} {unit}.")
