"""Checks of the audio of clips: clipping, noise, silence."""

from collections.abc import Mapping

from lab.dataset.audio_stats import AudioStats
from lab.dataset.checks.texts import Hits

# Below this, error rates climb steeply (Radford et al., Robust Speech Recognition via Large-Scale
# Weak Supervision, 2022, figure 5).
_MIN_SNR_DB = 10.0
# A peak that reaches full scale now and then is inaudible; one sample in a thousand is not.
_MAX_CLIPPED_RATIO = 0.001
_MAX_SILENT_RATIO = 0.5


def poor_audio(stats: Mapping[str, AudioStats]) -> dict[str, Hits]:
    """What is wrong with the audio of clips, by check: file name to a measured value in words.

    stats: by file name, of the clips that have been analysed
    """
    clipped: Hits = {}
    noisy: Hits = {}
    silent: Hits = {}
    for name, one in stats.items():
        if not one.duration_s:
            continue
        if one.clipped_share > _MAX_CLIPPED_RATIO:
            clipped[name] = f"{one.clipped_share:.1%} of the samples"
        if one.silent_share > _MAX_SILENT_RATIO:
            silent[name] = f"{one.silent_share:.0%} silent"
        elif one.snr_db is None:
            noisy[name] = "no speech stands out"
        elif one.snr_db < _MIN_SNR_DB:
            noisy[name] = f"{one.snr_db:.0f} dB"
    return {"clipping": clipped, "noise": noisy, "silence": silent}
