"""The network rewritten for CPUs, with the same output."""
