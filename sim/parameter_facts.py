"""What is known of each uncertain number: its row, prior and posterior, where it acts, what it moves, who sets it.

Numbers are the rows of parameters.csv, and what else a calibration draws: traits of labs, gains of events.
Nothing here is typed in that can be found: readers come from a scan of the source, sections from docs/model.md.
"""

import ast
import csv
import functools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist
from typing import Any

from sim.data import SCHEMAS, SEGMENTS, Tables, load_tables
from sim.distributions import Distribution, from_catalogue_row, quantiles
from sim.errors import InputError, Problem
from sim.places import data_folder, preset_folder
from sim.posterior import FOLDER, Posterior, fitted_months, load_posterior

ROOT = Path(__file__).resolve().parents[1]
READERS = (ROOT / "agents", ROOT / "sim")
NOT_READERS = ("explain", "parameter_facts", "parameter_pages", "checks", "data")
"""Modules of `sim` that name parameters without letting them act."""
LEVELS = (0.05, 0.5, 0.95)
LEARNT = 0.1
"""Least contraction that counts as learning anything."""
MOVED = 0.5
"""Least move of the median, in prior standard deviations, that counts as one."""
_GRID = [(place + 0.5) / 1000 for place in range(1000)]

LAB_TRAITS: Mapping[str, tuple[str, str]] = {
    "lab_effect": (
        "Permanent effect of the lab on training: capability that compute, learning and borrowing do not give",
        "The lab's own count of training compute and of failed runs for its flagships: more compute than recorded "
        "would lower the effect, less would raise it",
    ),
    "open_culture": (
        "Taste of the lab for publishing weights that profit, use and standing do not give, in shares of usage value",
        "What the lab says and does where closing would pay: an open release with a paying market at hand would raise "
        "it, a closed one with nothing to lose would lower it",
    ),
    "algorithmic_position": (
        "Log efficiency of the lab's methods at its entry, against the best lab then",
        "Training compute and index score of the lab's first model; a score above what its compute gives under the "
        "leader's methods would raise it",
    ),
    "brand_enterprise": (
        "Taste of firms for the lab's models at equal quality, price and openness, against OpenAI",
        "Vendor shares in a survey of firms that also asks for quality and price paid; a share explained by "
        "scores, contracts or a cloud bundle would bring it to 0",
    ),
    "brand_developer": (
        "Taste of developers for the lab's models at equal quality, price and openness, against OpenAI",
        "Token shares of the lab's models on aggregators just after releases of known index and price; shares in line "
        "with both would bring it to 0",
    ),
    "brand_consumer": (
        "Taste of consumers for the lab's assistant at equal quality, against ChatGPT",
        "Choice of assistants by people who know both, for example where phones offer several at set-up; an even split "
        "would bring it to 0",
    ),
}
"""Phrase of each trait of labs.csv that a calibration may draw, and what would change it."""
_EVENT = (
    "Capability gained by adopting the method of the dated event",
    "Index scores of the same base model with and without long reasoning, for several labs; differences of two points "
    "or of eleven would put it at an end of its range",
)


@dataclass(frozen=True)
class Spread:
    """5, 50 and 95% levels in natural units; `sd` on the scale of the prior (logs where the prior is a log one)."""

    levels: tuple[float, float, float]
    sd: float


@dataclass(frozen=True)
class Number:
    """One uncertain number: what the tables say of it. `value`: what a world without uncertainty has."""

    name: str
    phrase: str
    unit: str
    source: str
    grade: str
    changed_by: str
    value: float
    prior: Distribution
    bounds: tuple[float, float]

    @property
    def group(self) -> str:
        """The first word of the name, which names its page."""
        return self.name.partition(".")[0]

    @property
    def in_logs(self) -> bool:
        """Whether the prior is even or normal in logarithms."""
        return self.prior.log or self.prior.kind == "loguniform"


@dataclass(frozen=True)
class Evidence:
    """What a fit and a study of influence have found; None and empty where they are not shipped."""

    posterior: Posterior | None = None
    influence: Mapping[str, Sequence[tuple[str, float]]] | None = None


def load_evidence() -> Evidence:
    """Return the latest shipped fit and influence.csv, as far as there are any. Raises InputError for broken files."""
    posterior = load_posterior() if fitted_months() else None
    file = data_folder() / FOLDER / "influence.csv"
    return Evidence(posterior, _influence(file) if file.is_file() else None)


def numbers(tables: Tables | None = None, priors: Path | None = None) -> dict[str, Number]:
    """Return every number by name: the parameters in the order of their table, then what only a calibration draws.

    The second kind are the traits of labs in `priors.csv` (posterior/priors.csv beside the tables by default) and the
    gains of the dated events of history_hold. Raises InputError for broken tables.
    """
    read = tables or load_tables()
    found = [_parameter(row) for row in read.parameters.rows]
    found += [_trait(row, read) for row in _prior_rows(priors or data_folder() / FOLDER / "priors.csv")]
    return {number.name: number for number in [*found, *_gains()]}


@functools.cache
def prior_spread(dist: Distribution, in_logs: bool) -> Spread:
    """Return levels and standard deviation of a distribution of the catalogue, without loading SciPy."""
    low, middle, high = (_quantile(dist, share) for share in LEVELS)
    values = [_quantile(dist, share) for share in _GRID]
    return Spread((low, middle, high), _deviation(values, [1.0] * len(values), in_logs))


def posterior_spread(posterior: Posterior, name: str, in_logs: bool) -> Spread:
    """Return levels and standard deviation of the weighted draws of a name. Raises KeyError."""
    values, weights = posterior.values[name], posterior.weights
    ordered = sorted(zip(values, weights, strict=True))
    low, middle, high = (_weighted_level(ordered, share) for share in LEVELS)
    return Spread((low, middle, high), _deviation(values, weights, in_logs))


def learning(prior: Spread, posterior: Spread, in_logs: bool) -> tuple[float, float]:
    """Return how far the data moved a number: contraction of its spread, and move of its median in prior deviations.

    Contraction is 1 - posterior sd / prior sd, negative where the fit is wider. Raises ZeroDivisionError for a prior
    without spread.
    """
    before, after = ((math.log(s.levels[1]) if in_logs else s.levels[1]) for s in (prior, posterior))
    return 1.0 - posterior.sd / prior.sd, (after - before) / prior.sd


def readers(name: str) -> dict[str, list[str]]:
    """Return the functions that read a number, by file (`agents/pricing.py`), in the order of the source."""
    stem = _stem(name)
    quoted = [f'"{text}"' for text in {name, stem}]
    found: dict[str, list[str]] = {}
    for file, text in _sources().items():
        if any(word in text for word in quoted):
            inside = list(dict.fromkeys(_functions_with({name, stem}, _tree(file), "")))
            if inside:
                found[file] = inside
    return found


def sections(name: str) -> list[str]:
    """Return the headings of docs/model.md under which a number stands; none where the page is not installed."""
    stem, texts = _stem(name), specification()
    found: list[str] = []
    for wanted in (rf"(?<![\w.]){re.escape(stem)}(?:\.SEG)?(?!\.?\w)", rf"(?<![\w.]){re.escape(_tail(stem))}(?![\w.])"):
        found = [heading for heading, text in texts.items() if re.search(wanted, text)]
        if found or "_" not in _tail(stem):
            break
    return found


@functools.cache
def specification() -> Mapping[str, str]:
    """Return the sections of docs/model.md, text by heading; none where the page is not installed."""
    page = ROOT / "docs" / "model.md"
    if not page.is_file():
        return {}
    parts = re.split(r"^## (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def scenario_settings(names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return by number the packaged scenarios that write it in their own file, with the value, as they write it."""
    from sim.yamlfile import read_yaml

    found: dict[str, dict[str, Any]] = {name: {} for name in names}
    folder = preset_folder()
    for path in sorted([*folder.glob("*.y*ml"), *folder.glob("experiments/*.y*ml")]):
        root, _ = read_yaml(path)
        for written, value in _leaves(root.plain(), ""):
            name = re.sub(r"^(.*\.)?world\.", "", written)
            if name != written and name in found:
                found[name][path.stem] = value
    return found


def _influence(file: Path) -> dict[str, list[tuple[str, float]]]:
    shares: dict[str, list[tuple[str, float]]] = {}
    try:
        with file.open(encoding="utf-8", newline="") as stream:
            for row in csv.DictReader(stream):
                shares.setdefault(row["name"], []).append((row["output"], float(row["share"])))
    except (OSError, KeyError, ValueError, TypeError) as error:
        remedy = "`darkhorse calibrate` writes it: columns name, output, share"
        raise InputError(Problem(f"cannot be read: {error}", str(file), remedy=remedy)) from None
    return {name: sorted(rows, key=lambda row: (-row[1], row[0])) for name, rows in shares.items()}


def _parameter(row: Mapping[str, str | float]) -> Number:
    texts = (str(row[column]) for column in ("name", "phrase", "unit", "source", "grade", "changed_by"))
    bounds = float(row["hard_min"]), float(row["hard_max"])
    return Number(*texts, float(row["central"]), from_catalogue_row(row), bounds)  # type: ignore[call-arg, arg-type]


def _prior_rows(file: Path) -> list[dict[str, str]]:
    if not file.is_file():
        return []
    with file.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    wanted = {"name", "low", "central", "high", "source", "grade"}
    if rows and not wanted <= rows[0].keys():
        lacking = ", ".join(sorted(wanted - rows[0].keys()))
        raise InputError(Problem(f"the columns {lacking} are missing", str(file), 1, remedy="Add them"))
    return rows


def _trait(row: Mapping[str, str], tables: Tables) -> Number:
    """A trait of a lab that a calibration draws, from its row of priors.csv and the lab's of labs.csv."""
    lab, _, trait = row["name"].removeprefix("labs.").partition(".")
    known = next((known for known in tables.labs.rows if known["lab"] == lab), None)
    if known is None or trait not in LAB_TRAITS:
        remedy = "Describe the trait in LAB_TRAITS of sim/parameter_facts.py, or correct the name"
        raise InputError(Problem(f"nothing is on record of '{row['name']}'", "priors.csv", remedy=remedy))
    phrase, changed_by = LAB_TRAITS[trait]
    spec = SCHEMAS["labs"].columns[trait]
    bounds = spec.low, spec.high
    prior = quantiles(float(row["low"]), float(row["central"]), float(row["high"]), bounds)
    source = f"the fit's prior: {row['source']}; the lab: {known['source']} {known['note']}".strip()
    return Number(row["name"], f"{phrase} ({lab})", spec.unit, source, row["grade"], f"{changed_by}.",
                  float(known[trait]), prior, bounds)  # fmt: skip


def _gains() -> Iterator[Number]:
    """The gains of the dated events of history_hold."""
    from sim.scenario import load_scenario

    for name, dist in load_scenario("history_hold", ["world.base=prior"]).world.items():
        if name.startswith("events."):
            event = name.split(".")[1].replace("_", " ")
            source = "size of the jump of 2024 in Epoch AI's capability index (scenarios/history_hold.yaml)"
            yield Number(name, f"{_EVENT[0]}: {event}", "ECI", source, "proxy", f"{_EVENT[1]}.", dist.centre, dist,
                         (dist.lower, dist.upper))  # fmt: skip


def _quantile(dist: Distribution, share: float) -> float:
    """The same as `Distribution.quantile` for one level of a distribution of the catalogue."""
    if dist.kind == "fixed":
        return dist.numbers[0]
    if dist.kind == "uniform":
        low, high = dist.numbers
        return low + share * (high - low)
    if dist.kind == "loguniform":
        low, high = (math.log(number) for number in dist.numbers)
        return math.exp(low + share * (high - low))
    if dist.kind != "two_piece":
        raise ValueError(f"no prior of the catalogue is {dist.kind}")
    return _two_piece(dist, share)


def _two_piece(dist: Distribution, share: float) -> float:
    def scale(value: float) -> float:
        return value if not dist.log else math.log(value) if value > 0 else -math.inf

    normal = NormalDist()
    low, middle, high = (scale(number) for number in dist.numbers)
    below, above = ((side / normal.inv_cdf(LEVELS[2])) for side in (middle - low, high - middle))
    if share < 0.5:
        spread, cut = below, normal.cdf((scale(dist.lower) - middle) / below) if below > 0 else 0.0
        kept = cut + 2.0 * share * (0.5 - cut)
    else:
        spread, cut = above, normal.cdf((scale(dist.upper) - middle) / above) if above > 0 else 1.0
        kept = 0.5 + (2.0 * share - 1.0) * (cut - 0.5)
    value = middle + spread * normal.inv_cdf(kept)
    return min(max(math.exp(value) if dist.log else value, dist.lower), dist.upper)


def _weighted_level(ordered: Sequence[tuple[float, float]], share: float) -> float:
    """Value at a share of the weight, each draw standing at the middle of its own."""
    total, passed = sum(weight for _, weight in ordered), 0.0
    before: tuple[float, float] | None = None
    for value, weight in ordered:
        place = (passed + 0.5 * weight) / total
        if place >= share:
            if before is None or place == before[0]:
                return value
            return before[1] + (value - before[1]) * (share - before[0]) / (place - before[0])
        before, passed = (place, value), passed + weight
    return ordered[-1][0]


def _deviation(values: Sequence[float], weights: Sequence[float], in_logs: bool) -> float:
    scaled = [math.log(value) for value in values] if in_logs else list(values)
    total = math.fsum(weights)
    mean = math.fsum(w * v for w, v in zip(weights, scaled, strict=True)) / total
    return math.sqrt(math.fsum(w * (v - mean) ** 2 for w, v in zip(weights, scaled, strict=True)) / total)


@functools.cache
def _sources() -> Mapping[str, str]:
    """The source of every module that may let a number act, by file."""
    paths = [path for folder in READERS for path in sorted(folder.glob("*.py")) if path.stem not in NOT_READERS]
    return {f"{path.parent.name}/{path.name}": path.read_text(encoding="utf-8") for path in paths}


@functools.cache
def _tree(file: str) -> ast.Module:
    return ast.parse(_sources()[file])


def _stem(name: str) -> str:
    """The name by which rules read a number: without the segment, or the trait alone for a lab."""
    stem, _, end = name.rpartition(".")
    if name.startswith("labs.") and stem.count("."):
        return end
    return stem if end in SEGMENTS else name


def _tail(name: str) -> str:
    return name.rpartition(".")[2]


def _functions_with(texts: set[str], node: ast.AST, inside: str) -> Iterator[str]:
    """Names of the functions and tables in whose code one of the texts stands, methods with their class."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
            continue
        if isinstance(child, ast.FunctionDef | ast.ClassDef):
            yield from _functions_with(texts, child, f"{inside}.{child.name}".lstrip("."))
        elif isinstance(child, ast.AnnAssign | ast.Assign) and not inside:
            target = child.target if isinstance(child, ast.AnnAssign) else child.targets[0]
            yield from _functions_with(texts, child, ast.unparse(target))
        elif isinstance(child, ast.Constant) and child.value in texts and inside:
            yield inside
        else:
            yield from _functions_with(texts, child, inside)


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every entry of nested mappings by its dotted path, mappings themselves included."""
    if isinstance(value, dict):
        for key, inner in value.items():
            full = f"{path}.{key}" if path else str(key)
            yield full, inner
            yield from _leaves(inner, full)
