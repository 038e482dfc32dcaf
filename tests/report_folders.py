"""Folders of results for the tests of the report, small and made once; and a reader of the pages."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from tempfile import mkdtemp

from sim.commands.text import load
from sim.ensemble import Pace
from sim.history import Order, carry_out
from sim.plan import plan_comparison, plan_run

RUNS = 8
SMALL = (f"runs={RUNS}", "end=2026-12", "outputs.at=[]")
VOID = frozenset({"meta", "link", "img", "br", "hr", "input"})


@cache
def run_folder(name: str = "deepseek_shock", *sets: str) -> Path:
    """A run of a preset with its counterfactual."""
    plan = plan_run(load(name, [*SMALL, *sets]))
    return carry_out(plan, Order(Path(mkdtemp()), Pace(jobs=1), command=f"darkhorse run {name}")).folder


@cache
def comparison_folder() -> Path:
    """Three presets set against the first."""
    first, *others = (load(name, SMALL) for name in ("deepseek_shock", "tight", "no_control_share_low"))
    return carry_out(plan_comparison(first, others), Order(Path(mkdtemp()), Pace(jobs=1))).folder


@dataclass
class Page(HTMLParser):
    """What a page holds: ids, tags with their attributes, the text of each table cell, and tags left open."""

    ids: list[str] = field(default_factory=list)
    tags: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    stack: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    tables: dict[str, list[list[str]]] = field(default_factory=dict)
    table: str = ""

    def __post_init__(self) -> None:
        """Start the parser."""
        super().__init__()

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        """Take note of a tag."""
        known = {name: value or "" for name, value in attrs}
        self.tags.append((tag, known))
        if "id" in known:
            self.ids.append(known["id"])
        if tag not in VOID:
            self.stack.append(tag)
        if tag == "table":
            self.table = known["id"]
            self.tables[self.table] = []
        if tag == "tr" and self.table:
            self.tables[self.table].append([])
        if tag in ("td", "th") and self.table:
            self.tables[self.table][-1].append("")

    def handle_endtag(self, tag: str) -> None:
        """Take note of the end of a tag, and of one that closes another."""
        if not self.stack or self.stack.pop() != tag:
            self.wrong.append(tag)
        if tag == "table":
            self.table = ""

    def handle_data(self, data: str) -> None:
        """Take note of text that a reader sees."""
        if self.stack and self.stack[-1] in ("script", "style"):
            return
        self.text.append(data)
        if self.table and self.tables[self.table] and self.tables[self.table][-1]:
            self.tables[self.table][-1][-1] += data if data.strip() else ""


def page_of(html: str) -> Page:
    """Return what a page holds."""
    page = Page()
    page.feed(html)
    page.close()
    return page
