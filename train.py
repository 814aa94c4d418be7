"""Train a separation model. The program is in ``sori/train.py``."""

import sys

from sori.train import main

if __name__ == "__main__":
    sys.exit(main())
