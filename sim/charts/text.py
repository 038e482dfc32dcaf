"""The sentences around the charts: titles and notes with the numbers of the record in them."""

import math
import re
from collections.abc import Iterable, Sequence

from sim.calendar import month_label
from sim.charts.data import COUNTERFACTUAL, Estimate, Points, RunRecord
from sim.charts.policies import key_line, policy_marks
from sim.charts.sheet import Heading
from sim.charts.style import MARKERS, compact

CAVEAT = "conditional on the scenario, not a forecast"
LONGEST_PHRASE, LONGEST_PANEL_TITLE = 48, 42


def percent(share: float) -> str:
    """Return a share (0 to 1) in per cent, with a decimal only where it is small: 14%, 2.4%, 0.3%."""
    return f"{number(100 * share, _decimals(share))}%" if math.isfinite(share) else "n/a"


def percent_band(estimate: Estimate, band: float) -> str:
    """Return a share with its band, as many decimals in the one as in the other: 14% (90%: 8-22%)."""
    if estimate.low == estimate.high:
        return percent(estimate.median)
    digits = _decimals(estimate.median)
    low, high = (number(100 * end, digits) for end in (estimate.low, estimate.high))
    return f"{percent(estimate.median)} ({band:.0%}: {low}-{high}%)"


def _decimals(share: float) -> int:
    return 1 if 0.0005 <= abs(share) < 0.0995 else 0


def number(value: float, digits: int = 1) -> str:
    """Return a number with `digits` decimals, without a minus before zero; n/a where it is not defined."""
    if not math.isfinite(value):
        return "n/a"
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if float(text) == 0 else text


def number_band(estimate: Estimate, band: float, digits: int = 1, unit: str = "") -> str:
    """Return a number with its band: 4.2 months (90%: 1.0 to 9.1)."""
    size = f"{number(estimate.median, digits)}{' ' + unit if unit else ''}"
    if estimate.low == estimate.high:
        return size
    ends = f"{number(estimate.low, digits)} to {number(estimate.high, digits)}"
    return f"{size} ({band:.0%}: {ends})"


def signed(value: float, digits: int = 1) -> str:
    """Return a difference with its sign: +0.4, -1.2, 0.0."""
    if not math.isfinite(value):
        return "n/a"
    text = f"{value:+.{digits}f}"
    return text[1:] if float(text) == 0 else text


def signed_band(estimate: Estimate, band: float, digits: int = 1, unit: str = "") -> str:
    """Return a difference with its band: +0.4 points (90%: -1.0 to +2.2)."""
    ends = f"{signed(estimate.low, digits)} to {signed(estimate.high, digits)}"
    return f"{signed(estimate.median, digits)}{' ' + unit if unit else ''} ({band:.0%}: {ends})"


def compact_band(estimate: Estimate, band: float, unit: str = "") -> str:
    """Return a large number with its band: 1.2M (90%: 0.8M-2.1M) H100e."""
    text = compact(estimate.median)
    if estimate.low < estimate.high:
        text += f" ({band:.0%}: {compact(estimate.low)}-{compact(estimate.high)})"
    return f"{text} {unit}" if unit else text


def unit_of(measure: str) -> str:
    """Return the unit of a measure as an axis shows it: shares in %, everything else as the catalogue has it."""
    from sim.measures import CATALOGUE

    unit = CATALOGUE[measure].unit if measure in CATALOGUE else ""
    return "%" + unit.removeprefix("share") if unit.split()[:1] == ["share"] else unit


def phrase_of(measure: str) -> str:
    """Return what a measure is, in the words of the catalogue; its name where the catalogue does not have it."""
    from sim.measures import CATALOGUE

    return CATALOGUE[measure].phrase if measure in CATALOGUE else measure.replace("_", " ")


def counterfactual_title(record: RunRecord) -> str:
    """Return the title of the world that this one is held against."""
    block = record.scenario.get("counterfactual")
    title = record.arm(COUNTERFACTUAL).get("title") or (block.get("title") if isinstance(block, dict) else None)
    return str(title or "Counterfactual").rstrip(". ")


def title_of(record: RunRecord, role: str) -> str:
    """Return the title of the world in a role as a panel shows it; 'The scenario' where it is too long for one."""
    title = counterfactual_title(record) if role == COUNTERFACTUAL else str(record.scenario.get("title") or "")
    if 0 < len(title) <= LONGEST_PANEL_TITLE:
        return title
    return "The counterfactual" if role == COUNTERFACTUAL else "The scenario"


def otherwise(record: RunRecord) -> str:
    """Return the counterfactual as a phrase inside a sentence: 'without chip controls', 'in the counterfactual'."""
    phrase = re.sub(r"^(the )?same world,? ?", "", counterfactual_title(record), flags=re.IGNORECASE)
    if re.match(r"(with|without|if|under|had)\b", phrase, re.IGNORECASE) and len(phrase) <= LONGEST_PHRASE:
        return phrase[0].lower() + phrase[1:]
    return "in the counterfactual"


def versus(record: RunRecord, value: str) -> str:
    """Return '; without chip controls 12%', or nothing where the record has no counterfactual."""
    return f"; {otherwise(record)} {value}" if record.has_counterfactual else ""


def when(record: RunRecord) -> str:
    """Return the month that titles speak of, YYYY-MM."""
    return month_label(record.headline)


def how_to_read(record: RunRecord, what: str, dashed: bool = True, outer_only: bool = False) -> str:
    """Return the line below a title: what is drawn, and how its lines, bands and shading are read."""
    widths = sorted(record.bands)[-1:] if outer_only else sorted(record.bands)
    shown = f"band{'s' if len(widths) > 1 else ''}: {' and '.join(f'{width:.0%}' for width in widths)}"
    runs = f"median of {record.runs} runs; {shown}" if record.runs > 1 else "the one run"
    parts = [f"{what[0].upper()}{what[1:].rstrip('.')}. Line: {runs}"]
    if dashed and record.has_counterfactual:
        parts.append(f"dashed: {in_sentence(counterfactual_title(record))}")
    if record.months[-1] > record.record_end:
        parts.append("shaded: after the record")
    return "; ".join(parts) + "."


def in_sentence(title: str) -> str:
    """Return a title as part of a sentence: its first letter small, unless it begins a name (AI, US)."""
    return title if title[1:2].isupper() or not title[1:2].isalpha() else title[0].lower() + title[1:]


def observed_note(record: RunRecord, drawn: Iterable[Sequence[Points]], shares: bool = False) -> list[str]:
    """Return the note on observed points with the markets they come from, or nothing where none are drawn."""
    markets: dict[str, list[str]] = {}
    for points in (points for group in drawn for points in group):
        mine = markets.setdefault(list(MARKERS.values())[points.shape % len(MARKERS)], [])
        if points.market not in mine:
            mine.append(points.market)
    if not markets:
        return []
    named = "; ".join(f"{shape}: {' / '.join(markets[shape])}" for shape in MARKERS.values() if shape in markets)
    note = f"Hollow markers: observed, to {month_label(record.record_end)} ({named})."
    return [note + (" A share belongs to the market it was measured on." if shares else "")]


def heading(
    record: RunRecord,
    title: str,
    reading: str,
    observed: Iterable[Sequence[Points]] = (),
    *,
    shares: bool = False,
    key: bool = True,
) -> Heading:
    """Return the words around a figure: title, how to read it, and the notes on points, policy dates and source."""
    dates = [key_line(policy_marks(record))] if key else []
    return Heading(title, reading, [*observed_note(record, observed, shares), *dates, source_line(record)])


def source_line(record: RunRecord) -> str:
    """Return what a reader needs to find the run again, and the caveat that every figure carries."""
    scenario, manifest = record.scenario, record.manifest
    name = scenario.get("name") or manifest.get("name") or record.results.folder.name
    seed = manifest.get("seed", scenario.get("seed", "n/a"))
    digest = manifest.get("hash") or manifest.get("digest") or record.results.folder.name.rpartition("-")[2]
    return f"{name} | seed {seed} | {record.runs} runs | manifest {str(digest)[:12]} | {CAVEAT}"
