"""The Clean, Split and Export tabs, without a browser."""

import zipfile
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Button

from lab import dataset
from lab.core.workspace import Workspace
from lab.dataset import SPLITS, Dataset
from lab.dataset.export import list_exports


@pytest.fixture
def made(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    monkeypatch.setenv("LAB_WORKSPACE", str(workspace.root))
    names = [(f"{number}.wav", b"%d" % number) for number in range(20)]
    made, _ = dataset.add(workspace, "shqip", names, language="sq")
    made.change(
        [
            (entry, replace(entry, transcription=f"[qesh] Fjalia *{number}*", speaker="Ana"))
            for number, entry in enumerate(made.clips())
        ],
        what="corrected",
    )
    return made


def open_tab(module: str, function: str) -> AppTest:
    """A page with one tab only."""
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


def test_a_split_is_proposed_applied_and_undone(made: Dataset) -> None:
    app = open_tab("split_tab", "show_split")
    assert "One speaker has all of the speech" in app.warning[0].value
    assert list(app.dataframe[0].value["Proposed clips"]) == [16, 2, 2]
    button(app, "Split 20 clips").click().run()
    assert not app.exception
    assert {entry.split for entry in made.clips()} == set(SPLITS)
    assert button(app, "Already split this way").disabled
    button(app, "Undo").click().run()
    assert {entry.split for entry in made.clips()} == {""}
    app.number_input(key="split_Validation").set_value(0).run()
    assert list(app.dataframe[0].value["Proposed clips"]) == [18, 0, 2]


def test_texts_are_cleaned_and_restored(made: Dataset) -> None:
    app = open_tab("clean_tab", "show_clean")
    assert any("**20 changes**" in one.value for one in app.markdown)
    assert any("numbers in digits" in one.label for one in app.expander)
    before = [entry.transcription for entry in made.clips()]
    button(app, "Clean 20 texts").click().run()
    assert not app.exception
    assert made.clips()[3].transcription == "Fjalia *3*"
    assert "Nothing left to clean" in app.success[0].value
    button(app, "Undo").click().run()
    assert [entry.transcription for entry in made.clips()] == before
    app.toggle(key="clean_notes").set_value(False).run()
    assert button(app, "Clean 20 texts")  # the brackets are still removed
    app.toggle(key="clean_brackets").set_value(False).run()
    assert "Nothing left to clean" in app.success[0].value


def test_another_editors_change_is_not_overwritten(made: Dataset) -> None:
    app = open_tab("clean_tab", "show_clean")
    entry = made.clips()[0]
    made.change([(entry, replace(entry, transcription="tjetër"))], what="corrected")
    button(app, "Clean 20 texts").click().run()
    assert made.clips()[0].transcription == "tjetër"
    assert len(app.error) == 1


def test_a_zip_is_exported_offered_and_deleted(made: Dataset, workspace: Workspace) -> None:
    app = open_tab("export_tab", "show_export")
    app.text_input(key="export_filter").set_value('text == "[qesh] Fjalia *3*"').run()
    button(app, "Export 1 clip").click().run()
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
    assert button(app, "Export 0 clips").disabled
