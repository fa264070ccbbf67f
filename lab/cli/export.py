"""`export`: a model for another library, verified to give the same transcripts."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lab.cli.shared import WorkspaceDir, one_line_errors, option
from lab.cli.terminal import Terminal
from lab.core.errors import OptionsError, WorkspaceError
from lab.core.workspace import Workspace

if TYPE_CHECKING:
    from whisper.model import Whisper

    from lab.core.progress import Progress


@one_line_errors()
def export(
    name: Annotated[
        str, typer.Argument(metavar="RUN_OR_MODEL", help="Name or path of a run or a model.")
    ],
    file_format: Annotated[
        str,
        option(
            "FORMAT",
            "openai (for openai-whisper), huggingface (transformers), ctranslate2 "
            "(faster-whisper).",
            "--format",
        ),
    ],
    output_dir: Annotated[Path, option("DIR", "A new or empty folder.")],
    precision: Annotated[
        str, option("NAME", "float32, float16 or, for ctranslate2, int8.")
    ] = "float32",
    dataset: Annotated[
        str, option("NAME", "Dataset to verify with; by default that of the run.")
    ] = "",
    clips: Annotated[
        int, option("N", "Clips to verify with; 0 skips the verification.", min=0, max=500)
    ] = 20,
    workspace: WorkspaceDir = None,
) -> None:
    """Export a model for another library.

    Then verifies it: the library transcribes clips with the exported model, and its transcripts are
    compared with the lab's. DIR gets the model, and proof.json with the result.
    """
    from lab import dataset as datasets
    from lab import export as exporting
    from lab.evaluation import reference_clips
    from lab.export.model_card import build_run_card
    from lab.training.models import find_run, load_model

    place = Workspace.default(workspace)
    exporting.check_target(output_dir, file_format=file_format, precision=precision)
    with Terminal() as terminal:
        progress = terminal.progress(name)
        run = find_run(place, name)
        dataset_name = dataset or (run.config.dataset if run else "")
        reference = []
        if dataset_name and clips:
            try:
                found = datasets.find(place, dataset_name)
                reference = reference_clips.from_dataset(found, clips, on_progress=progress)
            except (OptionsError, WorkspaceError) as error:
                if dataset:
                    raise
                terminal.say(str(error))  # the run's dataset is gone, but not its model

        def load(on_progress: "Progress") -> "Whisper":
            return load_model(place, name, on_progress=on_progress)

        verification = exporting.export_and_verify(
            load,
            output_dir,
            reference,
            file_format=file_format,
            precision=precision,
            card=build_run_card(run) if run else "",
            on_progress=progress,
        )
        terminal.say(f"Wrote {output_dir} for {exporting.FORMATS[file_format].library}.")
        terminal.write(f"{verification.sentence}\n")
