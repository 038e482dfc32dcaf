"""`python -m sim` is the command `darkhorse`."""

from sim.cli import main

if __name__ == "__main__":
    main()
