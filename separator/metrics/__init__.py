"""Measures of a separation."""
