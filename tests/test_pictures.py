"""Each picture of the README can be taken again."""

import re

from scripts.pictures import PICTURES
from tests.support.paths import ROOT


def test_the_pictures_that_are_shown_are_those_that_the_script_takes() -> None:
    shown = re.findall(r"\]\(docs/(\w+)\.png\)", (ROOT / "README.md").read_text("utf-8"))
    there = [path.stem for path in (ROOT / "docs").glob("*.png")]
    assert sorted(shown) == sorted(there) == sorted(PICTURES)
