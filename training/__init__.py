"""Makes and measures checkpoints. Imports ``separator``; never imports the page."""
