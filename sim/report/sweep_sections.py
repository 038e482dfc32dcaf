"""What a report says of a sweep: its effects in sentences, in charts and in a table."""

from pathlib import Path

from sim.charts.sweep_data import SweepRecord
from sim.charts.sweep_text import Outcome, counted, with_unit
from sim.charts.sweep_words import finding, held_against, setting_words
from sim.report.document import Group, Lines, Part, Row, Section, Table
from sim.report.figures import stills
from sim.report.numbers import signed

MOST_ROWS, MOST_FINDINGS = 24, 6
CHARTS = ("01_effects", "03_heatmap", "05_overview")


def sweep_section(folder: Path, key: str) -> Section:
    """Return the section on a sweep. Raises OutputError where its folder is not whole."""
    record = SweepRecord(folder)
    manifest = record.manifest
    size = (f"{counted(len(record.points), 'point')} on {counted(manifest['draws'], 'draw')} of the uncertain world, "
            f"{counted(manifest['runs'], 'run')} in all.")  # fmt: skip
    parts: list[Part] = [f"{size} Every point shares draws and luck with its baseline: {held_against(record)}."]
    parts.append(Lines(findings(record)))
    parts += stills(folder, CHARTS, f"{key}-chart")[:4]
    parts.append(effects_table(record, f"{key}-effects"))
    parts.append(Lines([str(manifest.get("command", "")), f"# manifest {manifest['hash']}"], code=True))
    return Section(key, f"The sweep: {', '.join(axis.label for axis in record.axes) or 'policies'}", parts)


def findings(record: SweepRecord) -> list[str]:
    """Return a sentence for each outcome on what the sweep finds, with intervals of the mean."""
    what = ", ".join(axis.label for axis in record.axes) or "policies"
    return [
        f"{finding(record, outcome, record.effect(record.points, outcome), what)}."
        for outcome in record.outcomes[:MOST_FINDINGS]
    ]


def effects_table(record: SweepRecord, key: str) -> Table:
    """Return the mean paired effect of each point on the main outcomes, with the 95% interval of the mean."""
    outcomes = record.outcomes[:MOST_FINDINGS]
    curves = [record.effect(record.points, outcome) for outcome in outcomes]
    rows: list[Row] = []
    for place, point in enumerate(record.points[:MOST_ROWS]):
        for outcome, curve in zip(outcomes, curves, strict=True):
            mean, low, high = (float(curve[name][place]) for name in ("mean", "ci95_low", "ci95_high"))
            spread = f"{signed(low, _large(outcome))} to {signed(high, _large(outcome))}" if low == low else "n/a"
            rows.append([setting_words(record, point), outcome.name,
                         with_unit(signed(mean, _large(outcome)), outcome.step), spread])  # fmt: skip
    left = len(record.points) - MOST_ROWS
    note = f"{left} more points are in effects.csv of the folder." if left > 0 else ""
    head = ["Point", "Outcome", "Mean effect", "95% interval of the mean"]
    caption = f"Paired effects against the baseline, {record.headline}"
    return Table(key, caption, head, [Group(rows)], (2, 3), note)


def _large(outcome: Outcome) -> bool:
    return outcome.unit.startswith(("H100e", "FTE", "M$", "FLOP"))
