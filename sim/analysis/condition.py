"""What counts as a case of interest: `frontier_capability.CN > baseline and gap_months.CN@2027-12 < 12`, as a value.

The text is taken apart by a pattern and never evaluated as code. A condition is one or several comparisons joined by
`and`; the left side is an outcome at a month or over the whole path, the right side a number, or the value that the
same draw and seed have at the point's baseline, with or without a number added.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.errors import InputError, Problem, nearest_name

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

PATH_STATISTICS = {"mean": "on average over all months", "min": "at its lowest", "max": "at its highest"}
COMPARISONS: Mapping[str, Callable[[Floats, Floats], Flags]] = {
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}
WORDS = {"<": "below", "<=": "at most", ">": "above", ">=": "at least"}
GRAMMAR = "OUTCOME[@YYYY-MM|@mean|@min|@max] <|<=|>|>= baseline [+|- NUMBER] | NUMBER, joined by `and`"

_NUMBER = r"(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"
_CLAUSE = re.compile(
    r"\s*(?P<outcome>[A-Za-z_][\w.]*)\s*(?:@\s*(?P<place>[\w-]+))?\s*(?P<comparison><=|>=|<|>)\s*"
    rf"(?:(?P<baseline>baseline)(?:\s*(?P<sign>[+-])\s*(?P<step>{_NUMBER}))?|(?P<number>[+-]?\s*{_NUMBER}))\s*"
)


@dataclass(frozen=True)
class Clause:
    """One comparison of an outcome at a `place` (month or statistic) with a number, or with the baseline plus it."""

    outcome: str
    place: str
    comparison: str
    against_baseline: bool
    number: float

    @property
    def column(self) -> str:
        """The column of runs.parquet."""
        return f"{self.outcome}@{self.place}"

    def __str__(self) -> str:
        """Return the clause as it would be written in full."""
        if not self.against_baseline:
            return f"{self.column} {self.comparison} {self.number:.10g}"
        step = "" if self.number == 0 else f" {'+' if self.number > 0 else '-'} {abs(self.number):.10g}"
        return f"{self.column} {self.comparison} baseline{step}"


@dataclass(frozen=True)
class Condition:
    """Comparisons that must all hold."""

    clauses: tuple[Clause, ...]

    @property
    def columns(self) -> list[str]:
        """The columns that are needed, each once."""
        return list(dict.fromkeys(clause.column for clause in self.clauses))

    @property
    def needs_baseline(self) -> bool:
        """Whether a value at the baseline is asked for."""
        return any(clause.against_baseline for clause in self.clauses)

    def __str__(self) -> str:
        """Return the condition in full: the same text for every way of writing it."""
        return " and ".join(str(clause) for clause in self.clauses)

    @property
    def slug(self) -> str:
        """A short name for a folder."""
        spelled = str(self)
        for sign, word in (("<=", " at-most "), (">=", " at-least "), ("<", " below "), (">", " above ")):
            spelled = spelled.replace(sign, word)
        spelled = spelled.replace(" + ", " plus ").replace(" - ", " minus ")
        return re.sub(r"[^a-z0-9_]+", "-", spelled.lower()).strip("-")[:60].rstrip("-")

    def holds(self, values: Mapping[str, Floats], baseline: Mapping[str, Floats]) -> tuple[Flags, Flags]:
        """Return where the condition holds and where it is defined, both (runs,).

        `values`, `baseline`: columns of shape (runs,), NaN where there is no value; a run without a value that is
        needed is not defined, and the condition does not hold there.
        """
        some = values[self.clauses[0].column]
        hold, defined = np.ones(some.shape, dtype=np.bool_), np.ones(some.shape, dtype=np.bool_)
        for clause in self.clauses:
            left, right = values[clause.column], np.full(some.shape, clause.number)
            if clause.against_baseline:
                right = baseline[clause.column] + clause.number
            known = ~(np.isnan(left) | np.isnan(right))
            defined &= known
            hold &= known & COMPARISONS[clause.comparison](np.where(known, left, 0.0), np.where(known, right, 0.0))
        return hold & defined, defined


def parse(text: str, outcomes: Sequence[str], at: Sequence[str]) -> Condition:
    """Return the condition that a text states.

    `outcomes` are the outcomes on record, `at` their months (YYYY-MM); a clause without `@` means the last month.
    Raises InputError with one problem for each clause that cannot be read.
    """
    problems: list[Problem] = []
    clauses: list[Clause] = []
    for part in re.split(r"\band\b", text):
        found = _clause(part, outcomes, at)
        if isinstance(found, Problem):
            problems.append(found)
        else:
            clauses.append(found)
    if problems:
        raise InputError(problems)
    return Condition(tuple(dict.fromkeys(clauses)))


def _clause(text: str, outcomes: Sequence[str], at: Sequence[str]) -> Clause | Problem:
    found = _CLAUSE.fullmatch(text)
    if found is None:
        return _unreadable(text)
    outcome, place = found["outcome"], found["place"] or max(at)
    if outcome not in outcomes:
        remedy = f"Recorded are {_some(outcomes)}; name others under outcomes: in the experiment and sweep again"
        return Problem(
            f"{outcome} was not recorded", path="--when", nearest=nearest_name(outcome, outcomes), remedy=remedy
        )
    if place not in at and place not in PATH_STATISTICS:
        remedy = f"Recorded are {', '.join([*at, *PATH_STATISTICS])}"
        return Problem(f"{outcome} was not recorded @{place}", path="--when", remedy=remedy)
    if found["baseline"]:
        step = float(f"{found['sign'] or '+'}{found['step'] or '0'}")
        return Clause(outcome, place, found["comparison"], True, step)
    return Clause(outcome, place, found["comparison"], False, float(found["number"].replace(" ", "")))


def _unreadable(text: str) -> Problem:
    remedy = f"Write {GRAMMAR}"
    if re.search(r"\bor\b", text):
        remedy = "Only `and` joins conditions: ask for each alternative by itself"
    return Problem(f"'{text.strip()[:80]}' is not a condition", path="--when", remedy=remedy)


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:8])
    return shown if len(names) <= 8 else f"{shown} and {len(names) - 8} more"


def in_words(condition: Condition) -> str:
    """Return the condition as a clause of a sentence, with the phrases of the catalogue of measures."""
    return " and ".join(_clause_in_words(clause) for clause in condition.clauses)


def _clause_in_words(clause: Clause) -> str:
    from sim.measures import CATALOGUE

    measure, _, entity = clause.outcome.partition(".")
    known = CATALOGUE.get(measure)
    name = f"{known.phrase if known else measure.replace('_', ' ')}{f' ({entity})' if entity else ''}"
    when = PATH_STATISTICS.get(clause.place, f"in {clause.place}")
    unit = f" {known.unit}" if known else ""
    if not clause.against_baseline:
        return f"the {name} {when} is {WORDS[clause.comparison]} {clause.number:g}{unit}"
    step = f" {'plus' if clause.number > 0 else 'minus'} {abs(clause.number):g}{unit}" if clause.number else ""
    return f"the {name} {when} is {WORDS[clause.comparison]} its baseline{step}"
