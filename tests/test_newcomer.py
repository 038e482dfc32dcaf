"""A stranger's first hour: a fresh clone, the README's command as it stands, the first tutorial line by line."""

import csv
import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.source_code import ROOT

README = (ROOT / "README.md").read_text("utf-8")
TUTORIAL = "docs/tutorials/first_run.md"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SHELL = ("bash", "console", "sh")
AT = "2025-12"

Cell = tuple[str, str, str]
STATED: dict[str, tuple[Cell, ...]] = {
    r"China owns ([\d.]+)% of the world's AI compute \(([\d.]+) to ([\d.]+)%\)": (
        ("compute_share", "CN", "p50"), ("compute_share", "CN", "p05"), ("compute_share", "CN", "p95")),
    r"Chinese models take ([\d.]+)% of tokens used abroad \(([\d.]+) to ([\d.]+)%\)": (
        ("token_share_abroad", "CN", "p50"), ("token_share_abroad", "CN", "p05"), ("token_share_abroad", "CN", "p95")),
    r"but ([\d.]+)% of the spending": (("revenue_share_abroad", "CN", "p50"),),
}  # fmt: skip
"""Sentences of the README with numbers in per cent, and the cells of summary.csv that they come from."""


def commands_of_readme() -> list[str]:
    """The commands of the section 'Run it', without their comments."""
    section = README.split("## Run it")[1].split("\n## ")[0]
    (block,) = BLOCK.findall(section)[:1]
    return [line.split("#")[0].strip() for line in block[1].splitlines() if line.strip()]


def test_readme_has_two_commands() -> None:
    assert commands_of_readme() == ["make run", "make test"]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh clone of the last commit in which the README's first command has run."""
    place = tmp_path_factory.mktemp("newcomer") / "darkhorse"
    subprocess.run(["git", "clone", "--quiet", "--depth", "1", f"file://{ROOT}", str(place)], check=True)
    follow(place, commands_of_readme()[0])
    return place


def follow(place: Path, line: str) -> str:
    """Run a line as a person would type it, in the clone, with its environment active; return what it prints."""
    path = f"{place / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    kept = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH", "MAKEFLAGS")}
    done = subprocess.run(
        ["bash", "-c", line], cwd=place, env={**kept, "PATH": path}, capture_output=True, text=True, timeout=1800
    )
    assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.slow
@pytest.mark.xdist_group("newcomer")
def test_first_command_ends_with_a_report_and_the_readme_numbers(clone: Path) -> None:
    (folder,) = (clone / "outputs").glob("deepseek_shock-*")
    report = (folder / "report.html").read_text("utf-8")
    assert json.loads((folder / "manifest.json").read_text("utf-8"))["hash"] in report
    assert "Conditional on the scenario, not a forecast" in report
    with (folder / "summary.csv").open(encoding="utf-8", newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["month"] == AT and row["arm"] == "main"]
    found = {(row["measure"], row["entity"]): row for row in rows}
    for sentence, cells in STATED.items():
        said = re.search(sentence, README)
        assert said is not None, sentence
        for text, (measure, entity, level) in zip(said.groups(), cells, strict=True):
            digits = len(text.partition(".")[2])
            value = 100.0 * float(found[measure, entity][level])
            assert abs(value - float(text)) <= 0.51 * 10.0**-digits, f"{said[0]}: {level} is {value:.3f}"


@pytest.mark.slow
@pytest.mark.xdist_group("newcomer")
def test_first_tutorial_runs_line_by_line(clone: Path) -> None:
    text = (clone / TUTORIAL).read_text("utf-8")
    blocks = [block for language, block in BLOCK.findall(text) if language in SHELL]
    lines = [line.removeprefix("$ ") for block in blocks for line in block.splitlines() if line.strip()]
    assert len(lines) >= 3
    for line in lines:
        follow(clone, line)
