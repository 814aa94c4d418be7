"""Write a model as a file for other programs. The program is in ``sori/export.py``."""

import sys

from sori.export import main

if __name__ == "__main__":
    sys.exit(main())
