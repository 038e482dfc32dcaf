"""The command `report`, and the report at the end of the commands that compute."""

from collections.abc import Sequence
from pathlib import Path

import typer

from sim.commands.show import Progress
from sim.commands.text import print_json

NAME = "report.html"


def make_report(folders: Sequence[Path], baseline: str | None, out: Path | None, quiet: bool, as_json: bool) -> bool:
    """Write a report from folders of results and say where. Raises InputError, OutputError."""
    from sim.commands.show import progress
    from sim.report.build import write_report

    with progress(quiet or as_json) as shown:
        shown.say("writing the report")
        path = write_report(folders, baseline, out)
    size = path.stat().st_size
    if as_json:
        print_json(
            {"status": "done", "report": str(path), "bytes": size, "folders": [str(folder) for folder in folders]}
        )
    else:
        typer.echo(str(path) if quiet else f"Written: {path} ({size / 1e6:.1f} MB)")
    return True


def add_report(folder: Path, found: bool, shown: Progress) -> str:
    """Write the report of a folder that a command has just made or found; return what went wrong, '' if nothing.

    One that is there already is left alone where the results were `found`. The results stand whatever happens here.
    """
    if found and (folder / NAME).is_file():
        return ""
    shown.say("writing the report")
    try:
        from sim.report.build import write_report

        write_report([folder])
    except Exception as error:  # whatever went wrong in writing about them, the numbers are worth keeping
        return f"report: {type(error).__name__}: {error}"
    return ""
