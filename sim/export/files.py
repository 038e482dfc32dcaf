"""Exports of a folder of results: several forms at once, each whole in its place or not there."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sim.disk import disk_errors, temporary_beside
from sim.errors import InputError, Problem
from sim.export.bundle import write_bundle
from sim.export.iamc import write_iamc
from sim.export.lines import SWEEP
from sim.export.workbook import write_workbook
from sim.results import RUN_KINDS, OutputError, check_tables, read_manifest

FOLDER = "export"
IAMC, XLSX, ZIP = "iamc", "xlsx", "zip"
FORMS = (IAMC, XLSX, ZIP)
IAMC_KINDS = (*RUN_KINDS, SWEEP)


@dataclass(frozen=True)
class Exported:
    """What was written below `out`: names of files and folders; `left_out`: a sentence on what does not apply."""

    out: Path
    names: tuple[str, ...]
    left_out: str = ""


def export(folder: Path, forms: Sequence[str], out: Path | None = None) -> Exported:
    """Write a folder of results in some of `FORMS`, all that apply if none is named, into `out` or its own `export/`.

    What an earlier export left under the same name is replaced. Raises InputError for a form that does not apply or an
    `out` that is no folder, OutputError where the folder is not whole or `out` cannot be written.
    """
    manifest = read_manifest(folder)
    check_tables(folder, manifest)
    if manifest.get("status") == "incomplete":
        raise OutputError(f"{folder} is incomplete: some of its runs failed; run it again, then export")
    left_out = ""
    if not forms and manifest.get("kind") not in IAMC_KINDS:
        left_out = f"a folder of kind {manifest.get('kind')} has no IAMC form, so that was left out"
    wanted = [form for form in FORMS if form in forms or (not forms and not (form == IAMC and left_out))]
    target = folder / FOLDER if out is None else out
    if target.exists() and not target.is_dir():
        raise InputError(
            Problem("the place for the exports is a file, not a folder", str(target), remedy="Name a folder")
        )
    names = {IAMC: IAMC, XLSX: f"{folder.resolve().name}.xlsx", ZIP: f"{folder.resolve().name}.zip"}
    with disk_errors(target):
        made = _made(folder, target, {form: names[form] for form in wanted})
    return Exported(target, tuple(made), left_out)


def _made(folder: Path, target: Path, names: dict[str, str]) -> list[str]:
    """Write everything into a temporary folder beside the target, then give each form its place."""
    target.parent.mkdir(parents=True, exist_ok=True)
    place = temporary_beside(target)
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    try:
        for form, name in names.items():
            if form == IAMC:
                (place / name).mkdir()
                write_iamc(folder, place / name)
            elif form == XLSX:
                write_workbook(folder, place / name)
            else:
                write_bundle(folder, place / name)
        target.mkdir(exist_ok=True)
        for name in names.values():
            _take_place(place / name, target / name)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    return list(names.values())


def _take_place(made: Path, path: Path) -> None:
    """Rename a file or folder to its place; a folder that is there makes way first and comes back on failure."""
    if not path.is_dir():
        made.replace(path)
        return
    old = made.with_name(f"{made.name}.old")
    path.rename(old)
    try:
        made.rename(path)
    except OSError:
        old.rename(path)
        raise
