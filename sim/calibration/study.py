"""A calibration as a study: its question, and the tables and manifest that come of it."""

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sim.arrays import Array, Whole
from sim.calendar import month_index
from sim.calibration.fit import QUICK, Effort, Fit, fit
from sim.calibration.fitted import FITTED, Targets, fitted_targets, scale_of, targets_of
from sim.calibration.page import page
from sim.calibration.play import Player, Progress
from sim.calibration.unknowns import PRIORS, SLACK, SLACK_PRIOR, Unknowns, prior_rows, unknowns
from sim.data import Row, load_tables
from sim.operators import OPERATORS, untransform
from sim.places import data_folder
from sim.plan import code_digest
from sim.posterior import FOLDER
from sim.results import file_digest
from sim.studies import Study

KIND, LAST = "calibration", "2025-12"
POSTERIOR, NOTE = "posterior.csv", "posterior.json"
IDENTIFIABILITY, FACTS, INFLUENCE, SCORES = "identifiability.csv", "targets.csv", "influence.csv", "chain.npz"
PAGE = "calibration.md"
LEARNT, SILENT = 0.3, 0.1
"""Contractions above which a name counts as learnt, and below which the data say nothing of it."""
RIDGE_CORRELATION = 0.4
"""Posterior correlation beyond which two names are said to be a ridge."""
HEADLINES = (
    "frontier_capability.CN", "frontier_capability.US", "token_share_abroad.CN", "revenue_share_abroad.CN",
    "efficiency_researchers.CN", "algorithmic_efficiency.CN", "scarcity_premium.CN", "consumer_surplus",
)  # fmt: skip
"""Outputs beside the operators whose variance is shared out over the names."""


@dataclass(frozen=True)
class Question:
    """What is calibrated: a scenario's world, to data up to a month, with how much effort; `slack` fits the response of
    own progress to lost relative position as well, which is off otherwise."""

    scenario: str
    until: str
    effort: Effort
    seed: int
    slack: bool = False


@dataclass(frozen=True)
class Pace:
    """How fast: processes, and who is told of runs and of steps. None of it moves a number."""

    jobs: int
    progress: Progress | None = None
    say: Callable[[str], None] = lambda text: None


def ask(
    scenario: str, until: str, quick: bool, seed: int | None, slack: bool, sizes: Mapping[str, int | None]
) -> Question:
    """Return a question with the effort of `quick` or the full one, some sizes of it replaced. Raises InputError."""
    given = {name: value for name, value in sizes.items() if value is not None}
    effort = Effort(**{**asdict(QUICK if quick else Effort()), **given})
    found = unknowns(scenario, until)
    fitted_targets(load_tables(), until)
    return Question(scenario, until, effort, found.scenario.seed if seed is None else seed, slack)


def study_of(question: Question, pace: Pace) -> Study:
    """Return the study of a question."""
    found = unknowns(question.scenario, question.until, question.slack)
    known = {"question": asdict(question), "scenario": found.scenario.digest(), "priors": file_digest(_priors())}
    name = f"{question.scenario}-{question.until}" + ("-slack" if question.slack else "")

    def compute(folder: Path) -> tuple[Mapping[str, bytes], Mapping[str, Any]]:
        return _compute(question, found, folder, pace)

    title = _title(question, found)
    return Study(KIND, name.replace("/", "_"), title, question.seed, known, ("calibration",), compute)


def _title(question: Question, found: Unknowns) -> str:
    slack = ", with a response to scarcity" if question.slack else ""
    return f"Calibration of {found.scenario.title} to {question.until}{slack}"


def _priors() -> Path:
    return data_folder() / FOLDER / PRIORS


def _compute(
    question: Question, found: Unknowns, folder: Path, pace: Pace
) -> tuple[Mapping[str, bytes], Mapping[str, Any]]:
    tables = load_tables()
    last = month_index(question.until)
    rows = [row for row in tables.targets.rows if row["formula"] != "none" and month_index(str(row["date"])) <= last]
    player = Player(found, targets_of(rows), pace.jobs, folder, (*OPERATORS, *HEADLINES), pace.progress)
    fitted = np.array([place for place, row in enumerate(rows) if row["role"] == FITTED], dtype=np.int64)
    targets, asked = fitted_targets(tables, question.until), [SLACK] if question.slack else []
    result = fit(player, fitted, targets, question.effort, question.seed, pace.say, asked)
    names = [found.names[place] for place in result.emulator.active]
    learnt = _identifiability(found, result)
    told = _told(question, found, result, names, learnt)
    facts = _facts(rows, result, question.effort.chances)
    note = {**told, "event_priors": _event_priors(found)}
    files = {
        POSTERIOR: _posterior(found, result),
        NOTE: (json.dumps(note, indent=1, allow_nan=False) + "\n").encode(),
        IDENTIFIABILITY: _csv(learnt),
        FACTS: _csv(facts),
        INFLUENCE: _csv(_influence(found, result)),
        PAGE: page(_title(question, found), told, learnt, facts).encode(),
        SCORES: _npz(chain=result.chain.samples.astype(np.float32), names=np.array(names)),
    }
    for wave in folder.glob("*.npz"):
        if wave.name != SCORES:
            wave.unlink()
    return files, {"runs": question.effort.runs, "months": found.scenario.months, **told}


def _told(
    question: Question, found: Unknowns, result: Fit, names: Sequence[str], learnt: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """What manifest and note say of the fit."""
    effective = 1.0 / float((result.weights**2).sum())
    explained = result.emulator.explained
    warnings = []
    if result.chain.r_hat.max() > 1.05:
        warnings.append(f"R-hat reaches {result.chain.r_hat.max():.3f}: the chain is too short for its tails")
    if result.chain.ess.min() < 400:
        warnings.append(f"the smallest effective sample size of the chain is {result.chain.ess.min():.0f}")
    return {
        "fitted_to": question.until,
        "scenario_name": question.scenario,
        "slack": question.slack,
        "effort": asdict(question.effort),
        "fit_seed": question.seed,
        "model": code_digest(),
        "targets_fitted": len(result.emulator.constant),
        "names_drawn": len(found.names),
        "names_fitted": list(names),
        "contraction": {row["name"]: round(float(row["contraction"]), 4) for row in learnt},
        "shift": {row["name"]: round(float(row["shift"]), 4) for row in learnt},
        "learnt": [row["name"] for row in learnt if row["verdict"] == "learnt"],
        "r_hat": round(float(result.chain.r_hat.max()), 4),
        "ess": round(float(result.chain.ess.min()), 1),
        "accepted": round(result.chain.accepted, 4),
        "space_left": [round(share, 5) for share in result.left],
        "explained": {"median": round(float(np.median(explained)), 3), "least": round(float(explained.min()), 3)},
        "singular_values": [round(float(value), 3) for value in result.singular],
        "rank": int((result.singular > 1.0).sum()),
        "effective_draws": round(effective, 1),
        "pareto_k": round(result.tail, 3) if np.isfinite(result.tail) else None,
        "recovered_worlds": result.recovery.worlds,
        "recovered_coverage": round(float(result.recovery.coverage.mean()), 3),
        "ridges": _ridges(result, names),
        "scarcity_response": _slack(question, found, result),
        "warnings": warnings,
    }


def _ridges(result: Fit, names: Sequence[str]) -> list[dict[str, Any]]:
    """Pairs of names that the data do not tell apart: strongly correlated in the posterior, strongest first."""
    flat = result.chain.samples.reshape(-1, len(names))
    matrix = np.atleast_2d(np.corrcoef(flat.T))
    pairs = [(i, j) for i in range(len(names)) for j in range(i) if abs(matrix[i, j]) > RIDGE_CORRELATION]
    pairs.sort(key=lambda pair: -abs(matrix[pair]))
    return [{"names": [names[j], names[i]], "correlation": round(float(matrix[i, j]), 3)} for i, j in pairs]


def _slack(question: Question, found: Unknowns, result: Fit) -> dict[str, float] | None:
    """Prior and posterior of the response of progress to scarcity, where it was fitted."""
    if not question.slack:
        return None
    place = found.names.index(SLACK)
    values = found.values(result.posterior[0][:: question.effort.chances])[:, place]
    first, last = SLACK_PRIOR.quantile(np.array([0.05, 0.95]))
    p05, p50, p95 = weighted_quantiles(values[:, np.newaxis], result.weights, (0.05, 0.5, 0.95))[:, 0]
    above = float(result.weights[values > 0.0].sum())
    return {
        "prior_p05": float(first),
        "prior_p95": float(last),
        "p05": p05,
        "p50": p50,
        "p95": p95,
        "above_zero": above,
    }


def _event_priors(found: Unknowns) -> dict[str, Any]:
    """Return how the scenario wrote the gains of its events: the fit holds for scenarios that write them the same."""
    events = found.scenario.resolved()["world"].get("events", {})
    return {f"events.{name}.gain_eci": event["gain_eci"] for name, event in events.items()}


def _posterior(found: Unknowns, result: Fit) -> bytes:
    """The table of draws that `world.base: posterior` reads: what was fitted, and every lab's numbers of `priors.csv`.

    The second keep the fit's prior where they were not fitted: `labs.csv`, which knows how history went on, must not
    step in. Parameters that were not fitted have the same prior in parameters.csv and are left to it.
    """
    chances = len(result.posterior[0]) // len(result.weights)
    values = found.values(result.posterior[0][::chances])
    places = kept_places(found, result.emulator.active)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["draw", "weight", *(found.names[place] for place in places)])
    for draw, weight in enumerate(result.weights):
        numbers = (f"{values[draw, place]:.6g}" for place in places)
        writer.writerow([draw, f"{weight:.6g}", *numbers])
    return text.getvalue().encode()


def kept_places(found: Unknowns, active: Whole) -> list[int]:
    """Return the places of the names that the table of draws has, in the order of the unknowns."""
    own = {row["name"] for row in prior_rows()} | {found.names[place] for place in active}
    return [place for place, name in enumerate(found.names) if name in own]


def _identifiability(found: Unknowns, result: Fit) -> list[dict[str, Any]]:
    """What the data say of each fitted name, the most learnt first."""
    flat = result.chain.samples.reshape(-1, len(result.emulator.active))
    levels = (0.05, 0.5, 0.95)
    rows = []
    for k, place in enumerate(result.emulator.active):
        name = found.names[place]
        prior = found.scenario.world[name].quantile(np.array(levels))
        scores = np.quantile(flat[:, k], levels)
        posterior = found.scenario.world[name].quantile(_level(scores))
        contraction = 1.0 - float(flat[:, k].std())
        verdict = "learnt" if contraction >= LEARNT else "little" if contraction >= SILENT else "the data say nothing"
        rows.append({
            "name": name,
            **_labelled("prior", prior), **_labelled("posterior", posterior),
            "shift": float(flat[:, k].mean()), "contraction": contraction, "verdict": verdict,
            "recovered_correlation": float(result.recovery.correlation[k]),
            "recovered_coverage": float(result.recovery.coverage[k]),
            "recovered_contraction": 1.0 - float(result.recovery.spread[k]),
            "r_hat": float(result.chain.r_hat[k]), "ess": float(result.chain.ess[k]),
        })  # fmt: skip
    return sorted(rows, key=lambda row: -float(row["contraction"]))


def _labelled(label: str, values: Array) -> dict[str, float]:
    return {f"{label}_{name}": float(value) for name, value in zip(("p05", "p50", "p95"), values, strict=True)}


def _level(scores: Array) -> Array:
    from scipy.special import ndtr

    level: Array = ndtr(scores)
    return level


def _facts(rows: Sequence[Row], result: Fit, chances: int) -> list[dict[str, Any]]:
    """Every target to the month: observed, prior and posterior predictive (with error and discrepancy), and z."""
    weights = np.repeat(result.weights, chances) / chances
    flat = np.full(len(result.prior[1]), 1.0 / len(result.prior[1]))
    targets: Targets = targets_of(rows)
    found = []
    for place, row in enumerate(rows):
        width = float(np.sqrt(targets.variance[place]))
        line: dict[str, Any] = {
            key: row[key] for key in ("fact", "part", "role", "minimum", "date", "unit", "scale", "observed")
        }
        for label, stated, each in (("prior", result.prior[1], flat), ("posterior", result.posterior[1], weights)):
            p05, p50, p95 = _predictive(stated[:, place], each, width)
            back = untransform(np.array([p05, p50, p95]), scale_of(row))
            line |= _labelled(label, back)
            spread = max((p95 - p05) / 3.29, 1e-9)
            line[f"{label}_z"] = float((targets.observed[place] - p50) / spread)
        line["inside_90"] = int(line["posterior_p05"] <= float(row["observed"]) <= line["posterior_p95"])
        found.append(line)
    return found


def _predictive(stated: Array, weights: Array, width: float) -> Array:
    """Quantiles of what would be observed: runs with nine points of the normal errors around each."""
    good = np.isfinite(stated)
    if not good.any():
        return np.full(3, np.nan)
    offsets = width * np.array([-1.593, -0.967, -0.589, -0.282, 0.0, 0.282, 0.589, 0.967, 1.593])
    values = (stated[good][:, np.newaxis] + offsets).ravel()
    return weighted_quantiles(values[:, np.newaxis], np.repeat(weights[good], len(offsets)), (0.05, 0.5, 0.95))[:, 0]


def weighted_quantiles(values: Array, weights: Array, levels: Sequence[float]) -> Array:
    """Return quantiles (levels, columns) of weighted values (rows, columns)."""
    result = np.empty((len(levels), values.shape[1]))
    for column in range(values.shape[1]):
        order = np.argsort(values[:, column], kind="stable")
        ends = np.cumsum(weights[order])
        places = np.searchsorted((ends - 0.5 * weights[order]) / ends[-1], levels)
        result[:, column] = values[order, column][np.minimum(places, len(order) - 1)]
    return result


def _influence(found: Unknowns, result: Fit) -> list[dict[str, Any]]:
    """Share of every output's prior variance that a name explains linearly; shares below a thousandth are left out."""
    from sim.calibration.emulator import linear_shares
    from sim.operators import transform

    outputs: list[str] = [*OPERATORS, *HEADLINES]
    last = result.prior[2]
    scaled = [
        transform(last[:, k], OPERATORS[name].scale) if name in OPERATORS else last[:, k]
        for k, name in enumerate(outputs)
    ]
    shares = linear_shares(result.prior[0], np.stack(scaled, axis=1))
    return [
        {"name": name, "output": output, "share": round(float(shares[k, place]), 4)}
        for k, output in enumerate(outputs)
        for place, name in enumerate(found.names)
        if shares[k, place] >= 0.001
    ]


def _csv(rows: Sequence[Mapping[str, Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(list(rows[0]))
    for row in rows:
        writer.writerow([f"{cell:.6g}" if isinstance(cell, float) else cell for cell in row.values()])
    return text.getvalue().encode()


def _npz(**arrays: Any) -> bytes:
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)
    return content.getvalue()
