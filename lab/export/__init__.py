"""A model leaves the lab: in the formats of three libraries, each proven by the library itself.

FOLDER/model.pt …     the model, as `whisper`, `transformers` or `faster-whisper` load it
FOLDER/README.md      its card, where there is one
FOLDER/proof.json     what the library made of clips, beside what the lab made of them
FOLDER/origin.json    a fingerprint of the weights of the run that it was made of
"""

from lab.export.formats import FORMATS, PRECISIONS, Format, check, export
from lab.export.proof import Proof, export_with_proof, prove
from lab.training.models import learned_by, load_engine, load_model, publish, run_named

__all__ = [
    "FORMATS",
    "PRECISIONS",
    "Format",
    "Proof",
    "check",
    "export",
    "export_with_proof",
    "learned_by",
    "load_engine",
    "load_model",
    "prove",
    "publish",
    "run_named",
]
