"""Makes and measures checkpoints. Knows ``separator``; knows nothing of the page."""
