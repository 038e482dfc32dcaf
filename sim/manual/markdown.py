"""Small parts of Markdown: rows of tables, cells, code."""

from collections.abc import Iterable, Sequence

MADE = "Made by `python -m sim.manual` from the code; do not edit."


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a table. Cells are text; a bar or a line break in a cell is kept out of the grid."""
    lines = [f"| {' | '.join(header)} |", "|---" * len(header) + "|"]
    return [*lines, *(f"| {' | '.join(cell(text) for text in row)} |" for row in rows)]


def cell(text: str) -> str:
    """Return a text that fits into a cell: on one line, bars escaped."""
    return " ".join(text.split()).replace("|", "\\|")


def code(text: object) -> str:
    """Return a text as code; nothing for nothing."""
    return f"`{text}`" if str(text) else ""


def page(title: str, introduction: str, body: Iterable[str]) -> str:
    """Return a whole page, ending in one line break."""
    lines = [f"# {title}", "", MADE, "", introduction, "", *body]
    return "\n".join(lines).rstrip() + "\n"
