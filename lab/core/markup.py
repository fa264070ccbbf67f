"""Escaping of untrusted text for Markdown."""

_SPECIAL_CHARACTERS = frozenset("\\`*_{}[]()<>#+-.!|~:$&^=\"'@/")


def escape(text: str) -> str:
    """Escape `text` so that Markdown shows exactly that text, on one line."""
    escaped = "".join(
        f"\\{character}" if character in _SPECIAL_CHARACTERS else character for character in text
    )
    return " ".join(escaped.split())
