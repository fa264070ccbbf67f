"""Training: fine-tune Whisper on a dataset. Each run has a folder, and its own process.

runs/albanian-1/
    config.yaml        all settings; a run with the same settings gives the same model
    dataset.json       provenance: the clips, their fingerprint, library versions, the seed
    state.json         waiting, running, stopped, failed or done; progress, time left
    metrics.csv        loss, learning rate, validation WER and CER; a row per step
    sentences.json     transcripts of three validation clips, at each validation
    log.txt            output of the process
    clips/             the prepared examples, while the run may be resumed
    checkpoints/       last.ckpt to resume from, best.ckpt by validation WER
    tensorboard/       the same curves for TensorBoard
    model.pt           the best model, in openai-whisper's format

`config`, `run`, `runs` and `metrics` do not import torch; the modules that train do.
"""
