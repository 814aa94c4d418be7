"""The recipe of the shipped vocals model; not needed to train."""
