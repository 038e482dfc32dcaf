"""The data tables as the desk reads them: once, since no table changes under a running desk."""

from functools import cache

from sim.data import Tables, load_tables


@cache
def tables() -> Tables:
    """Return the packaged tables. Raises InputError."""
    return load_tables()
