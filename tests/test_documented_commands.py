"""The command lines of the documentation, run as they stand: every line of a `console` block, and Python after it."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.source_code import ROOT

BLOCK = re.compile(r"^```(console|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)
PAGES = ["experiments.md"]
"""Pages whose commands run here; those of discovery.md run in tests/test_discovery_docs.py."""


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_commands_run_as_written(page: str, tmp_path: Path) -> None:
    """One after the other in an empty folder that has the scenarios; a block of Python runs among their results."""
    shutil.copytree(ROOT / "scenarios" / "experiments", tmp_path / "scenarios" / "experiments")
    command = tmp_path / "bin" / "darkhorse"
    command.parent.mkdir()
    command.write_text(f"#!{sys.executable}\nfrom sim.cli import main\n\nif __name__ == '__main__':\n    main()\n")
    command.chmod(0o755)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": f"{command.parent}{os.pathsep}{os.environ['PATH']}"}
    blocks = BLOCK.findall((ROOT / "docs" / page).read_text(encoding="utf-8"))
    assert any(language == "console" for language, _ in blocks)
    for language, text in blocks:
        lines = [line for line in text.splitlines() if line.strip()]
        orders = [["bash", "-c", line] for line in lines] if language == "console" else [[sys.executable, "-c", text]]
        for order in orders:
            done = subprocess.run(order, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"{shlex.join(order)}\n{done.stdout}\n{done.stderr}"
    assert any(tmp_path.glob("outputs/*/figures/*.png"))
