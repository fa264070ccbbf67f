"""`features`: features of recordings as images, arrays and tables."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

from lab.cli.output_files import unique_stems
from lab.cli.shared import (
    ALL,
    Files,
    exit_unless_all_done,
    expand_choice,
    one_line,
    one_line_errors,
    option,
    preset_named,
    readable,
)
from lab.cli.terminal import Terminal
from lab.core.errors import LabError, OptionsError, WorkspaceError, check_choice

# From below telephone quality to above studio quality.
_MIN_RATE, _MAX_RATE = 4_000, 192_000


@one_line_errors()
def features(
    files: Files,
    output_dir: Annotated[Path, option("DIR", "Folder in which each recording gets a folder.")],
    view: Annotated[str, option("VIEW", "waveform, power_db, log_mel, whisper … or all.")] = ALL,
    file_format: Annotated[
        str, option("FORMAT", "png, labelled.png, npy, csv, txt or all.", "--format")
    ] = "png",
    preset: Annotated[
        str, option("NAME", "source-lab or whisper; the options below override it.")
    ] = "source-lab",
    sample_rate: Annotated[
        int, option("HZ", "Resample to this rate first; Whisper uses 16000.")
    ] = 16_000,
    n_fft: Annotated[int | None, option("SAMPLES", "Window length.")] = None,
    hop_length: Annotated[int | None, option("SAMPLES", "Distance between windows.")] = None,
    window: Annotated[
        str | None, option("NAME", "hann, hamming, blackman, bartlett, boxcar.")
    ] = None,
    n_mels: Annotated[int | None, option("N", "Number of mel bins.")] = None,
    fmin: Annotated[float | None, option("HZ", "Lowest frequency of the mel bins.")] = None,
    fmax: Annotated[float | None, option("HZ", "Highest; by default half the sample rate.")] = None,
    mel_scale: Annotated[str | None, option("NAME", "slaney or htk.")] = None,
    mel_norm: Annotated[
        str | None, option("NAME", "slaney (equal areas) or none (equal heights).")
    ] = None,
    n_mfcc: Annotated[int | None, option("N", "Number of cepstral coefficients.")] = None,
    top_db: Annotated[float | None, option("DB", "Dynamic range below the maximum.")] = None,
    colour_map: Annotated[str, option("NAME", "magma, viridis, cividis, gray_r …")] = "magma",
) -> None:
    """Save spectrograms, MFCC, pitch … of recordings.

    The folder of a recording, which is named after it, gets a file VIEW.FORMAT for each view.
    """
    if not _MIN_RATE <= sample_rate <= _MAX_RATE:
        raise OptionsError(
            f"The sample rate is {sample_rate} Hz; choose one from {_MIN_RATE} to {_MAX_RATE} Hz."
        )
    from lab.features.settings import PRESETS

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
    given = {name: value for name, value in changes.items() if value is not None}
    settings = replace(preset_named(preset, PRESETS), **given)  # type: ignore[arg-type]
    with Terminal() as terminal, exit_unless_all_done(files) as done:
        paths = readable(files, terminal)
        if not paths:
            return
        from lab import audio
        from lab.features.images import COLOUR_MAPS
        from lab.features.save import FORMATS, write_all
        from lab.features.views import VIEWS

        views = expand_choice(view, VIEWS, "--view")
        formats = expand_choice(file_format, FORMATS, "--format")
        check_choice("colour map", colour_map, COLOUR_MAPS)
        stems = unique_stems(paths, lambda stem: [output_dir / stem])
        for path, stem in stems.items():
            progress = terminal.progress(path.name)
            try:
                waveform = audio.decode(path, sample_rate=sample_rate, on_progress=progress)
                if waveform.warning:
                    terminal.say(f"{path.name}: {waveform.warning}")
                written = write_all(
                    output_dir / stem,
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
            terminal.say(f"Wrote {len(written)} files to {output_dir / stem}")
