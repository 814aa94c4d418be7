"""Score a model, or a file, against the true stem. The program is in ``sori/evaluate.py``."""

import sys

from sori.evaluate import main

if __name__ == "__main__":
    sys.exit(main())
