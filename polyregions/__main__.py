"""``python -m polyregions``: the command line."""

import sys

from polyregions.cli import main

if __name__ == "__main__":
    sys.exit(main())
