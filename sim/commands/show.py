"""What the commands show while they work and when they are done: progress, and the table of headline results."""

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Any

import typer

from sim.calendar import month_index
from sim.compare import SHARES, difference_in, quantiles
from sim.results import Results

HEADLINES = (
    "token_share_abroad.CN",
    "revenue_share_abroad.CN",
    "gap_months.CN",
    "frontier_capability.CN",
    "compute_owned.CN",
    "efficiency_researchers.CN",
    "token_share.open",
)
SECONDS_BETWEEN_LINES = 2.0


class Progress:
    """Tells how far the runs are: by a bar on a terminal, by lines elsewhere, not at all when quiet."""

    def runs(self, done: int, total: int) -> None:
        """Take note that `done` of `total` runs are finished."""

    def say(self, text: str) -> None:
        """Say what comes next."""


class _Lines(Progress):
    """Plain lines on standard error, at most one every few seconds."""

    def __init__(self) -> None:
        self._started = self._last = time.monotonic()

    def runs(self, done: int, total: int) -> None:
        if done == 0:
            return
        now = time.monotonic()
        if now - self._last < SECONDS_BETWEEN_LINES and done < total:
            return
        self._last = now
        left = (now - self._started) * (total - done) / done
        typer.echo(f"{done} of {total} runs" + (f", about {left:.0f} s left" if done < total else ""), err=True)

    def say(self, text: str) -> None:
        typer.echo(text, err=True)


@contextmanager
def progress(quiet: bool) -> Iterator[Progress]:
    """Yield what shows the progress; the bar with the time left needs a terminal on standard error."""
    if quiet:
        yield Progress()
    elif not sys.stderr.isatty():
        yield _Lines()
    else:
        with _bar() as bar:
            yield bar


@contextmanager
def _bar() -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with RichProgress(*columns, TextColumn("left"), TimeRemainingColumn(), console=Console(stderr=True)) as shown:
        task = shown.add_task("runs", total=None)

        class Bar(Progress):
            def runs(self, done: int, total: int) -> None:
                shown.update(task, completed=done, total=total)

            def say(self, text: str) -> None:
                shown.console.print(text, highlight=False, markup=False)

        yield Bar()


def headline(results: Results) -> list[dict[str, Any]]:
    """Return the headline outcomes at the stated months: each arm's median and 90% interval, and paired differences.

    One entry for each measure and month; a measure that was not recorded is left out, an undefined number is None.
    """
    columns = [column for column in HEADLINES if column in results.columns]
    values = results.read(columns)
    pairs = [(pair[0], pair[1]) for pair in results.manifest["pairs"]]
    entries = []
    for column in columns:
        for label in results.manifest["at"]:
            month = month_index(label)
            entry: dict[str, Any] = {"measure": column, "month": label, "arms": {}, "differences": []}
            for arm in results.arms:
                entry["arms"][arm] = _levels(results, values[column], arm, month)
            for pair in pairs:
                found = vars(difference_in(results, values[column], pair, month))
                numbers = {name: _defined(number) for name, number in found.items()}
                entry["differences"].append({"arm": pair[0], "against": pair[1], **numbers})
            entries.append(entry)
    return entries


def headline_table(entries: Sequence[Mapping[str, Any]]) -> str:
    """Return the headline outcomes as a plain table.

    Medians with 90% intervals; for each pair the differences run by run, and the share of runs in which they are
    above zero.
    """
    if not entries:
        return "None of the headline measures was recorded; the tables hold what was."
    arms = list(entries[0]["arms"])
    pairs = [(f"{pair['arm']} - {pair['against']}", "above 0") for pair in entries[0]["differences"]]
    rows = [["measure", "month", *arms, *chain.from_iterable(pairs)]]
    for entry in entries:
        levels = [_interval(entry["arms"][arm], "p50") for arm in arms]
        changes = [(_interval(found, "median"), _percent(found["share_positive"])) for found in entry["differences"]]
        rows.append([entry["measure"], entry["month"], *levels, *chain.from_iterable(changes)])
    return headline_rows(rows)


def headline_rows(rows: Sequence[Sequence[str]], heads: int = 1) -> str:
    """Return rows, of which the first `heads` are the header, as a plain table."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([*lines[:heads], "  ".join("-" * width for width in widths), *lines[heads:]])


def short(number: float | None) -> str:
    """Return a number in about six characters: three significant digits, thousands as k, millions as M."""
    if number is None:
        return "-"
    size = abs(number)
    if size >= 1e9:
        return f"{number:.2e}"
    if size >= 1e4:
        return f"{number / 1e6:.3g}M" if size >= 999_500 else f"{number / 1e3:.3g}k"
    if size >= 100:
        return f"{number:,.0f}"
    if size >= 1:
        return f"{number:.1f}" if size >= 10 else f"{number:.2f}"
    return f"{number:.3f}" if size >= 0.01 or size == 0 else f"{number:.2g}"


def _levels(results: Results, by_arm: Mapping[str, Any], arm: str, month: int) -> dict[str, float | None]:
    values = by_arm[arm][:, results.months(arm).tolist().index(month)]
    return {
        name: _defined(float(level)) for name, level in zip(SHARES, quantiles(values, [*SHARES.values()]), strict=True)
    }


def _defined(number: float) -> float | None:
    return number if number == number else None


def _interval(numbers: Mapping[str, float | None], middle: str) -> str:
    return f"{short(numbers[middle])} [{short(numbers['p05'])}, {short(numbers['p95'])}]"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}"
