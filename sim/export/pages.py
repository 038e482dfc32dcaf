"""The pages that lie beside exported files and say what they hold."""

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
