"""The run folder: the contract between a training and whoever watches it."""
