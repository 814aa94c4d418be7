"""The commands: flags in, one call, a report out. The files of the same names at the repository's top start them."""
