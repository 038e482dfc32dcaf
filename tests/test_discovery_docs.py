"""The command lines of docs/discovery.md run as they stand there."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "discovery.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```console\n(.*?)```", PAGE, flags=re.DOTALL)


def run(line: str, place: Path) -> str:
    """Run one line in a folder, with the names of files filled in as a shell does; return what it printed."""
    words = [found for word in shlex.split(line)[1:] for found in (_filled(word, place) if "*" in word else [word])]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-m", "sim", *words], cwd=place, env=environment, capture_output=True,
                          text=True, check=False)  # fmt: skip
    assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def _filled(pattern: str, place: Path) -> list[str]:
    return sorted(str(path) for path in place.glob(pattern))


@pytest.mark.slow
@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: shlex.split(block.splitlines()[-1])[1])
def test_the_command_lines_of_the_page_run(block: str, tmp_path: Path) -> None:
    for line in block.strip().splitlines():
        assert line.startswith("darkhorse ")
        printed = run(line, tmp_path)
        if "discover" in line:
            assert "It happens in" in printed
        if "regret" in line:
            assert "Robust choice: " in printed
    for manifest in tmp_path.glob("outputs/*/sweep-*/*-*/manifest.json"):
        found = json.loads(manifest.read_text(encoding="utf-8"))
        if found["kind"] == "regret" or found["box"]:
            assert len(found["figures"]) == 6


def test_the_page_has_both_examples() -> None:
    assert len(BLOCKS) == 2
    assert "--when" in BLOCKS[0]
    assert "darkhorse regret" in BLOCKS[1]
