"""The package as others get it: one version, a whole lock file, nothing of this machine, a wheel that works."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]

# The bracketed first letter keeps each pattern from finding itself here.
FOREIGN = re.compile(
    rb"[p]ypi\.org|[p]ythonhosted\.org|[n]pmjs\.(?:org|com)|[d]eb\.debian\.org"  # registries
    rb"|(?<![\w./-])/(?:work|tmp|root|opt|home|Users)/[\w.]"  # machine paths
)


def project() -> dict[str, Any]:
    """The `[project]` table of pyproject.toml."""
    table: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return table


def locked() -> list[tuple[Requirement, str]]:
    """Each entry of requirements.lock: the requirement, and the text of its hashes."""
    entries = (ROOT / "requirements.lock").read_text("utf-8").replace("\\\n", " ").splitlines()
    split = (entry.partition("--hash=") for entry in entries if entry.strip())
    return [(Requirement(name.strip()), mark + hashes) for name, mark, hashes in split]


def tracked() -> list[Path]:
    """The files of the repository that git tracks or would add, links to folders left out."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout.decode()
    return sorted({ROOT / name for name in listing.split("\0") if name and (ROOT / name).is_file()})


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """What a command prints; the test fails with its errors if it does not succeed."""
    done = subprocess.run(
        [str(word) for word in command], cwd=cwd, env=os.environ | environment, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_floating_point_exceptions_raise_in_tests() -> None:
    assert set(np.geterr().values()) == {"raise"}


def test_version_is_the_same_everywhere() -> None:
    version = project()["version"]
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert newest is not None
    assert newest[1] == version
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))["version"] == version


def test_citation_has_what_the_format_requires() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()
    assert citation["cff-version"] == "1.2.0"
    assert citation["license"] == project()["license"]
    assert all("name" in author or "family-names" in author for author in citation["authors"])


def test_licence_text_is_whole() -> None:
    text = (ROOT / "LICENSE").read_text("utf-8")
    assert "Version 2.0, January 2004" in text
    assert all(f"\n   {section}. " in text for section in range(1, 10))
    assert "END OF TERMS AND CONDITIONS" in text


@pytest.mark.parametrize("text", ["https://" + "pypi" + ".org/simple", "see " + "/tmp" + "/x", '"' + "/root" + '/a"'])
def test_search_for_hosts_and_paths_finds_them(text: str) -> None:
    assert FOREIGN.search(text.encode())


def test_no_registry_host_and_no_machine_path_in_files() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.decode(errors='replace')[:120]}"
        for path in tracked()
        for number, line in enumerate(path.read_bytes().splitlines(), 1)
        if FOREIGN.search(line)
    ]
    assert found == []


def test_every_locked_package_has_one_version_and_hashes() -> None:
    lock = locked()
    assert len(lock) > 30
    for requirement, hashes in lock:
        assert re.fullmatch(r"==[\w.+!]+", str(requirement.specifier)), requirement
        assert re.fullmatch(r"(--hash=sha256:[0-9a-f]{64}\s*)+", hashes), requirement


def test_lock_meets_every_requirement_of_the_project() -> None:
    extras = project()["optional-dependencies"]
    wanted = [Requirement(line) for line in [*project()["dependencies"], *extras["test"], *extras["build"]]]
    lock = [(canonicalize_name(entry.name), entry) for entry, _ in locked()]
    for python in ("3.11.7", "3.13.0"):
        here = {"python_version": python.rpartition(".")[0], "python_full_version": python}
        versions = {
            name: str(entry.specifier)[2:] for name, entry in lock if not entry.marker or entry.marker.evaluate(here)
        }
        for want in wanted:
            if not want.marker or want.marker.evaluate(here):
                assert want.specifier.contains(versions[canonicalize_name(want.name)]), (python, str(want))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of the working tree, built by the locked back end without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=ROOT)
    (built,) = folder.glob("*.whl")
    return built


@pytest.mark.slow
def test_wheel_holds_all_code_and_all_scenarios(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        names = set(archive.namelist())
    files = {path.relative_to(ROOT).as_posix() for path in tracked()}
    code = {name for name in files if name.startswith(("sim/", "agents/"))}
    assumptions = {f"sim/{name}" for name in files if name.startswith("scenarios/")}
    assert {"sim/scenarios/deepseek_shock.yaml", "sim/scenarios/data/parameters.csv"} <= assumptions
    papers = {"sim/LICENSE", "sim/CITATION.cff"}
    assert code | assumptions | papers == {name for name in names if ".dist-info/" not in name}


@pytest.mark.slow
def test_installed_wheel_lists_every_preset_from_another_folder(wheel: Path, tmp_path: Path) -> None:
    target, elsewhere = tmp_path / "site", tmp_path / "elsewhere"
    elsewhere.mkdir()
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index", "--no-deps")
    run(*pip, "--target", target, wheel, cwd=elsewhere)
    where = run(sys.executable, "-c", "import sim; print(sim.__file__)", cwd=elsewhere, PYTHONPATH=str(target))
    assert Path(where.strip()).is_relative_to(target)
    listed = run(sys.executable, "-m", "sim", "list", cwd=elsewhere, PYTHONPATH=str(target))
    presets = {path.stem for path in (ROOT / "scenarios").glob("*.yaml")}
    assert {name for name in presets if not re.search(rf"\b{name}\b", listed)} == set()
    assert len(presets) >= 14
    assert list(elsewhere.iterdir()) == []
