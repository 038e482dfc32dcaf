"""A backcast: the ensembles of every origin, the forecasts of every operator, the scores of what came after the cut."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from sim.arrays import Array
from sim.backcast.baselines import LAST, MEAN, TREND, Pools, Rule, pools_of, rules
from sim.backcast.discrepancy import CORRELATION_MONTHS
from sim.backcast.points import Point, by_operator, in_units, on_scale, points_of, series_of
from sim.backcast.predict import Luck, Paths, luck_of, paths_of, predict, predict_alone, stated_spreads
from sim.backcast.question import (
    ALONE,
    FIRST,
    FROZEN,
    MODEL,
    POSTERIOR,
    PRIOR,
    UNFITTED,
    UNTIED,
    Origin,
    Question,
    origin_of,
    scenario_of,
    unfitted,
)
from sim.backcast.scores import SHARES, Score, score, weighted_quantiles
from sim.calendar import month_index, month_label
from sim.data import load_tables
from sim.ensemble import Pace, run_arms
from sim.facts import measures_needed
from sim.measures import CATALOGUE
from sim.monthly import Monthly
from sim.operators import OPERATORS, measures_for, observe

if TYPE_CHECKING:
    from sim.engine import Record
    from sim.scenario import Scenario

METHODS = (MODEL, ALONE, UNFITTED, FROZEN, UNTIED, LAST, TREND, MEAN)
"""What is scored, in the order of the tables."""
LEVEL_UNITS = ("share", "ratio", "months", "factor a year")
"""Units of quantities that need not grow, so that their mean is a rule."""


@dataclass(frozen=True)
class Scored:
    """One observation after a cut, as one method foretold it."""

    origin: Origin
    point: Point
    method: str
    score: Score

    @property
    def horizon(self) -> int:
        """Months from the cut to the month in which the observation is known."""
        return self.point.known - month_index(self.origin.cut)


@dataclass(frozen=True)
class OperatorForecast:
    """Quantiles of one operator by month label, and what a chart needs beside them.

    `rule_lines`: centre of the simple rules by month, natural units; `missing`: numbers of the runs filled in.
    """

    operator: str
    quantiles: Mapping[str, Mapping[str, float]]
    rule_lines: Mapping[str, Mapping[str, float]]
    spread: float
    missing: int


@dataclass(frozen=True)
class Study:
    """What a backcast found. `record`: the runs of the main cut, for the facts."""

    question: Question
    origins: tuple[Origin, ...]
    points: tuple[Point, ...]
    forecasts: Mapping[str, OperatorForecast]
    scored: tuple[Scored, ...]
    record: "Record"
    scenario: "Scenario"
    runs: int


@dataclass(frozen=True)
class _Work:
    """Everything that one origin is computed from; `records` by variant."""

    origin: Origin
    points: Mapping[str, Sequence[Point]]
    records: Mapping[str, Monthly]
    seed: int
    pools: Mapping[str, Pools] = field(default_factory=dict)

    @property
    def cut(self) -> int:
        return month_index(self.origin.cut)

    def known(self, operator: str) -> list[Point]:
        return [point for point in self.points[operator] if point.known <= self.cut]

    def later(self, operator: str) -> list[Point]:
        """Observations after the cut within the months that were run."""
        last = self.records[MODEL].months[-1]
        return [point for point in self.points[operator] if self.cut < point.known <= last]

    def stated(self, operator: str) -> float:
        """The discrepancy that the rows state."""
        return stated_spreads(operator, self.known(operator), self.points[operator])[0]


def planned(question: Question, points: Sequence[Point]) -> dict[tuple[str, str], "Scenario"]:
    """Return the scenarios that are run, by fit and variant; a fit of several cuts is run once.

    Variants are only run for a fit with something to score, and the prior beside such a fit.
    """
    cuts = [origin_of(question, cut) for cut in dict.fromkeys((question.cut, *question.origins))]
    last = max(point.known for point in points)
    found: dict[tuple[str, str], Scenario] = {}
    for origin in cuts:
        scored = [point for point in points if month_index(origin.cut) < point.known]
        main = origin.fit == cuts[0].fit
        end = question.until if main else month_label(max(last, month_index(origin.cut)))
        for variant in (MODEL, FROZEN, UNTIED) if scored else (MODEL,):
            found.setdefault((origin.fit, variant), scenario_of(question, origin, variant, end))
        if scored and question.world == POSTERIOR:
            prior = scenario_of(question, unfitted(origin.cut), MODEL, end)
            held = found.get((PRIOR, MODEL))
            found[PRIOR, MODEL] = prior if held is None or held.end < prior.end else held
    return found


def carry_out(question: Question, pace: Pace, points: Sequence[Point] | None = None) -> Study:
    """Run the ensembles and return forecasts and scores. Raises InputError and RunError."""
    tables = load_tables()
    held = points_of(tables.targets.rows) if points is None else list(points)
    arms = planned(question, held)
    records = run_arms(
        {f"{fit}, {variant}": scenario for (fit, variant), scenario in arms.items()},
        range(question.draws), _measures(), pace,
    )  # fmt: skip
    monthly = {key: _monthly(records[f"{key[0]}, {key[1]}"]) for key in arms}
    origins = tuple(origin_of(question, cut) for cut in question.origins)
    main = origin_of(question, question.cut)
    seed = arms[main.fit, MODEL].seed
    works = [_work(origin, held, monthly, seed) for origin in dict.fromkeys((main, *origins))]
    return Study(
        question=question,
        origins=origins,
        points=tuple(held),
        forecasts={name: _forecast(works[0], name) for name in OPERATORS},
        scored=tuple(row for work in works for name in OPERATORS for row in _scores(work, name)),
        record=records[f"{main.fit}, {MODEL}"],
        scenario=arms[main.fit, MODEL],
        runs=question.draws * len(arms),
    )


def _measures() -> list[str]:
    wanted = {*measures_for(), *measures_needed(load_tables())}
    return [name for name in CATALOGUE if name in wanted]


def _monthly(record: "Record") -> Monthly:
    return Monthly(record.columns, record.values, record.months)


def _work(
    origin: Origin, points: Sequence[Point], records: Mapping[tuple[str, str], Monthly], seed: int
) -> _Work:  # fmt: skip
    mine = {variant: record for (fit, variant), record in records.items() if fit == origin.fit}
    if origin.fit.startswith(POSTERIOR) and (PRIOR, MODEL) in records:
        mine[UNFITTED] = records[PRIOR, MODEL]
    work = _Work(origin, by_operator(points), mine, seed)
    pools: dict[str, Pools] = {
        scale: pools_of([series_of(work.known(name)) for name in OPERATORS if OPERATORS[name].scale == scale])
        for scale in sorted({operator.scale for operator in OPERATORS.values()})
    }
    return _Work(origin, work.points, mine, seed, pools)


def _forecast(work: _Work, operator: str) -> OperatorForecast:
    record = work.records[MODEL]
    paths = _paths(work, operator, MODEL)
    known = work.known(operator)
    predictive = predict(paths, known, work.stated(operator), _luck(work, paths))
    _, error = stated_spreads(operator, known, work.points[operator])
    drawn = predictive.monthly(error)
    first = month_index(FIRST)
    places = [place for place, month in enumerate(record.months) if month >= first]
    told = weighted_quantiles(drawn[:, places], np.ones(len(drawn)), list(SHARES.values()))
    labels = [month_label(record.months[place]) for place in places]
    quantiles = {label: dict(zip(SHARES, told[:, place].tolist(), strict=True)) for place, label in enumerate(labels)}
    lines: dict[str, dict[str, float]] = {}
    for month in range(work.cut + 1, record.months[-1] + 1):
        for name, rule in _rules(work, operator, float(month), error).items():
            centre = in_units(np.array(rule.centre), operator)
            lines.setdefault(name, {})[month_label(month)] = float(centre)
    return OperatorForecast(operator, quantiles, lines, predictive.spread, paths.missing)


def _paths(work: _Work, operator: str, variant: str) -> Paths:
    record = work.records[variant]
    return paths_of(operator, observe(record, operator), record.months)


def _luck(work: _Work, paths: Paths) -> Luck:
    known = len(work.known(paths.operator))
    return luck_of(paths.operator, paths.months, known, range(len(paths.values)), work.seed)


def _scores(work: _Work, operator: str) -> list[Scored]:
    later = work.later(operator)
    if not later:
        return []
    known, stated = work.known(operator), work.stated(operator)
    paths = {variant: _paths(work, operator, variant) for variant in work.records}
    foretold = {variant: predict(path, known, stated, _luck(work, path)) for variant, path in paths.items()}
    foretold[ALONE] = predict_alone(paths[MODEL], known, stated, _luck(work, paths[MODEL]))
    found = []
    for point in later:
        samples = {method: predictive.at(point) for method, predictive in foretold.items()}
        samples |= {name: rule.sample() for name, rule in _rules(work, operator, point.time, point.error).items()}
        found += [
            Scored(work.origin, point, method, _score(samples[method], point))
            for method in METHODS
            if method in samples
        ]
    return found


def _rules(work: _Work, operator: str, month: float, error: float) -> Mapping[str, Rule]:
    otherwise = 2.0 * work.stated(operator) ** 2 / CORRELATION_MONTHS
    pools, level = work.pools[OPERATORS[operator].scale], OPERATORS[operator].unit in LEVEL_UNITS
    return rules(series_of(work.known(operator)), month, error, pools, otherwise, level)


def _score(sample: Array, point: Point) -> Score:
    natural = in_units(sample, point.operator)
    scaled = on_scale(natural, point.operator)
    return score(scaled, natural, np.ones(len(sample)), point.value, point.observed)
