"""Names and texts that people gave, in Markdown, as nothing but text."""

_SIGNS = frozenset("\\`*_{}[]()<>#+-.!|~:$&^=\"'@/")


def plain(text: str) -> str:
    """`text` on one line, as Markdown that shows exactly that text."""
    escaped = "".join(f"\\{character}" if character in _SIGNS else character for character in text)
    return " ".join(escaped.split())
