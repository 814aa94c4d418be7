"""Separate a song, or a folder of songs. The program is in ``sori/inference.py``."""

import sys

from sori.inference import main

if __name__ == "__main__":
    sys.exit(main())
