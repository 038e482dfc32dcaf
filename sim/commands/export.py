"""The command that writes files for other tools: IAMC tables, a workbook, a bundle."""

from collections.abc import Sequence
from pathlib import Path

import typer

from sim.commands.text import print_json
from sim.export.files import export


def export_folder(folder: Path, forms: Sequence[str], out: Path | None, quiet: bool, as_json: bool) -> bool:
    """Write a folder of results in the given forms, all that apply if none is given; say which files there are.

    Raises InputError and OutputError as `sim.export.files.export`; then nothing was written.
    """
    made = export(folder, forms, out)
    paths = [str(made.out / name) for name in made.names]
    if as_json:
        told = {"status": "done", "folder": str(folder), "out": str(made.out), "files": paths}
        print_json({**told, "left_out": made.left_out})
        return True
    for path in paths:
        typer.echo(path)
    if made.left_out and not quiet:
        typer.echo(made.left_out, err=True)
    return True
