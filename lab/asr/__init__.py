"""Speech recognition: weights, the network, and the engine that turns a waveform into segments."""
