"""The IAMC files in the tools that they are for, pyam and nomenclature, which have an environment of their own."""

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from sim.ensemble import Pace
from sim.export.files import export
from sim.history import Order, carry_out
from sim.plan import plan_comparison, plan_run
from sim.scenario import load_scenario

PACKAGES = ["pyam-iamc", "nomenclature-iamc"]
SETS = ["runs=3", "end=2023-06", "outputs.at=[2022-12]"]
READ = """
import logging, sys
from pathlib import Path

import pyam
from nomenclature import DataStructureDefinition

heard = []

class Ear(logging.Handler):
    def emit(self, record):
        if record.levelno >= logging.WARNING:
            heard.append(record.getMessage())

logging.getLogger().addHandler(Ear())
place = Path(sys.argv[1])
rules = DataStructureDefinition(place / "definitions")
names = ["iamc_yearly_wide.csv", "iamc_yearly_long.csv", "iamc_yearly_wide.xlsx", "iamc_yearly_long.xlsx",
         "iamc_monthly_wide.csv"]
read = {name: pyam.IamDataFrame(place / name) for name in names}
first = read[names[0]]
for name, data in read.items():
    rules.validate(data)
    assert data.scenario == first.scenario, name
    assert data.region == first.region, name
    if name != names[-1]:
        assert data.data.equals(first.data), name
assert read[names[-1]].time_domain == "datetime" and first.time_domain == "year"
assert "difference_against" in read["iamc_yearly_wide.xlsx"].meta.columns
found = first.filter(variable="AI Market [Share]|Tokens|Abroad|China|Median", year=2022)
assert len(found.data) == len(first.scenario) == 2, found.data
late = read[names[-1]].filter(variable="AI Market [Share]|Tokens|Abroad|China|Median").data
december = late[late["time"] == "2022-12-01"]
assert list(december["value"]) == list(found.data["value"])
assert not heard, heard
print("read", len(first.data), first.variable[0])
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Python with pyam and nomenclature. Skips where they cannot be installed."""
    home = tmp_path_factory.mktemp("pyam")
    venv.create(home, with_pip=True)
    found = str(home / ("Scripts" if sys.platform == "win32" else "bin") / "python")
    done = subprocess.run([found, "-m", "pip", "install", "-q", *PACKAGES], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"pip cannot install {' and '.join(PACKAGES)} here: {(done.stderr.splitlines() or ['?'])[-1]}")
    return found


@pytest.mark.slow
@pytest.mark.xdist_group("pyam")
@pytest.mark.parametrize("kind", ["run", "compare"])
def test_pyam_and_nomenclature_take_the_files(python: str, kind: str, tmp_path: Path) -> None:
    base = load_scenario("deepseek_shock", SETS)
    other = load_scenario("no_controls", SETS)
    plan = plan_run(base) if kind == "run" else plan_comparison(base, [other])
    folder = carry_out(plan, Order(tmp_path, Pace())).folder
    place = export(folder, ["iamc"]).out / "iamc"
    (tmp_path / "read.py").write_text(READ, encoding="utf-8")
    words = [python, "-W", "error::UserWarning", str(tmp_path / "read.py"), str(place)]
    caches = {"XDG_CACHE_HOME": str(tmp_path)}  # pint remembers where it was read last, by the user
    done = subprocess.run(words, capture_output=True, text=True, check=False, env={**os.environ, **caches})
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("read ")
