"""The pages that lie beside exported files and say what they hold."""

from collections.abc import Mapping, Sequence
from typing import Any

from sim.export.lines import Told
from sim.export.variables import QUANTILES

CAVEAT = "Results are conditional on the scenario. They are not a forecast."

_IAMC = """# IAMC files of {model}

{caveat}

| file | what it holds |
|---|---|
{files}

- **Scenarios**: {scenarios}. `iamc_meta.csv` says what each is, and from which one its differences are taken.
- **Variables** end in the level over the runs: {levels}. A variable that starts with `Difference|` is the paired
  difference, run by run: its median is not the difference of two medians.
- **Regions**: where something is (compute owned in China). Everything that is no place has region World, and its
  variable names the bloc that sells, and below it the lab. The market of a share stands in the variable too.
- **Years** have the value of December, and no value where December is not in the run. Months are dated by their
  first day.
- **Units**: shares in %, their differences in percentage points; H100e is compute in units of one H100; ECI is the
  Epoch Capabilities Index; ln is a natural logarithm.

In Python:

```
import pyam
data = pyam.IamDataFrame("{first}")
data.filter(variable="AI Market [Share]|Tokens|Abroad|China|*")
```
"""
_FILES = {
    "iamc_yearly_wide.csv, .xlsx": "a row for each scenario, region and variable, a column for each year",
    "iamc_yearly_long.csv, .xlsx": "the same with a row for each number",
    "iamc_monthly_wide.csv": "a column for each month, for pyam's time domain `datetime`",
    "iamc_meta.csv": "a row for each scenario; the workbooks have it as their sheet `meta`",
    "variables.csv": "the variable, region, unit and factor of every column of darkhorse",
    "definitions/, nomenclature.yaml": "code lists of variables and regions, for nomenclature-iamc",
}


def iamc_page(said: Told, yearly: bool) -> str:
    """Return the page of a folder of IAMC files; `yearly`: whether there are yearly tables."""
    files = {name: words for name, words in _FILES.items() if yearly or "yearly" not in name}
    names = list(said.meta)
    shown = ", ".join(f"`{name}`" for name in names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
    return _IAMC.format(
        model=said.model,
        caveat=CAVEAT,
        files="\n".join(f"| `{name}` | {words} |" for name, words in files.items()),
        scenarios=shown,
        levels=", ".join(f"`{name}`" for name in QUANTILES.values()),
        first="iamc_yearly_wide.csv" if yearly else "iamc_monthly_wide.csv",
    )


_BUNDLE = """# {title}

{caveat}

A bundle of `darkhorse export --zip`: a {kind} of {runs} runs, seed {seed}, manifest {hash}, computed {created} by
darkhorse {version}{commit}.

## What is here

{files}

`SHA256SUMS` has the hash of every file but itself: `sha256sum -c SHA256SUMS`.

## How to reproduce it

1. Install darkhorse {version}{commit_words}, with Python {python} and NumPy {numpy} for the same last bits.
2. Run {what}. It was made by `{command}`.
3. Compare: `darkhorse digest` of this folder prints the hash of the numbers on record{replay}.

`darkhorse chart .` and `darkhorse report .` draw charts and report again from the tables, without running anything.

## Licence

Code under Apache-2.0 (`LICENSE`), please cite by `CITATION.cff`. The tables in `data/` name the source of every row;
much of it comes from Epoch AI (epoch.ai), CC-BY 4.0. {same}
"""
_PARTS_OF_A_BUNDLE = {
    "manifest.json": "what made the numbers: scenario, seed, versions, hashes",
    "figures/": "charts, as PNG and SVG, with alternative texts",
    "scenarios/": "the resolved scenarios, each a file that `darkhorse run` takes",
    "data/": "the data tables of darkhorse, each row with its source and grade",
    "report.html": "the report, one file that opens in a browser without a network",
    "LICENSE, CITATION.cff": "licence and how to cite",
}


def bundle_page(manifest: Mapping[str, Any], files: Sequence[str], same_data: bool) -> str:
    """Return the page of a bundle with these files; `same_data`: whether the data tables are those of the run."""
    versions, kind, commit = manifest.get("versions", {}), manifest["kind"], manifest.get("commit")
    there = [name for name in _PARTS_OF_A_BUNDLE if any(file.startswith(name.split(",")[0]) for file in files)]
    rows = [f"| `{name}` | {_PARTS_OF_A_BUNDLE[name]} |" for name in there]
    rows += [f"| `{file}` | a table of the results |" for file in files if file in manifest.get("tables", {})]
    scenarios = [file for file in files if file.startswith("scenarios/")]
    known = {"run": f"`darkhorse run {scenarios[0]}`"} if scenarios else {}
    if kind == "compare":
        known["compare"] = f"`darkhorse compare {' '.join(scenarios)}`"
    return _BUNDLE.format(
        title=manifest.get("title", manifest.get("name")),
        caveat=CAVEAT,
        files="\n".join(["| file | what it holds |", "|---|---|", *rows]),
        version=versions.get("darkhorse", ""),
        commit=f" at commit {commit}" if commit else "",
        commit_words=f" (commit {commit})" if commit else "",
        python=versions.get("python", ""),
        numpy=versions.get("numpy", ""),
        what=known.get(kind, "the command below"),
        replay=", and `darkhorse replay . --run 0` computes one run again and compares it" if same_data else "",
        same="" if same_data else "They are those of the darkhorse that made this bundle.",
        **{key: manifest.get(key, "") for key in ("runs", "seed", "hash", "created", "kind", "command")},
    )
