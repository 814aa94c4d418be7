"""A model on its way to other programs: files that run without torch."""
