"""Code, pages and documentation use the field's terms, not the private language of version 0.1."""

import re
import subprocess
from pathlib import Path

from tests.support.paths import ROOT

# What version 0.1 called things: what they are called now. Names in stored files are still read
# under the old name, through `lab.core.renamed_keys`, the only place where they may appear.
WORDS = {
    r"word_times\b|token_times\b|\bword times\b": "word timestamps",
    r"shortest_context": "min_audio_ctx",
    r"written_whole": "atomic_write",
    r"put_beside|small matrices": "LoRA",
    r"warmup_share": "warmup_ratio",
    r"full_share": "long_form_ratio",
    r"learned_by|by heart": "provenance; overfitting",
    r"\bintakes?\b|hindrance|take_in|taken in\b": "preparation of examples, rejection_reason",
    r"\bSitting\b|\bDesks?\b": "CorrectionSession, ClipReservations",
    r"Normaliser": "Normalizer",
    r"graphics cards?|\b(?:a|the|on) processors?\b": "GPU, CPU",
    r"became no number|becomes? no number": "became NaN or infinite",
    r"\bway back\b": "backward pass",
    r"trained from nothing|network of one.s own": "trained from scratch, custom architecture",
    r"numbers that stand for": "hidden size",
    r"gradients shortened": "gradient clipping",
    r"WER of validation": "validation WER",
    r"own marks": "special tokens",
    r"nats a token": "nats per token",
    r"\bis it whole\b|model is whole": "regression check, no regressions found",
    r"writes? on and on": "never emits end-of-text",
    r"\bmade up\b|taken for others": "insertions, substitutions",
    r"\bbeside [A-Z]\w+:": "compared with",
    r"cannot be had|can be had": "is unavailable",
    r"doubtful passages": "temperature fallback",
    r"Repetition limit|Likelihood limit|Silence limit": "threshold",
    r"Click the box": "Select a row",
    r"Centre the wave": "Remove DC offset",
    r"silent edges": "leading and trailing silence",
    r"[Bb]its a sample|samples a second": "bits per sample, Hz",
    r"Signal to noise \(estimate\)": "Estimated SNR",
    r"To look at\b": "Needs review",
    r"[Rr]eady to learn": "Ready for training?",
    r"\bBring (?:in|it|a|the)\b|\bbring in\b|\bBrought\b": "Import, Upload, ImportResult",
    r"is no folder and no archive": "is neither a folder nor an archive",
    r"Who mends|\bmended\b|\bmends\b": "Fixed by, fix",
    r"Corrected ones again": "Include corrected clips",
    r"The other one wrote": "Other editor's text",
    r"[Nn]o clip waits": "Nothing left to correct",
    r"dealt out": "assigned to splits",
    r"half of a character": "unpaired surrogate",
    r"448 places": "448-token context",
    r"second tr(?:y|ies)|tried again": "temperature fallback, retry",
    r"lies? beside|gone on with": "next to; continuation",
}
PATTERN = re.compile("|".join(f"(?P<w{i}>{old})" for i, old in enumerate(WORDS)))
ALLOWED = {"lab/core/renamed_keys.py", "CHANGELOG.md", "tests/test_terminology.py"}


def files() -> list[Path]:
    """Everything that a person may read, but for recorded results and what tests write."""
    shown = ["lab", "pages", "streamlit_app.py", "scripts", "docs", "*.md", ".streamlit"]
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *shown],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    suffixes = {".py", ".md", ".js", ".html", ".toml"}
    paths = (ROOT / line for line in listed.stdout.splitlines())
    return [path for path in paths if path.suffix in suffixes and path.is_file()]


def test_none_of_the_old_words_is_left() -> None:
    found = []
    for path in files():
        name = path.relative_to(ROOT).as_posix()
        if name in ALLOWED or name.startswith("benchmarks/"):
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            for match in PATTERN.finditer(line):
                old = list(WORDS)[int((match.lastgroup or "w0")[1:])]
                found.append(f"{name}:{number}: “{match[0]}” → {WORDS[old]}")
    assert not found, "\n".join(found)
