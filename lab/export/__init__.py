"""Model export to the formats of three libraries, each verified by the library itself.

FOLDER/model.pt …     the model, in the files that the library loads
FOLDER/README.md      its model card, if it has one
FOLDER/proof.json     transcripts of the library and of the lab for the same clips
FOLDER/origin.json    fingerprint of the weights of the run that it was exported from
"""

from lab.export.formats import FORMATS, PRECISIONS, ExportFormat, check_target, export
from lab.export.verification import Verification, export_and_verify, verify

__all__ = [
    "FORMATS",
    "PRECISIONS",
    "ExportFormat",
    "Verification",
    "check_target",
    "export",
    "export_and_verify",
    "verify",
]
