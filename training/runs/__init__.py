"""The run folder: the interface between a training and everything that shows it."""
