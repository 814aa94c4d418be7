"""Open the page. The program is in ``sori/app.py``."""

import sys

from sori.app import main

if __name__ == "__main__":
    sys.exit(main())
