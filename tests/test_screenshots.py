"""The README's screenshots are exactly those that the script takes."""

import re

from scripts.screenshots import SCREENSHOTS
from tests.support.paths import ROOT


def test_the_script_takes_each_screenshot_of_the_readme() -> None:
    shown = re.findall(r"\]\(docs/(\w+)\.png\)", (ROOT / "README.md").read_text("utf-8"))
    files = [path.stem for path in (ROOT / "docs").glob("*.png")]
    assert sorted(shown) == sorted(files) == sorted(SCREENSHOTS)
