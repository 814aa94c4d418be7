"""Compare separations of one song, and keep the comparison in MLflow. The program is in ``sori/compare_mlflow.py``."""

import sys

from sori.compare_mlflow import main

if __name__ == "__main__":
    sys.exit(main())
