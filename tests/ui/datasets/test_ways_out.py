"""The rooms Clean, Split and Export, run without a browser."""

import zipfile
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Button

from lab import dataset
from lab.core.workspace import Workspace
from lab.dataset import SPLITS, Dataset
from lab.dataset.exporting import list_exports


@pytest.fixture
def made(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    monkeypatch.setenv("LAB_WORKSPACE", str(workspace.root))
    names = [(f"{number}.wav", b"%d" % number) for number in range(20)]
    made, _ = dataset.add(workspace, "shqip", names, language="sq")
    made.change(
        [
            (entry, replace(entry, transcription=f"[qesh] Fjalia *{number}*", speaker="Ana"))
            for number, entry in enumerate(made.entries())
        ],
        what="corrected",
    )
    return made


def room(module: str, function: str) -> AppTest:
    """A page that shows a room and nothing else."""
    app = AppTest.from_string(
        f"from lab.ui.datasets.{module} import {function}\n"
        "from lab import dataset\n"
        "from lab.core.workspace import Workspace\n"
        "workspace = Workspace.default()\n"
        f"{function}(workspace, dataset.find(workspace, 'shqip'))\n",
        default_timeout=60,
    ).run()
    assert not app.exception
    return app


def button(app: AppTest, beginning: str) -> Button:
    return next(one for one in app.button if one.label.startswith(beginning))


def test_a_split_is_shown_done_and_undone(made: Dataset) -> None:
    app = room("splitting", "show_split")
    assert "One speaker has all of the speech" in app.warning[0].value
    assert list(app.dataframe[0].value["Proposed"]) == [16, 2, 2]
    button(app, "Split 20 clips").click().run()
    assert not app.exception
    assert {entry.split for entry in made.entries()} == set(SPLITS)
    assert button(app, "It is split like this").disabled
    button(app, "Undo").click().run()
    assert {entry.split for entry in made.entries()} == {""}
    app.number_input(key="split_Validation").set_value(0).run()
    assert list(app.dataframe[0].value["Proposed"]) == [18, 0, 2]


def test_texts_are_cleaned_and_put_back(made: Dataset) -> None:
    app = room("cleaning", "show_clean")
    assert any("**20 places**" in one.value for one in app.markdown)
    assert any("numbers in digits" in one.label for one in app.expander)
    before = [entry.transcription for entry in made.entries()]
    button(app, "Clean 20 texts").click().run()
    assert not app.exception
    assert made.entries()[3].transcription == "Fjalia *3*"
    assert "clean" in app.success[0].value
    button(app, "Undo").click().run()
    assert [entry.transcription for entry in made.entries()] == before
    app.toggle(key="clean_notes").set_value(False).run()
    assert button(app, "Clean 20 texts")  # brackets are still to go
    app.toggle(key="clean_brackets").set_value(False).run()
    assert "clean" in app.success[0].value


def test_somebody_elses_change_is_not_written_over(made: Dataset) -> None:
    app = room("cleaning", "show_clean")
    entry = made.entries()[0]
    made.change([(entry, replace(entry, transcription="tjetër"))], what="corrected")
    button(app, "Clean 20 texts").click().run()
    assert made.entries()[0].transcription == "tjetër"
    assert len(app.error) == 1


def test_a_zip_is_packed_offered_and_deleted(made: Dataset, workspace: Workspace) -> None:
    app = room("exporting", "show_export")
    app.text_input(key="export_filter").set_value('text == "[qesh] Fjalia *3*"').run()
    button(app, "Pack 1 clip").click().run()
    while not list_exports(workspace, made):
        app.run()
    app.run()
    assert not app.exception
    (path,) = list_exports(workspace, made)
    with zipfile.ZipFile(path) as zipped:
        assert len([name for name in zipped.namelist() if name.startswith("audio/")]) == 1
    button(app, "Delete").click().run()
    assert list_exports(workspace, made) == []
    app.text_input(key="export_filter").set_value("import os").run()
    assert len(app.error) == 1
    assert button(app, "Pack 0 clips").disabled
