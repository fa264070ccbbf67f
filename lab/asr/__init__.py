"""Speech recognition: weights, the network, and the engine that turns a waveform into segments."""

import os

# Before torch loads OpenMP: its threads wait by spinning, which on a processor shared with anything
# else (a browser, a neighbour on the same host) makes decoding's many small operations several
# times slower. Sleeping instead costs nothing that could be measured where nothing else runs.
os.environ.setdefault("GOMP_SPINCOUNT", "3000")
