"""A network over a whole song."""
