"""Learning from another network: what it would give as the goal, and its layers to start from."""
