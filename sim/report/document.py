"""What a report is made of: sections with sentences, tables and figures. How they look is the template's business."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass

from sim.disk import csv_text


@dataclass(frozen=True)
class Sentence:
    """A sentence; `word` is its calibrated word, which is set apart between `before` and `after`."""

    before: str
    word: str = ""
    after: str = ""

    @property
    def text(self) -> str:
        """The whole sentence."""
        return f"{self.before}{self.word}{self.after}"


@dataclass(frozen=True)
class Cell:
    """A cell of a table: what it says, and in small below it, on one line or two, what qualifies that."""

    text: str
    small: str = ""
    more: str = ""


Row = Sequence[str | Cell]


@dataclass(frozen=True)
class Group:
    """Rows of a table under a heading of their own; without a title they just follow the header."""

    rows: Sequence[Row]
    title: str = ""


@dataclass(frozen=True)
class Table:
    """A table. `numbers` says which columns hold numbers (right-aligned); the first cell of a row is its header."""

    key: str
    caption: str
    head: Sequence[str]
    groups: Sequence[Group]
    numbers: Sequence[int] = ()
    note: str = ""

    @property
    def csv(self) -> str:
        """The table as a data: URI of a CSV file."""
        rows = [
            [*([group.title] if self.grouped else []), *(_flat(cell) for cell in row)]
            for group in self.groups
            for row in group.rows
        ]
        return data_uri("text/csv", csv_text([*(["group"] if self.grouped else []), *self.head], rows))

    @property
    def grouped(self) -> bool:
        """Whether its rows stand in groups with titles."""
        return any(group.title for group in self.groups)


@dataclass(frozen=True)
class Figure:
    """A chart. `still` is a data: URI of an SVG; `spec` the Vega-Lite JSON of the chart that answers, '' without one.

    `csv`: a data: URI of the numbers drawn, '' where they stand in a table. `wide`: as drawn, do not stretch it.
    """

    key: str
    title: str
    alt: str
    still: str
    spec: str = ""
    csv: str = ""
    reading: str = ""
    notes: Sequence[str] = ()
    fills: bool = True


@dataclass(frozen=True)
class Views:
    """Figures of which a reader sees one at a time; all of them are printed. Labels and figures go together."""

    key: str
    label: str
    labels: Sequence[str]
    figures: Sequence[Figure]


@dataclass(frozen=True)
class Lines:
    """A list of sentences; `code` for commands."""

    items: Sequence[str | Sentence]
    code: bool = False


Part = str | Sentence | Lines | Table | Figure | Views


@dataclass(frozen=True)
class Section:
    """A section: its key (an id), title, and parts in order. `aside`: what its numbers are about."""

    key: str
    title: str
    parts: Sequence[Part]
    aside: str = ""


@dataclass(frozen=True)
class CardView:
    """A headline card as the template shows it: the number large, its unit beside it."""

    key: str
    title: str
    value: str
    unit: str
    interval: str
    change: str
    change_interval: str


@dataclass(frozen=True)
class Document:
    """A whole report. `facts`: pairs of words and values under the title. `runtime`: the JavaScript of the charts."""

    title: str
    subtitle: str
    facts: Sequence[tuple[str, str]]
    warnings: Sequence[str]
    cards: Sequence[CardView]
    cards_note: str
    sections: Sequence[Section]
    runtime: str = ""


def data_uri(kind: str, text: str) -> str:
    """Return a data: URI that holds a text."""
    return f"data:{kind};charset=utf-8;base64,{base64.b64encode(text.encode()).decode()}"


def _flat(cell: str | Cell) -> str:
    if isinstance(cell, str):
        return cell
    return "; ".join(text for text in (cell.text, cell.small, cell.more) if text)
