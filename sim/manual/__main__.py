"""`python -m sim.manual`."""

import sys

from sim.manual.pages import main

if __name__ == "__main__":
    sys.exit(main())
