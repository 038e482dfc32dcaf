"""Tests of one group run in one process: a desk, a clone or an environment that they share is made once."""

import os
import subprocess
import sys
from pathlib import Path

from tests.source_code import ROOT

MODULE = """
import os
from pathlib import Path

import pytest


@pytest.mark.xdist_group("one")
@pytest.mark.parametrize("number", range(8))
def test_where(number: int) -> None:
    (Path(__file__).parent / f"{number}.txt").write_text(os.environ["PYTEST_XDIST_WORKER"])
"""


def test_a_group_runs_in_one_process(tmp_path: Path) -> None:
    module = tmp_path / "test_where.py"
    module.write_text(MODULE, encoding="utf-8")
    ours = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    settings = ["-c", str(ROOT / "pyproject.toml"), "-p", "no:cacheprovider", "-n", "2"]
    command = [sys.executable, "-m", "pytest", *settings, str(module)]
    done = subprocess.run(command, cwd=tmp_path, env=ours, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    where = [path.read_text(encoding="utf-8") for path in sorted(tmp_path.glob("*.txt"))]
    assert len(where) == 8
    assert len(set(where)) == 1
