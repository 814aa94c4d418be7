"""The network, its settings and its checkpoints."""
