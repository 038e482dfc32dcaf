"""Worlds of other sizes for the benchmarks: communities split into equal clones, labs taken away or split."""

from dataclasses import replace

from sim.data import Row, Table, Tables

DIVIDED = {
    "communities": ("spend_share_2025", "users_2025", "users_2022"),
    "labs": ("compute_start", "compute_2023", "compute_2024", "compute_2025", "researchers_start", "researchers_2025"),
}


def with_communities(tables: Tables, count: int) -> Tables:
    """Return the tables with every community split into clones that share its users and spending.

    `count` communities in all, a multiple of those in the table. Raises ValueError for another number.
    """
    clones, rest = divmod(count, len(tables.communities.rows))
    if rest or clones < 1:
        raise ValueError(f"{count} is no multiple of {len(tables.communities.rows)} communities")
    rows = [_part(row, "communities", clones) for row in tables.communities.rows for _ in range(clones)]
    return replace(tables, communities=Table("communities", rows))


def with_labs(tables: Tables, count: int) -> Tables:
    """Return the tables with the first `count` labs, or, beyond those in the table, with the first ones split in two.

    Raises ValueError for more than twice the labs in the table.
    """
    rows = tables.labs.rows
    extra = count - len(rows)
    if extra > len(rows) or count < 1:
        raise ValueError(f"there can be 1 to {2 * len(rows)} labs, not {count}")
    if extra <= 0:
        return replace(tables, labs=Table("labs", rows[:count]))
    halves = [_part(row, "labs", 2) for row in rows[:extra]]
    twins = [{**row, "lab": f"{row['lab']} twin"} for row in halves]
    return replace(tables, labs=Table("labs", [*halves, *rows[extra:], *twins]))


def _part(row: Row, table: str, parts: int) -> Row:
    return {**row, **{column: float(row[column]) / parts for column in DIVIDED[table]}}
