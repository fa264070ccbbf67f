"""Recordings made for a test, in any format."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np


def media(
    folder: Path,
    samples: np.ndarray,
    *,
    container: str,
    encoder: str,
    rate: int,
    layout: str = "mono",
    options: dict[str, str] | None = None,
    with_video: bool = False,
) -> bytes:
    """Mono samples, the same on each channel, encoded by FFmpeg."""
    path = folder / f"media.{container}"
    with av.open(str(path), "w", format=container, options=options or {}) as file:
        if with_video:
            video = file.add_stream("mpeg4", rate=10)
            video.width = video.height = 32
        stream = file.add_stream(encoder, rate=rate, layout=layout)
        # Packed, since PyAV cannot fill a planar frame of eight channels.
        packed = np.repeat(samples, stream.layout.nb_channels)[np.newaxis]
        frame = av.AudioFrame.from_ndarray(packed, format="flt", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        resampler = av.AudioResampler(
            format=stream.format, layout=layout, rate=rate, frame_size=stream.frame_size or None
        )
        if with_video:
            for i in range(round(10 * len(samples) / rate)):
                picture = av.VideoFrame(32, 32, "yuv420p")
                picture.pts, picture.time_base = i, Fraction(1, 10)
                file.mux(video.encode(picture))
            file.mux(video.encode(None))
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            file.mux(stream.encode(piece))
        file.mux(stream.encode(None))
    return path.read_bytes()
