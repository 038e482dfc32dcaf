"""What a backcast asks: scenario, cut, horizon, origins; the fits that are shipped; the runs that it takes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.calendar import month_index, month_label
from sim.errors import InputError, Problem, nearest_name
from sim.plan import LAST_OBSERVED
from sim.posterior import fitted_months, load_posterior
from sim.scenario import load_scenario

if TYPE_CHECKING:
    from sim.scenario import Scenario

FIRST = "2023-01"
"""The first month of forecasts."""
POSTERIOR, PRIOR, CENTRAL = "posterior", "prior", "central"
WORLDS = (POSTERIOR, PRIOR, CENTRAL)
ORIGINS = ("2023-12", "2024-06", "2024-12")
MODEL, FROZEN, UNTIED, ALONE = "model", "frozen routines", "no networks", "model alone"
UNFITTED = "not fitted"
VARIANTS: Mapping[str, tuple[str, ...]] = {
    MODEL: (),
    FROZEN: ("model.channels.portfolio_response=false",),
    UNTIED: (
        "model.channels.peers=false",
        "model.channels.spillovers=false",
        "model.channels.community_contribution=false",
    ),
}
"""The worlds that are run, and what is set in them."""


@dataclass(frozen=True)
class Question:
    """What is asked: months are text YYYY-MM; `cut` is the last month whose observations are known."""

    scenario: str
    cut: str
    until: str
    draws: int
    origins: tuple[str, ...]
    world: str
    sets: tuple[str, ...] = ()


@dataclass(frozen=True)
class Origin:
    """One cut, the fit that it uses (`posterior 2024-12`, `prior`), and whether the prior stands in for a fit."""

    cut: str
    fit: str
    stands_in: bool
    sets: tuple[str, ...]


def fits_read(question: Question) -> dict[str, str]:
    """Return the shipped fits that a question reads, by month, each with the checksum of its table."""
    if question.world != POSTERIOR:
        return {}
    months = sorted({question.cut, *question.origins} & set(fitted_months()))
    return {month: load_posterior(month).checksum for month in months}


def ask(
    scenario: str,
    cut: str | None,
    until: str,
    draws: int,
    origins: Sequence[str],
    world: str,
    sets: Sequence[str] = (),
) -> Question:
    """Return a checked question; the cut is an origin too where the record goes on after it.

    Raises InputError with everything that is wrong with it.
    """
    problems = [problem for problem in [_world(world), _fit(cut, world)] if problem]
    months = {"--fit-until": cut, "--until": until, **{f"--origins {month}": month for month in origins}}
    problems += [problem for name, month in months.items() if month and (problem := _month(name, month))]
    if problems:
        raise InputError(problems)
    chosen = cut or (fitted_months()[-1] if world == POSTERIOR else LAST_OBSERVED)
    problems = _order(chosen, until, origins)
    if draws < 2:
        problems.append(Problem(f"--draws is {draws}", remedy="Take 2 or more; 256 is the default"))
    if problems:
        raise InputError(problems)
    cuts = {*origins, chosen} if month_index(chosen) < month_index(LAST_OBSERVED) else {*origins}
    question = Question(scenario, chosen, until, draws, tuple(sorted(cuts)), world, tuple(sets))
    scenario_of(question, origin_of(question, chosen), MODEL, until)
    return question


def origin_of(question: Question, cut: str) -> Origin:
    """Return a cut with the fit it uses: the shipped one of that month, or the prior where there is none."""
    if question.world == POSTERIOR and cut in fitted_months():
        return Origin(cut, f"{POSTERIOR} {cut}", False, (f"world.base={POSTERIOR}", f"world.fitted_to={cut}"))
    world = PRIOR if question.world == POSTERIOR else question.world
    return Origin(cut, world, question.world == POSTERIOR, (f"world.base={world}",))


def unfitted(cut: str) -> Origin:
    """Return a cut with the prior, which a fit has to beat."""
    return Origin(cut, PRIOR, False, (f"world.base={PRIOR}",))


def scenario_of(question: Question, origin: Origin, variant: str, end: str) -> "Scenario":
    """Return the scenario of an origin in a variant, up to the month `end`. Raises InputError."""
    sets = [
        f"runs={question.draws}",
        f"end={end}",
        f"outputs.at=[{end}]",
        *origin.sets,
        *VARIANTS[variant],
        *question.sets,
    ]
    return load_scenario(question.scenario, sets)


def _world(world: str) -> Problem | None:
    if world in WORLDS:
        return None
    return Problem(f"--world {world}", nearest=nearest_name(world, WORLDS), remedy=f"Use {', '.join(WORLDS)}")


def _fit(cut: str | None, world: str) -> Problem | None:
    """What is wrong with the fit that is asked for; a cut that is no month is reported elsewhere."""
    there = fitted_months()
    if world != POSTERIOR or (cut in there if cut else there):
        return None
    month = cut or LAST_OBSERVED
    remedy = f"Run `darkhorse calibrate --until {month}`, or take --world {PRIOR}"
    if not there:
        return Problem("no fit is shipped", path="--fit-until", remedy=remedy)
    near = _nearest(month, there)
    message = f"no fit to {month} is shipped; there are {', '.join(there)}"
    return Problem(message, path="--fit-until", nearest=near, remedy=remedy)


def _nearest(month: str, there: Sequence[str]) -> str:
    try:
        number = month_index(month)
    except ValueError:
        return there[-1]
    return min(there, key=lambda other: abs(month_index(other) - number))


def _month(name: str, month: str) -> Problem | None:
    try:
        number = month_index(month)
    except ValueError as error:
        return Problem(str(error), path=name)
    if month_label(number) != month:
        return Problem(f"'{month}' is not a month", path=name, remedy="Write YYYY-MM")
    return None


def _order(cut: str, until: str, origins: Sequence[str]) -> list[Problem]:
    wrong = []
    if month_index(until) < max(month_index(FIRST), month_index(cut) + 1):
        remedy = f"Name a month after the cut {cut} and not before {FIRST}"
        wrong.append(Problem(f"{until} is too early", path="--until", remedy=remedy))
    for month in (cut, *origins):
        if not month_index("2022-12") <= month_index(month) <= month_index(LAST_OBSERVED):
            remedy = f"Name a month from 2022-12 to {LAST_OBSERVED}: the record of inputs ends there"
            wrong.append(Problem(f"no cut at {month}", path="--fit-until or --origins", remedy=remedy))
    return wrong
