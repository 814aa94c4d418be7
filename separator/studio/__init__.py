"""Stems for other programs: .stem.m4a files, Reaper projects, and archives with a record of how they were made."""
