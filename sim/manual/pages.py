"""Writes the pages of docs/reference, or checks that they are current.

python -m sim.manual [--check]
"""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from sim.disk import disk_errors, write_whole
from sim.manual.catalogue import chart_page, measure_page
from sim.manual.commands import command_page
from sim.manual.python import python_page
from sim.manual.scenario import scenario_page
from sim.manual.tables import dictionary_page

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "reference"
PAGES: Mapping[str, Callable[[], str]] = {
    "command_line.md": command_page,
    "scenario_schema.md": scenario_page,
    "measures.md": measure_page,
    "data_dictionary.md": dictionary_page,
    "charts.md": chart_page,
    "python.md": python_page,
}
"""The pages that are made, by file; other files of the folder are written by hand."""


def documents() -> dict[str, str]:
    """Return the text of every page by file name."""
    return {name: make() for name, make in PAGES.items()}


def out_of_date(folder: Path, files: Mapping[str, str]) -> list[str]:
    """Return the names of the files that are missing or differ."""
    return [name for name, text in files.items() if _read(folder / name) != text]


def main(words: Sequence[str] | None = None) -> int:
    """Write or check the pages; the exit code is 0, or 1 where pages are out of date."""
    parser = argparse.ArgumentParser(prog="python -m sim.manual", description="Pages of docs/reference")
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a page is out of date")
    check = parser.parse_args(words).check
    files = documents()
    stale = out_of_date(FOLDER, files)
    for name in stale:
        if check:
            print(f"docs/reference/{name} is out of date; run python -m sim.manual", file=sys.stderr)
        else:
            with disk_errors(FOLDER):
                write_whole(FOLDER / name, files[name].encode())
    return 1 if check and stale else 0


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None
