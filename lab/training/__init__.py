"""Training: a better Whisper out of a dataset. A run is a folder and a process.

runs/albanian-1/
    config.yaml        everything that was set; a run with the same file gives the same model
    dataset.json       which clips, as they were, with versions and seed
    state.json         waiting, running, stopped, failed or done; how far, how long still
    metrics.csv        loss, learning rate, error rates of validation; a line a step
    sentences.json     what the model hears in three clips of validation, at each validation
    log.txt            what the process said
    clips/             the clips as the model takes them in, while the run may go on
    checkpoints/       last.ckpt to go on from, best.ckpt by the error rate of validation
    tensorboard/       the same curves for TensorBoard
    model.pt           the best model, in openai-whisper's format

`lab.training.config`, `runs` and `metrics` are light; torch loads with the modules that train.
"""
