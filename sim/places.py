"""Where presets and data tables lie: in a source checkout beside `sim/`, in an installed wheel inside it."""

from pathlib import Path

from sim.errors import InputError, Problem, nearest_name

SUFFIXES = (".yaml", ".yml")


def preset_folder() -> Path:
    """Return the folder of the packaged scenarios. Raises FileNotFoundError when the installation has none."""
    package = Path(__file__).resolve().parent
    for folder in (package / "scenarios", package.parent / "scenarios"):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"no scenarios folder in or beside {package}; the installation is incomplete")


def data_folder() -> Path:
    """Return the folder of the data tables. Raises FileNotFoundError when the installation has none."""
    folder = preset_folder() / "data"
    if not folder.is_dir():
        raise FileNotFoundError(f"no data folder at {folder}; the installation is incomplete")
    return folder


def preset_names() -> list[str]:
    """Return the names of the packaged scenarios, sorted."""
    return sorted(path.stem for path in preset_folder().iterdir() if path.suffix in SUFFIXES and path.is_file())


def find_scenario(name_or_path: str | Path) -> Path:
    """Return the file of a scenario: a path that exists, else a preset by name (`deepseek_shock`).

    `scenarios/NAME.yaml` also finds the preset from any working directory. Raises InputError when nothing fits.
    """
    text = str(name_or_path)
    path = Path(text)
    is_path = path.suffix in SUFFIXES or len(path.parts) != 1
    if is_path and _exists(path):
        return path
    if not is_path or path.parts[:-1] == ("scenarios",):
        preset = find_preset(path.stem if is_path else text)
        if preset is not None:
            return preset
    if not is_path and _exists(path):
        return path
    raise InputError(_not_found(path, is_path))


def find_preset(name: str) -> Path | None:
    """Return the file of a packaged scenario, or None when there is none of that name."""
    if name in preset_names():
        return next(path for suffix in SUFFIXES if (path := preset_folder() / (name + suffix)).is_file())
    return None


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _not_found(path: Path, is_path: bool) -> Problem:
    siblings: list[str] = []
    if is_path and path.parent.is_dir():
        siblings = [str(path.parent / p.name) for p in path.parent.iterdir() if p.suffix in SUFFIXES]
    names = siblings + preset_names()
    return Problem(
        message="there is no such scenario file" if is_path else "there is no preset of this name",
        file=str(path),
        nearest=nearest_name(str(path), names) or nearest_name(path.stem, names),
        remedy="Give the path of a YAML file or the name of a preset; `darkhorse list` shows the presets",
    )
