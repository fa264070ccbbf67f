"""Two texts above each other, with their differences highlighted."""

from html import escape

from lab.scoring import Difference, differences

# Lines as well as colours, for people who cannot tell the colours apart.
_STYLES = {
    "delete": "background: rgba(214, 69, 65, 0.22); text-decoration: line-through",
    "insert": "background: rgba(47, 126, 166, 0.28); text-decoration: underline",
    "replace": "background: rgba(214, 150, 20, 0.18)",
}
_CHARACTER = "background: rgba(214, 120, 20, 0.5); border-radius: 2px"


def differences_html(reference: str, hypothesis: str, *, names: tuple[str, str]) -> str:
    """The texts and their differences as HTML for `st.html`; the texts themselves are escaped.

    names: labels of the two texts
    """
    compared = differences(reference, hypothesis)
    lines = (
        " ".join(_word(one.reference, one) for one in compared if one.reference),
        " ".join(_word(one.hypothesis, one) for one in compared if one.hypothesis),
    )
    rows = "".join(
        f'<tr><td style="opacity: 0.65; padding: 0.1rem 0.8rem 0.1rem 0; white-space: nowrap; '
        f'vertical-align: top">{escape(name)}</td><td>{text or "&mdash;"}</td></tr>'
        for name, text in zip(names, lines, strict=True)
    )
    return f'<table style="border: none; line-height: 1.7">{rows}</table>'


def _word(text: str, difference: Difference) -> str:
    if difference.kind == "equal":
        return escape(text)
    inside = escape(text)
    if difference.characters:
        is_reference = text == difference.reference
        inside = "".join(
            _character(part.reference if is_reference else part.hypothesis, part.kind)
            for part in difference.characters
        )
    style = f"{_STYLES[difference.kind]}; border-radius: 3px; padding: 0 2px"
    return f'<span style="{style}">{inside}</span>'


def _character(text: str, kind: str) -> str:
    if kind == "equal" or not text:
        return escape(text)
    return f'<span style="{_CHARACTER}">{escape(text)}</span>'
