"""Keys of stored files that earlier versions wrote under another name.

Files are written with current names and read with either. Names missing from this table pass
through unchanged: readers validate the content themselves.
"""

from collections.abc import Mapping
from typing import Any

# Kind of file: old name → current name.
RENAMED: Mapping[str, Mapping[str, str]] = {
    ".languages.json": {"heard": "clips"},  # language check of a dataset
    "clips/index.json": {"keep_sound": "keep_audio"},  # prepared examples of a run
    "dataset.json": {"learned": "training_files", "sound": "audio_sha256"},  # provenance of a run
    "sentences.json": {"heard": "transcripts"},
    "config.yaml": {
        "accumulate": "gradient_accumulation_steps",
        "clip_norm": "max_grad_norm",
        "full_share": "long_form_ratio",
        "max_samples": "max_audio_samples",
        "nodes": "num_nodes",
        "timestamp_share": "timestamp_ratio",
        "train_share": "train_ratio",
        "trains": "trainable",
        "validation_clips": "max_validation_clips",
        "warmup_share": "warmup_ratio",
    },
    "config.yaml, architecture": {"width": "hidden_size"},
    "config.yaml, augmentation": {
        "gain_db": "max_gain_db",
        "noise": "noise_probability",
        "noise_snr_db": "min_snr_db",
        "speed": "max_speed_change",
    },
    "evaluation.json": {"normalisers": "normalizers", "n_learned": "n_trained_on"},
    "proof.json": {"rows": "clips", "wer_here": "lab_wer", "wer_there": "library_wer"},
    "proof.json, clips": {"text": "reference", "here": "lab", "there": "library"},
    "proof.json, outcome": {"proven": "verified", "not proven": "inconclusive"},
    "preparation.json": {"wholes": "recordings"},
    "preparation.json, clip": {"figures": "metrics", "whole": "recording_index"},
    "recipe.yaml": {"remove_offset": "remove_dc_offset"},
}


def current_name(kind: str, name: str) -> str:
    """Return the current name of a key that a file of this kind may have under an earlier one."""
    return RENAMED.get(kind, {}).get(name, name)


def current_names(kind: str, content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content with each key under its current name, which wins if both are present.

    kind: of file, a key of `RENAMED`, such as "config.yaml"; others have no renamed keys
    """
    renamed = {current_name(kind, key): value for key, value in content.items()}
    return renamed | {key: value for key, value in content.items() if key in renamed}
