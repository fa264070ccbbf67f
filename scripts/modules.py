"""Write docs/modules.md: every module of `lab` with the first line of its docstring.

    python -m scripts.modules

A test fails when the page is out of date.
"""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "modules.md"


def page() -> str:
    """The page as it should be now."""
    lines = [
        "# Modules",
        "",
        "Every module with its one purpose, written by `python -m scripts.modules`.",
    ]
    folder = None
    for path in sorted((ROOT / "lab").rglob("*.py"), key=lambda path: (path.parent, path.name)):
        if path.parent != folder:
            folder = path.parent
            lines += ["", f"## {folder.relative_to(ROOT).as_posix()}/", ""]
            if (folder / "__init__.py").exists():
                lines += [_purpose(folder / "__init__.py"), "", "| Module | Purpose |", "|---|---|"]
        if path.name != "__init__.py":
            lines.append(f"| `{path.name}` | {_purpose(path)} |")
    return "\n".join(lines) + "\n"


def _purpose(path: Path) -> str:
    """The first sentence of a module's docstring, which may take two lines."""
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return " ".join(docstring.split("\n\n")[0].split()).replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
