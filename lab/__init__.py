"""Whisper AI Lab: from recordings in a badly served language to a Whisper model that knows it.

Importing `lab` is light: torch, whisper and librosa load when a function first needs them.
"""

import os

__version__ = "0.1.0"

# No library reports what is done here. onnxruntime, which runs the speech detector, keeps a device
# id and a session id (a file `.ses`) and sends events to Microsoft unless told not to before it is
# loaded; Hugging Face's libraries tell their versions and more with each request. Lightning sends
# nothing. Streamlit is told in `.streamlit/config.toml`, for it has begun before this is read.
os.environ.update(ORT_DISABLE_TELEMETRY="1", HF_HUB_DISABLE_TELEMETRY="1", DO_NOT_TRACK="1")

# Read by OpenMP when torch loads it. Its threads wait by spinning, which on a CPU shared with
# anything else (a browser, a neighbour on the same host) makes decoding's many small operations
# several times slower. Sleeping instead costs nothing that could be measured on an idle machine.
os.environ.setdefault("GOMP_SPINCOUNT", "3000")
