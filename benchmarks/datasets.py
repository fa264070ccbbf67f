"""Benchmark of large datasets: the page in a browser, and importing a Common Voice release.

    python -m benchmarks.datasets [--clips 100000] [--import-clips 10000]

The page is opened in Chromium from a separate server, whose peak memory is reported. All clips of
the dataset are hard links to one short file, since the page opens only what it plays. The release
has MP3 files of 3 to 7 s, no two of them identical.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated

import av
import numpy as np
import psutil
import typer

from lab import audio, dataset
from lab.audio import SAMPLE_RATE
from lab.core.workspace import Workspace
from lab.dataset import DatasetClip, snapshot, store
from lab.importers import CorpusReader, get_format
from lab.recordings.samples import FOLDER

_WORDS = ("dita", "nata", "mirë", "çfarë", "shtëpi", "ujë", "qytet", "rrugë", "fjalë", "gjuhë")
_MAX_LINKS = 30_000  # per file, which file systems limit
_N_SPEAKERS, _TIMEOUT_MS = 200, 120_000


def many_clips(workspace: Workspace, n: int) -> None:
    """Create a dataset of `n` clips with texts, speakers and splits, all with the same audio."""
    random = np.random.default_rng(0)
    made = store.dataset_named(workspace, "many")
    folder = made.folder / "audio"
    folder.mkdir(parents=True)
    source = sorted((FOLDER / "datasets/albanian-synthetic/audio").iterdir())[0]
    first = folder
    clips = []
    for number in range(n):
        name = f"audio/clip-{number:06d}{source.suffix}"
        if number % _MAX_LINKS:
            os.link(first, made.folder / name)
        else:
            first = made.folder / name
            shutil.copyfile(source, first)
        text = " ".join(random.choice(_WORDS, random.integers(3, 14)))
        clips.append(
            DatasetClip(
                name,
                text,
                ("train", "train", "validation", "test")[number % 4],
                f"speaker-{random.integers(_N_SPEAKERS)}",
                "sq",
                duration_s=round(float(random.uniform(1, 15)), 3),
            )
        )
    snapshot.write(made.folder, clips)


def release(folder: Path, n: int) -> Path:
    """Create a Common Voice release with `n` validated clips."""
    clips = folder / "clips"
    clips.mkdir(parents=True)
    speech = audio.decode(FOLDER / "english.ogg").samples
    random = np.random.default_rng(0)
    contents = []
    for number in range(50):
        start = int(random.integers(len(speech) - 8 * SAMPLE_RATE))
        length = int(random.uniform(3, 7) * SAMPLE_RATE)
        path = folder / f"{number}.mp3"
        _write_mp3(path, speech[start : start + length])
        contents.append(path.read_bytes())
        path.unlink()
    lines = [
        "client_id\tpath\tsentence\tup_votes\tdown_votes\tage\tgender\taccents\tlocale\tsegment"
    ]
    for number in range(n):
        name = f"common_voice_sq_{number}.mp3"
        # An ID3v1 tag makes each file unique.
        tag = b"TAG" + str(number).encode().ljust(125, b"\0")
        (clips / name).write_bytes(contents[number % len(contents)] + tag)
        text = " ".join(random.choice(_WORDS, 8))
        lines.append(f"{number % 97:064x}\t{name}\t{text}\t2\t0\t\t\t\tsq\t")
    (folder / "validated.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def _write_mp3(path: Path, samples: audio.Samples) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mp3", rate=32_000)
        stream.bit_rate = 64_000
        pcm = (np.clip(samples, -1, 1) * 32767).astype(np.int16)[None]
        frame = av.AudioFrame.from_ndarray(pcm, format="s16", layout="mono")
        frame.sample_rate = SAMPLE_RATE
        resampler = av.AudioResampler("s16p", "mono", 32_000)
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))


@contextmanager
def server(workspace: Workspace) -> Iterator[tuple[str, psutil.Process]]:
    """Run the app on a workspace; yields its URL and process."""
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "streamlit", "run", "streamlit_app.py"),
            *("--server.port", str(port), "--server.address", "localhost"),
        ],
        env={**os.environ, "LAB_WORKSPACE": str(workspace.root)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://localhost:{port}"
    try:
        for _ in range(300):
            with suppress(OSError):
                urllib.request.urlopen(f"{url}/_stcore/health", timeout=5)
                break
            time.sleep(0.2)
        yield url, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(timeout=20)


def measure_page(workspace: Workspace, n: int) -> None:
    """Print the time to open and to filter the page, and the peak memory of the server."""
    from playwright.sync_api import sync_playwright

    with server(workspace) as (url, process), sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        page = browser.new_page()
        page.set_default_timeout(_TIMEOUT_MS)
        page.goto(url)  # warms up the browser and the server, not the dataset
        page.get_by_role("link", name="Datasets").wait_for()

        def seconds_until(text: str) -> float:
            started = time.perf_counter()
            page.get_by_text(text).first.wait_for()
            return time.perf_counter() - started

        page.get_by_role("link", name="Datasets").click()
        print(f"page, first visit:        {seconds_until(f'{n:,} of {n:,} clips'):.2f} s")
        table = page.get_by_test_id("stDataFrame")
        table.wait_for()
        page.reload()
        print(f"page, reloaded:           {seconds_until(f'{n:,} of {n:,} clips'):.2f} s")
        field = page.get_by_label("Filter")
        for expression in (
            'duration > 10 and "mirë" in text',
            'speaker == "speaker-7"',
            "words < 4",
        ):
            before = page.get_by_text(f"of {n:,} clips").inner_text()
            field.fill(expression)
            started = time.perf_counter()
            field.press("Enter")
            page.wait_for_function(
                "([n, before]) => [...document.querySelectorAll('p')].some("
                "one => one.innerText.includes(`of ${n} clips`) && one.innerText !== before)",
                arg=[f"{n:,}", before],
            )
            print(f"filter {expression}: {(time.perf_counter() - started) * 1000:.0f} ms")
        print(f"peak memory of the server: {_peak_mb(process):.0f} MB")
        browser.close()


def _peak_mb(process: psutil.Process) -> float:
    for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1000
    return process.memory_info().rss / 1e6


def main(
    clips: Annotated[
        int, typer.Option(help="Number of clips of the dataset on the page; 0 to skip.")
    ] = 100_000,
    import_clips: Annotated[
        int, typer.Option(help="Number of clips to import; 0 to skip.")
    ] = 10_000,
) -> None:
    """Measure the page and the import."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder, "workspace"))
        if clips:
            many_clips(workspace, clips)
            measure_page(workspace, clips)
        if import_clips:
            source = release(Path(folder, "cv"), import_clips)
            started = time.perf_counter()
            result = dataset.import_clips(
                workspace, "cv", CorpusReader(source, get_format("common-voice")), language="sq"
            )
            seconds = time.perf_counter() - started
            rate = result.n_new / seconds
            print(f"import: {result.n_new} clips in {seconds:.1f} s, {rate:.0f} per second")


if __name__ == "__main__":
    typer.run(main)
