"""The Train page, without a browser. Real training is in `test_train_journey.py`."""

import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest
import torch
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Button

from lab import dataset as datasets
from lab.core.errors import OptionsError
from lab.core.workspace import Workspace, write_json
from lab.health import CheckResult, HealthReport
from lab.health.report import FILE_NAME, write_report
from lab.training import runs
from lab.training.config import DEFAULTS, SOURCE_LAB, Architecture, Augmentation, Config
from lab.training.estimate import Estimate
from lab.training.run import Run
from lab.ui.server import server
from lab.ui.training.settings import ADVANCED
from tests.support.paths import ROOT
from tests.support.runs_on_disk import evaluate_done, run_of, shqip
from tests.support.waiting import wait_for
from tests.support.whispers import SMALL, payload, talking_model


@pytest.fixture(autouse=True)
def _own_workspace(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_WORKSPACE", str(workspace.root))


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Run]:
    """The runs that the page starts, without a training process."""
    found: list[Run] = []
    monkeypatch.setattr("lab.jobs.start_run.start", found.append)
    return found


def open_page(**query: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60).run()
    app.query_params.update(query)
    return done(app.switch_page("pages/5_Train.py").run())


def done(app: AppTest) -> AppTest:
    assert not app.exception
    return app


def button(app: AppTest, label: str) -> Button:
    return next(one for one in app.button if one.label == label)


def labels(app: AppTest) -> list[str]:
    return [one.label for one in app.button]


def all_of(app: AppTest) -> str:
    kinds = (app.markdown, app.caption, app.error, app.info, app.warning, app.success)
    return "\n".join(one.value for kind in kinds for one in kind).replace("\\", "")


def html(app: AppTest) -> str:
    return "\n".join(one.proto.body for one in app.get("html"))


def test_the_page_opens_without_loading_torch(workspace: Workspace) -> None:
    run_of(workspace, state="stopped")
    shqip(workspace)
    program = (
        "import sys\n"
        "from streamlit.testing.v1 import AppTest\n"
        "for tab in ('New run', 'Runs', 'Evaluate'):\n"
        f"    app = AppTest.from_file({str(ROOT / 'streamlit_app.py')!r}, default_timeout=60)\n"
        "    app.run().query_params['train'] = tab\n"
        "    app.switch_page('pages/5_Train.py').run()\n"
        "    assert not app.exception, app.exception\n"
        "assert 'torch' not in sys.modules, 'torch'\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_without_a_dataset_each_tab_says_what_to_do() -> None:
    assert "no dataset to train on" in all_of(open_page())
    assert "No runs yet" in all_of(open_page(train="Runs"))
    assert "no dataset to evaluate a model on" in all_of(open_page(train="Evaluate"))


def test_every_setting_has_a_help_text() -> None:
    for kind in (Config, Architecture, Augmentation):
        texts = [info.help_text for info in kind.schema().values()]
        assert all(text[0].isupper() and text.endswith(".") for text in texts)


def test_the_run_has_the_settings_of_the_widgets(workspace: Workspace, started: list[Run]) -> None:
    shqip(workspace)
    app = open_page()
    app.number_input(key="train_epochs").set_value(7)
    app.number_input(key="train_learning_rate").set_value(2e-5)
    app.session_state[ADVANCED] = True
    app.run().number_input(key="train_patience").set_value(5)
    app.selectbox(key="train_trainable").set_value("lora").run()
    # Switching to another tab and back loses nothing.
    app.segmented_control(key="train").set_value("Evaluate").run()
    app.segmented_control(key="train").set_value("New run").run()
    button(done(app), "Start training").click().run()
    (run,) = started
    wanted = Config(dataset="shqip", epochs=7, learning_rate=2e-5, patience=5, trainable="lora")
    assert run.config == wanted
    done(app)
    assert app.segmented_control(key="train").value == "Runs"
    assert app.query_params["run"] in (run.name, [run.name])


def test_presets_and_files_fill_the_widgets(workspace: Workspace, started: list[Run]) -> None:
    shqip(workspace)
    app = open_page()
    button(app, "Source lab").click().run()
    assert app.number_input(key="train_batch_size").value == SOURCE_LAB.batch_size
    file = "epochs: 2\naugmentation: {noise: 1}\narchitecture: {layers: 2, heads: 2, width: 64}\n"
    app.file_uploader(key="upload_config.yaml").upload("config.yaml", file.encode()).run()
    button(done(app), "Start training").click().run()
    config = started[0].config
    assert config.architecture == Architecture(layers=2, heads=2, hidden_size=64)
    assert (config.epochs, config.augmentation.noise_probability) == (2, 1.0)
    assert config.batch_size == DEFAULTS.batch_size


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("epochs: many", "epochs"),
        ("- 3", "“name: value” lines"),
        ("model: no-such-model", "no-such-model"),
        ("!!python/object/apply:os.system ['true']", "YAML"),
    ],
)
def test_an_invalid_settings_file_is_refused(workspace: Workspace, file: str, said: str) -> None:
    shqip(workspace)
    app = open_page()
    app.file_uploader(key="upload_config.yaml").upload("config.yaml", file.encode()).run()
    assert said in done(app).error[0].value.replace("\\", "")
    assert app.number_input(key="train_epochs").value == DEFAULTS.epochs


def test_contradictory_settings_cannot_be_started(workspace: Workspace) -> None:
    shqip(workspace)
    app = open_page()
    app.toggle(key="train_own").set_value(True).run()
    app.number_input(key="train_architecture_heads").set_value(7).run()
    assert "multiple of 2 × heads" in done(app).error[0].value
    assert "Start training" not in labels(app)


def test_an_unwise_learning_rate_causes_a_warning(workspace: Workspace) -> None:
    shqip(workspace)
    app = open_page()
    app.number_input(key="train_learning_rate").set_value(3e-3).run()
    assert "150 times the recommended one for this model (2e-05)" in all_of(done(app))


def test_the_recommended_learning_rate_depends_on_the_model(workspace: Workspace) -> None:
    shqip(workspace)
    workspace.models_dir.mkdir(parents=True)
    torch.save(payload(talking_model(SMALL)), workspace.models_dir / "own.pt")
    app = open_page()
    app.session_state["train_model"] = "own"
    app.number_input(key="train_learning_rate").set_value(3e-3).run()
    assert "100 times the recommended one for this model (3e-05)" in all_of(done(app))


def test_a_dataset_without_splits_is_split_first(workspace: Workspace, started: list[Run]) -> None:
    made = shqip(workspace, is_split=False)
    app = open_page()
    assert "has no splits yet" in all_of(app)
    app.text_input(key="train_name").set_value("base").run()
    button(app, "Start training").click().run()
    assert "There is already a model called “base”" in all_of(app)
    assert not any(entry.split for entry in made.clips())
    app.text_input(key="train_name").set_value("").run()
    button(app, "Start training").click().run()
    assert started
    assert {entry.split for entry in made.clips()} == {"train", "validation", "test"}


def test_a_dataset_without_validation_clips_cannot_be_trained_on(workspace: Workspace) -> None:
    made = shqip(workspace)
    validation = [one for one in made.clips() if one.split == "validation"]
    made.change([(one, replace(one, split="train")) for one in validation], what="split")
    app = open_page()
    assert "no usable clip in the split “validation”" in all_of(app)
    assert button(app, "Start training").disabled
    assert button(app, "Estimate time and memory").disabled


def test_an_estimate_is_shown_until_the_settings_change(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    shqip(workspace)
    found = Estimate(
        *(130.0, 2_500_000_000, 1_000_000_000, (0.5, 2.0), "*CPU*", 1e-5, 6, 2, 3),
        left_out=("2 clips without a text",),
        warnings=("Hardly wise.",),
    )
    monkeypatch.setattr("lab.jobs.estimate.estimate_training", lambda *_, **__: found)
    app = open_page()
    button(app, "Estimate time and memory").click().run()
    deadline = time.monotonic() + 30
    while "Epochs:" not in all_of(done(app.run())):
        assert time.monotonic() < deadline
    assert app.metric[0].value == "about 2 min"
    assert "on *CPU*" in all_of(app)
    assert "not enough free memory" in all_of(app)
    assert "does not include the final evaluation and the regression check" in all_of(app)
    app.number_input(key="train_epochs").set_value(2).run()
    assert "settings have changed" in all_of(done(app))


def test_serious_findings_are_shown_before_the_start(workspace: Workspace) -> None:
    made = shqip(workspace)
    made.audio_path(made.clips()[0]).unlink()
    assert "serious problem" in all_of(open_page())


def test_augmentation_is_previewed_before_and_after(workspace: Workspace) -> None:
    shqip(workspace)
    page = (
        "from lab.training.config import Augmentation\n"
        "from lab.ui.training.augmentation_preview import show_augmentation\n"
        "from lab.core.workspace import Workspace\n"
        "augmentation = Augmentation(noise_probability=1.0, time_masks=2)\n"
        "show_augmentation(Workspace.default(), 'shqip', augmentation)\n"
    )
    app = done(AppTest.from_string(page, default_timeout=60).run())
    first = [one.proto.url for one in app.get("audio")]
    assert len(set(first)) == 2
    assert len(app.get("plotly_chart")) == 2
    button(app, "Try another clip").click().run()
    assert {one.proto.url for one in done(app).get("audio")}.isdisjoint(first)


def test_visitors_of_a_public_server_are_limited_to_small_runs(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB_MODE", "public")
    token = "0" * 32
    monkeypatch.setattr("lab.ui.visitors._read_cookie", lambda: token)
    mine = Workspace(workspace.root / "visitors" / token)
    shqip(mine)
    app = open_page()
    assert not button(app, "Start training").disabled
    app.number_input(key="train_epochs").set_value(50).run()
    assert button(done(app), "Start training").disabled
    app.number_input(key="train_epochs").set_value(1)
    app.session_state[ADVANCED] = True
    app.run().number_input(key="train_validate_every_steps").set_value(1).run()
    assert "to their defaults: Validation interval (steps)." in all_of(done(app))
    assert button(app, "Start training").disabled
    button(app, "Defaults").click().run()
    assert not button(done(app), "Start training").disabled
    other = Workspace(workspace.root / "visitors" / ("1" * 32))
    runs.create(other, Config(dataset="a")).enqueue()
    assert button(done(app.run()), "Start training").disabled


def test_a_run_shows_its_progress_and_the_actions_available(workspace: Workspace) -> None:
    run = run_of(workspace, state="stopped", step=3, total_steps=10)
    app = open_page(run=run.name, train="Runs")
    assert "Start" in labels(app)
    assert "Stop" not in labels(app)
    assert "30%" in app.get("progress")[0].proto.text
    assert "&lt;" in html(app)
    assert "<script" not in html(app)
    run.enqueue()
    app = open_page(run=run.name, train="Runs")
    assert "Stop" in labels(app)
    assert "Delete permanently" not in labels(app)
    button(app, "Stop").click().run()
    assert run.stop_requested


def test_a_failed_run_shows_its_error_and_can_be_deleted(workspace: Workspace) -> None:
    run = run_of(workspace, state="failed", error="The *disk* is full. Free some space.")
    app = open_page(train="Runs")
    assert "The *disk* is full" in all_of(app)
    button(app, "Delete permanently").click().run()
    assert "No runs yet" in all_of(done(app))
    assert not run.folder.exists()
    assert "No runs yet" in all_of(open_page(train="Runs", run="../../etc"))


def test_a_new_run_can_start_with_the_settings_of_another(
    workspace: Workspace, started: list[Run]
) -> None:
    shqip(workspace)
    config = Config(dataset="shqip", epochs=9, architecture=Architecture(layers=2))
    runs.create(workspace, config, name="like-this")
    app = open_page(train="Runs")
    button(app, "New run with these settings").click().run()
    button(done(app), "Start training").click().run()
    assert started[0].config == config
    assert started[0].name != "like-this"
    runs.delete(runs.find(workspace, "like-this"))
    runs.create(workspace, Config(dataset="shqip", model="gone", epochs=9), name="like-this")
    app = open_page(train="Runs", run="like-this")
    button(app, "New run with these settings").click().run()
    assert "fine-tuned from the model “gone”, which no longer exists" in all_of(done(app))
    assert app.selectbox(key="train_model").value == DEFAULTS.model
    assert app.number_input(key="train_epochs").value == 9


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU computes in every precision")
def test_an_unsupported_precision_is_not_offered(workspace: Workspace) -> None:
    shqip(workspace)
    runs.create(workspace, Config(dataset="shqip", precision="float16", epochs=9), name="elsewhere")
    app = open_page(train="Runs", run="elsewhere")
    button(app, "New run with these settings").click().run()
    assert "uses float16, which this machine does not support" in all_of(done(app))
    app.session_state[ADVANCED] = True
    app.run()
    chosen = app.selectbox(key="train_precision")
    assert chosen.value == "auto"
    assert "Float16" not in chosen.options
    assert "Float32" in chosen.options
    assert app.number_input(key="train_epochs").value == 9
    app.file_uploader(key="upload_config.yaml").upload("config.yaml", b"precision: float16").run()
    assert "does not support float16. Use" in all_of(app)
    assert app.selectbox(key="train_precision").value == "auto"


def test_an_alias_selects_its_model(workspace: Workspace) -> None:
    shqip(workspace)
    run = runs.create(workspace, Config(dataset="shqip", model="turbo"), name="fast")
    app = open_page(train="Runs", run=run.name)
    button(app, "New run with these settings").click().run()
    assert app.selectbox(key="train_model").value == "large-v3-turbo"
    app.file_uploader(key="upload_config.yaml").upload("config.yaml", b"model: large").run()
    assert app.selectbox(key="train_model").value == "large-v3"
    assert not done(app).error


def test_a_finished_run_shows_scores_clips_and_errors(workspace: Workspace) -> None:
    made = shqip(workspace)
    run = run_of(workspace, state="done")
    evaluate_done(run, made)
    app = open_page(run=run.name, train="Runs")
    assert "Better, and statistically significant" in app.success[0].value.replace("\\", "")
    table = app.dataframe[0].value.set_index("Model")
    assert table["WER basic"]["shqip-1"] < table["WER basic"]["base"]
    view = app.segmented_control(key=f"report_view_run_{run.name}")
    view.set_value("Clips").run()
    assert "&lt;" in html(done(app))
    assert "<b>" not in html(app)
    app.segmented_control(key=f"report_view_run_{run.name}").set_value("Errors").run()
    app.segmented_control(key=f"report_model_run_{run.name}").set_value("base").run()
    confused = done(app).dataframe[0].value
    assert ("ë", "e") in set(zip(confused["Text"], confused["Prediction"], strict=True))
    datasets.delete(made)  # the report stays
    assert "Better" in all_of(open_page(run=run.name, train="Runs"))


def test_the_custom_normalizer_changes_the_custom_scores_only(workspace: Workspace) -> None:
    run = run_of(workspace, state="done")
    evaluate_done(run, shqip(workspace))
    app = open_page(run=run.name, train="Runs")
    before = app.dataframe[0].value.set_index("Model")
    app.toggle(key=f"custom_diacritics_run_{run.name}").set_value(True).run()
    after = done(app).dataframe[0].value.set_index("Model")
    assert after["WER custom"]["base"] < before["WER custom"]["base"]
    assert after["WER basic"]["base"] == before["WER basic"]["base"]
    app.text_input(key=f"custom_replacements_run_{run.name}").set_value("nonsense").run()
    assert "nonsense" in done(app).error[0].value


def test_a_damaged_evaluation_does_not_hide_the_model(
    workspace: Workspace,
) -> None:
    run = run_of(workspace, state="done")
    evaluate_done(run, shqip(workspace))
    (run.folder / "evaluation.json").write_text("{", encoding="utf-8")
    app = open_page(run=run.name, train="Runs")
    assert "cannot be read" in all_of(app)
    assert "Publish" in labels(app)


def test_the_regression_check_shows_its_result(workspace: Workspace) -> None:
    shqip(workspace)
    run = run_of(workspace, state="done")
    check = CheckResult("silence", "Silence", "red", "words", 12.0, 0.0, "It makes up words.")
    write_report(HealthReport(run.name, "base", (check,)), run.folder / FILE_NAME)
    app = open_page(run=run.name, train="Runs")
    assert "has regressed compared with base: silence" in app.error[0].value.replace("\\", "")
    assert "It makes up words." in all_of(app)
    unknown = replace(check, state="grey", sentence="Nothing to compare with.")
    write_report(HealthReport(run.name, "base", (unknown,)), run.folder / FILE_NAME)
    app = open_page(run=run.name, train="Runs")
    assert not [*app.success, *app.error]
    assert "Inconclusive" in all_of(app)
    (run.folder / FILE_NAME).write_text("[]", encoding="utf-8")
    app = open_page(run=run.name, train="Runs")
    assert "is not a JSON object" in all_of(app)
    assert "Publish" in labels(app)


def test_an_export_and_its_run_cannot_be_deleted_while_it_is_verified(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_of(workspace, state="done")
    write_json(run.provenance_path, {"languages": ["sq"]})
    is_exported, continues = threading.Event(), threading.Event()

    def transcribe(*_: object) -> list[str]:
        is_exported.set()
        continues.wait(30)
        return []

    monkeypatch.setattr("lab.export.verification.transcribe", transcribe)
    app = open_page(run=run.name, train="Runs")
    button(app, "Export and verify").click().run()
    assert is_exported.wait(30)
    app = open_page(run=run.name, train="Runs")
    try:
        assert "is being verified now" in all_of(app)
        assert "Not verified" not in all_of(app)
        assert all(one.disabled for one in app.button if one.label == "Delete")
        assert "Delete permanently" not in labels(app)
        with pytest.raises(OptionsError, match="still in use"):
            runs.delete(run)
    finally:
        continues.set()
    (job,) = server().run_tasks.jobs(workspace)
    wait_for(server().run_tasks, workspace, job.id)
    app = open_page(run=run.name, train="Runs")
    assert "there are no clips to transcribe" in all_of(app)
    assert "Delete permanently" in labels(app)
    assert any('language="sq"' in one.value for one in app.code)
    torch.save(payload(talking_model(SMALL, seed=1)), run.model_path)
    app = open_page(run=run.name, train="Runs")
    assert not app.code
    assert not button(app, "Export and verify").disabled


def test_the_best_checkpoint_of_a_stopped_run_can_be_used(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_of(workspace, state="stopped")
    app = open_page(run=run.name, train="Runs")
    assert not {"Use the best checkpoint", "Publish"} & set(labels(app))
    run.best_checkpoint.parent.mkdir()
    run.best_checkpoint.touch()

    def keep_best_checkpoint(kept: Run, **_: object) -> None:
        torch.save(payload(talking_model(SMALL)), kept.model_path)

    monkeypatch.setattr("lab.training.run_model.keep_best_checkpoint", keep_best_checkpoint)
    button(done(app.run()), "Use the best checkpoint").click().run()
    (job,) = server().run_tasks.jobs(workspace)
    wait_for(server().run_tasks, workspace, job.id)
    assert {"Publish", "Resume", "Start"} & set(labels(done(app.run()))) == {"Publish", "Start"}
    assert "Use the best checkpoint" not in labels(app)
