"""Scores of separations against references."""
