"""Names that stored files had in earlier versions, and what they are called now.

Files are always written with the current names; both are read. A name that is not in the table of
its kind of file is passed through, so that what a file really holds is checked by its reader.
"""

from collections.abc import Mapping
from typing import Any

# Kind of file: old name → current name.
RENAMED: Mapping[str, Mapping[str, str]] = {}


def current_names(kind: str, content: Mapping[str, Any]) -> dict[str, Any]:
    """The same content under current names; where both are there, the current one counts.

    kind: of file, a key of `RENAMED`, such as "config.yaml"
    """
    renamed = RENAMED[kind]
    return {renamed.get(key, key): value for key, value in content.items()} | {
        key: value for key, value in content.items() if key in renamed.values()
    }
