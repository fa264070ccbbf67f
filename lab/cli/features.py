"""`features`: what the model hears, as pictures, arrays and tables."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lab.cli.shared import Files, all_or_exit_code, mistakes_in_one_line, one_line, readable
from lab.cli.terminal import Terminal
from lab.core.errors import LabError, OptionsError, WorkspaceError

if TYPE_CHECKING:
    from lab.features import FeatureSettings

_ALL = "all"
# From less than a telephone to more than a studio.
_MIN_RATE, _MAX_RATE = 4_000, 192_000


@mistakes_in_one_line()
def features(
    files: Files,
    output_dir: Annotated[
        Path, typer.Option(metavar="DIR", help="Where each recording gets a folder.")
    ],
    view: Annotated[
        str, typer.Option(metavar="VIEW", help="waveform, power_db, log_mel, whisper …, or all.")
    ] = _ALL,
    file_format: Annotated[
        str,
        typer.Option("--format", metavar="FORMAT", help="png, labelled.png, npy, csv, txt or all."),
    ] = "png",
    preset: Annotated[
        str, typer.Option(metavar="NAME", help="source-lab or whisper; what follows changes it.")
    ] = "source-lab",
    sample_rate: Annotated[
        int, typer.Option(metavar="HZ", help="Resample to this first; Whisper hears 16000.")
    ] = 16_000,
    n_fft: Annotated[
        int | None, typer.Option(metavar="SAMPLES", help="The window's length.")
    ] = None,
    hop_length: Annotated[
        int | None, typer.Option(metavar="SAMPLES", help="From a window to the next.")
    ] = None,
    window: Annotated[
        str | None, typer.Option(metavar="NAME", help="hann, hamming, blackman, bartlett, boxcar.")
    ] = None,
    n_mels: Annotated[int | None, typer.Option(metavar="N", help="Mel bins.")] = None,
    fmin: Annotated[
        float | None, typer.Option(metavar="HZ", help="Where the mel bins begin.")
    ] = None,
    fmax: Annotated[
        float | None, typer.Option(metavar="HZ", help="Where they end; else half the sample rate.")
    ] = None,
    mel_scale: Annotated[str | None, typer.Option(metavar="NAME", help="slaney or htk.")] = None,
    mel_norm: Annotated[
        str | None, typer.Option(metavar="NAME", help="slaney (equal areas) or none (height 1).")
    ] = None,
    n_mfcc: Annotated[int | None, typer.Option(metavar="N", help="Cepstral coefficients.")] = None,
    top_db: Annotated[
        float | None, typer.Option(metavar="DB", help="How far below the maximum is shown.")
    ] = None,
    colour_map: Annotated[
        str, typer.Option(metavar="NAME", help="magma, viridis, cividis, gray_r …")
    ] = "magma",
) -> None:
    """Save what the model hears of recordings: waveform, spectrograms, MFCC, pitch and more.

    Each recording gets a folder named after it, with a file VIEW.FORMAT for each view.
    """
    if not _MIN_RATE <= sample_rate <= _MAX_RATE:
        raise OptionsError(
            f"The sample rate is {sample_rate} Hz, not between {_MIN_RATE} and {_MAX_RATE}."
        )
    changes = {
        "n_fft": n_fft,
        "hop_length": hop_length,
        "window": window,
        "n_mels": n_mels,
        "fmin": fmin,
        "fmax": fmax,
        "mel_scale": mel_scale,
        "mel_norm": mel_norm,
        "n_mfcc": n_mfcc,
        "top_db": top_db,
    }
    settings = _settings(
        preset, {key: value for key, value in changes.items() if value is not None}
    )
    with Terminal() as terminal, all_or_exit_code(files) as done:
        paths = readable(files, terminal)
        if not paths:
            return
        from lab import audio
        from lab.features.pictures import check_colour_map
        from lab.features.save import FORMATS, write_all
        from lab.features.views import VIEWS

        views = _chosen(view, list(VIEWS), "--view")
        formats = _chosen(file_format, list(FORMATS), "--format")
        check_colour_map(colour_map)
        for path, folder in zip(paths, _folders(paths, output_dir), strict=True):
            progress = terminal.progress(path.name)
            try:
                waveform = audio.decode(path, sample_rate=sample_rate, on_progress=progress)
                if waveform.warning:
                    terminal.say(f"{path.name}: {waveform.warning}")
                written = write_all(
                    folder,
                    waveform,
                    settings,
                    views=views,
                    formats=formats,
                    colour_map=colour_map,
                    on_progress=progress,
                )
            except WorkspaceError:
                raise  # the next one could not be written either
            except LabError as error:
                terminal.say(f"{path.name}: {one_line(error)}")
                continue
            done.append(path)
            terminal.say(f"Wrote {len(written)} files to {folder}")


def _settings(preset: str, changes: dict[str, Any]) -> "FeatureSettings":
    from lab.features.settings import PRESETS

    if preset not in PRESETS:
        raise OptionsError(f'There is no preset "{preset}". Choose {" or ".join(PRESETS)}.')
    return replace(PRESETS[preset], **changes)


def _chosen(choice: str, known: Sequence[str], option: str) -> list[str]:
    """Those that a choice stands for."""
    if choice != _ALL and choice not in known:
        raise OptionsError(f'{option} "{choice}" is unknown. Choose {", ".join(known)} or {_ALL}.')
    return list(known) if choice == _ALL else [choice]


def _folders(paths: Sequence[Path], output_dir: Path) -> list[Path]:
    """A folder for each recording, all different on file systems that don't know case too."""
    taken: set[str] = set()
    folders = []
    for path in paths:
        stem, number = path.stem, 1
        while stem.casefold() in taken:
            number += 1
            stem = f"{path.stem}-{number}"
        taken.add(stem.casefold())
        folders.append(output_dir / stem)
    return folders
