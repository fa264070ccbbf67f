"""Two texts one above the other, with what differs in colour."""

from collections.abc import Iterable
from html import escape

from lab.scoring import Difference, differences

# Names of Streamlit's own colours, which follow the theme; the line tells it without colours.
_STYLES = {
    "delete": "background: rgba(214, 69, 65, 0.22); text-decoration: line-through",
    "insert": "background: rgba(47, 126, 166, 0.28); text-decoration: underline",
    "replace": "background: rgba(214, 150, 20, 0.18)",
}
_CHARACTER = "background: rgba(214, 120, 20, 0.5); border-radius: 2px"


def differences_html(reference: str, hypothesis: str, *, names: tuple[str, str]) -> str:
    """The texts as HTML, for `st.html`; whatever the texts hold is shown as text.

    names: what stands before each of them; ours, not a person's
    """
    found = differences(reference, hypothesis)
    said = _line((one.reference, one) for one in found)
    heard = _line((one.hypothesis, one) for one in found)
    rows = "".join(
        f'<tr><td style="opacity: 0.65; padding: 0.1rem 0.8rem 0.1rem 0; white-space: nowrap; '
        f'vertical-align: top">{escape(name)}</td><td>{text or "&mdash;"}</td></tr>'
        for name, text in zip(names, (said, heard), strict=True)
    )
    return f'<table style="border: none; line-height: 1.7">{rows}</table>'


def _line(words: Iterable[tuple[str, Difference]]) -> str:
    return " ".join(_word(text, one) for text, one in words if text)


def _word(text: str, one: Difference) -> str:
    if one.kind == "equal":
        return escape(text)
    inside = escape(text)
    if one.characters:
        is_reference = text == one.reference
        inside = "".join(
            _character(part.reference if is_reference else part.hypothesis, part.kind)
            for part in one.characters
        )
    return f'<span style="{_STYLES[one.kind]}; border-radius: 3px; padding: 0 2px">{inside}</span>'


def _character(text: str, kind: str) -> str:
    if kind == "equal" or not text:
        return escape(text)
    return f'<span style="{_CHARACTER}">{escape(text)}</span>'
