"""A zip of a folder of results with all that a reader needs: data, licence, citation, how to reproduce, and hashes.

The same record gives the same bytes: entries are sorted, and dated by when the results were computed.
"""

import hashlib
import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sim.export.book import created
from sim.export.pages import bundle_page
from sim.places import data_folder
from sim.plan import code_digest
from sim.results import FIGURES, MANIFEST, RUN_KINDS, OutputError, read_manifest, tables_of

LICENCE, CITATION = "LICENSE", "CITATION.cff"
README, SUMS = "README.md", "SHA256SUMS"
DATA, SCENARIOS = "data", "scenarios"
REPORTS = ("report.html",)
STORED = (".parquet", ".png", ".gz")
"""Kinds of file that are compressed already."""
FILE_MODE = 0o644
CHUNK = 1 << 20


def write_bundle(folder: Path, path: Path) -> None:
    """Write the zip of a folder of results. Raises OutputError where a file lies outside the folder or is missing."""
    manifest = read_manifest(folder)
    name = folder.resolve().name
    files = dict(_files(folder, manifest))
    texts = {f"{SCENARIOS}/{arm}.yaml": text for arm, text in _scenarios(manifest).items()}
    same_data = manifest["kind"] in RUN_KINDS and manifest["digests"]["code"] == code_digest()
    texts[README] = bundle_page(manifest, sorted([*files, *texts]), same_data)
    sums = {**{place: _digest(file) for place, file in files.items()}, **{k: _text_digest(v) for k, v in texts.items()}}
    texts[SUMS] = "".join(f"{digest}  {place}\n" for place, digest in sorted(sums.items()))
    when = created(manifest).timetuple()[:6]
    with zipfile.ZipFile(path, "w") as bundle:
        for place in sorted([*files, *texts]):
            entry = zipfile.ZipInfo(f"{name}/{place}", (max(when[0], 1980), *when[1:]))
            entry.external_attr = FILE_MODE << 16
            entry.create_system = 3
            stored = Path(place).suffix in STORED
            entry.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
            with bundle.open(entry, "w", force_zip64=True) as target:
                for part in _parts(files[place]) if place in files else [texts[place].encode()]:
                    target.write(part)


def _files(folder: Path, manifest: Mapping[str, Any]) -> Iterator[tuple[str, Path]]:
    """Files by their place in the bundle: the record, its figures and reports, the data tables, licence, citation."""
    named = [MANIFEST, *tables_of(manifest), *manifest.get("figures", [])]
    named += [name for name in REPORTS if (folder / name).is_file()]
    named += sorted(path.relative_to(folder).as_posix() for path in (folder / FIGURES).rglob("*") if path.is_file())
    named += [name for name in _companions(folder) if name not in named]
    for name in dict.fromkeys(named):
        yield name, _inside(folder, name)
    data = data_folder()
    for path in sorted(data.rglob("*")):
        if path.is_file() and not path.name.startswith("."):
            yield f"{DATA}/{path.relative_to(data).as_posix()}", path
    for name in (LICENCE, CITATION):
        yield name, _paper(name)


def _companions(folder: Path) -> list[str]:
    """Files of an experiment beside its tables, by which its commands know it again."""
    return [name for name in ("experiment.json", "points.jsonl.gz") if (folder / name).is_file()]


def _inside(folder: Path, name: str) -> Path:
    """A file of the folder. Raises OutputError where its name leads out of the folder, or it is not there."""
    path, home = (folder / name).resolve(), folder.resolve()
    if not path.is_relative_to(home) or Path(name).is_absolute():
        raise OutputError(f"{folder / MANIFEST} names {name}, which lies outside the folder; it is not exported")
    if not path.is_file():
        raise OutputError(f"{folder / name} is missing; draw the charts again with `darkhorse chart`, or run again")
    return path


def _paper(name: str) -> Path:
    """LICENSE or CITATION.cff: in the package of an installation, beside it in a source checkout."""
    package = Path(__file__).resolve().parents[1]
    for place in (package / name, package.parent / name):
        if place.is_file():
            return place
    raise OutputError(f"the installation has no {name}; install darkhorse again")


def _scenarios(manifest: Mapping[str, Any]) -> dict[str, str]:
    """The resolved scenarios as files that run by themselves. JSON is YAML, and keeps every digit."""
    arms = manifest.get("arms") or {}
    first = next(iter(arms), "main")
    found = dict(arms) if manifest["kind"] == "compare" else {first: manifest.get("scenario")}
    return {arm: json.dumps(data, indent=1, ensure_ascii=False) + "\n" for arm, data in found.items() if data}


def _parts(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while part := stream.read(CHUNK):
            yield part


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _text_digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
