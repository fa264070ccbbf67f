"""`export`: a model for other programs, with the proof that it is the same model."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lab.cli.shared import WorkspaceDir, mistakes_in_one_line
from lab.cli.terminal import Terminal
from lab.core.errors import OptionsError, WorkspaceError
from lab.core.workspace import Workspace

if TYPE_CHECKING:
    from whisper.model import Whisper

    from lab.core.progress import Progress

_FORMATS = ("openai", "huggingface", "ctranslate2")


@mistakes_in_one_line()
def export(
    named: Annotated[
        str, typer.Argument(metavar="RUN_OR_MODEL", help="A run, a model, or the path of one.")
    ],
    file_format: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help=f"{', '.join(_FORMATS)}.")
    ],
    output_dir: Annotated[
        Path, typer.Option(metavar="DIR", help="The folder that the export becomes.")
    ],
    precision: Annotated[
        str,
        typer.Option(metavar="NAME", help="float32, float16, or for ctranslate2 also int8."),
    ] = "float32",
    dataset: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="Whose clips prove it; without it those that a run was tested on."
        ),
    ] = "",
    clips: Annotated[
        int, typer.Option(metavar="N", min=0, max=500, help="Clips of the proof; 0 proves nothing.")
    ] = 20,
    workspace: WorkspaceDir = None,
) -> None:
    """Write a model for openai-whisper, transformers or faster-whisper.

    That library then loads it and transcribes clips, and what it hears is compared with what the
    lab hears. DIR gets the model, and proof.json.
    """
    from lab import dataset as datasets
    from lab import export as exporting
    from lab.evaluation import reference_clips
    from lab.export.model_card import card_of_run

    place = Workspace.default(workspace)
    exporting.check(output_dir, file_format=file_format, precision=precision)
    with Terminal() as terminal:
        progress = terminal.progress(named)
        run = exporting.run_named(place, named)
        chosen = dataset or (run.config.dataset if run else "")
        tried_on = []
        if chosen and clips:
            try:
                found = datasets.find(place, chosen)
                tried_on = reference_clips.from_dataset(found, clips, on_progress=progress)
            except (OptionsError, WorkspaceError) as error:
                if dataset:
                    raise
                terminal.say(str(error))  # the run's is gone or damaged; its model is not

        def load(on_progress: "Progress") -> "Whisper":
            return exporting.load_model(place, named, on_progress=on_progress)

        proof = exporting.export_with_proof(
            load,
            output_dir,
            tried_on,
            file_format=file_format,
            precision=precision,
            card=card_of_run(run) if run else "",
            on_progress=progress,
        )
        terminal.say(f"Wrote {output_dir} for {exporting.FORMATS[file_format].library}.")
        terminal.write(f"{proof.sentence}\n")
