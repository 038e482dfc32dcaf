"""A report as one HTML file: template, style and script are parts of the package and stand in the file."""

from functools import lru_cache
from typing import TYPE_CHECKING

from sim.report.document import Cell, Document, Figure, Lines, Part, Sentence, Table, Views

if TYPE_CHECKING:
    from jinja2 import Template

PAGE, STYLE, SCRIPT = "page.html", "page.css", "page.js"


def html_of(document: Document) -> str:
    """Return a document as HTML. Everything in it is escaped but the specifications of charts and the script."""
    return _template().render(
        document=document, kind_of=kind_of, as_cell=as_cell, style=_part(STYLE), script=_part(SCRIPT)
    )


def kind_of(part: Part) -> str:
    """Return what a part of a section is, for the template."""
    kinds: tuple[tuple[type, str], ...] = (
        (str, "text"), (Sentence, "sentence"), (Lines, "lines"), (Table, "table"), (Figure, "figure"), (Views, "views")
    )  # fmt: skip
    return next(name for kind, name in kinds if isinstance(part, kind))


def as_cell(cell: str | Cell) -> Cell:
    """Return a cell of a table, made from a text where it is one."""
    return Cell(cell) if isinstance(cell, str) else cell


def _part(name: str) -> str:
    from importlib import resources

    return resources.files("sim.report").joinpath("template", name).read_text(encoding="utf-8")


@lru_cache(maxsize=1)
def _template() -> "Template":
    from jinja2 import Environment, StrictUndefined

    made = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined)
    return made.from_string(_part(PAGE))
