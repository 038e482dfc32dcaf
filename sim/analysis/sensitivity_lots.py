"""What a sensitivity study asks: outcomes as targets, and the runs of its three designs.

An effect is a paired difference: the scenario less its counterfactual for the same draw of the parameters, the same
levels that the design sets, and the same chance. Both arms of every run are therefore in one lot, one case each.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sim.analysis.sensitivity import Floats, MorrisDesign, Whole, from_second
from sim.calendar import month_index, month_label
from sim.errors import InputError, Problem
from sim.experiments.outcomes import column_names
from sim.lots import Lot
from sim.plan import LAST_OBSERVED
from sim.tape import Tape

if TYPE_CHECKING:
    from sim.scenario import Scenario

EFFECT, LEVEL = "effect", "level"
OUTCOMES = (
    "frontier_capability.CN",
    "gap_months.CN",
    "token_share_abroad.CN",
    "revenue_share_abroad.CN",
    "compute_owned.CN",
    "efficiency_researchers.CN",
    "algorithmic_progress.CN",
    "supplier_revenue_lost",
)
"""What a study looks at unless told otherwise."""
CHANCE = "chance"
"""The last factor of a Sobol' design: the luck of the months."""
OTHERS = "other parameters"
GROUPS = {
    "other chips and compute": ("chip_market", "compute", "serving"),
    "other research and talent": ("research", "talent", "budget", "knowledge", "reasoning", "training", "capability",
                                  "events"),
    "other release and prices": ("release", "pricing"),
    "other demand": ("demand",),
    "other governments": ("gov",),
    "other traits of labs": ("labs",),
    "other observation": ("observation",),
}  # fmt: skip
"""Factors of a Sobol' design beside the parameters that it names: all others, by the first word of their names."""
AS_WRITTEN = "as written"
FORMS = {"rationing": ("price", "quota"), "pricing": ("pass_through", "bertrand"),
         "governments": ("exogenous", "endogenous")}  # fmt: skip
"""Structural forms of the model and the two sides of each; channels are on or off."""


@dataclass(frozen=True)
class Target:
    """One number of a run whose variation is explained: an outcome in a month, its level or the effect on it."""

    of: str
    outcome: str
    month: int

    @property
    def column(self) -> str:
        """The column of the runs that holds it."""
        return f"{self.outcome}@{month_label(self.month)}"


@dataclass(frozen=True)
class Question:
    """Which scenario is asked about which outcomes, at which months (numbers), as effect or level or both."""

    scenario: "Scenario"
    outcomes: tuple[str, ...]
    at: tuple[int, ...]
    of: tuple[str, ...]

    @property
    def targets(self) -> tuple[Target, ...]:
        """Every number that is explained."""
        return tuple(Target(of, name, month) for of in self.of for name in self.outcomes for month in self.at)

    @property
    def columns(self) -> list[str]:
        """The columns of the runs that the targets need."""
        return list(dict.fromkeys(target.column for target in self.targets))

    def arms(self, scenario: "Scenario | None" = None) -> "tuple[Scenario, ...]":
        """Return the scenario (or a variant of it) and, where effects are asked for, its counterfactual."""
        first = scenario or self.scenario
        other = first.counterfactual_scenario()
        return (first, other) if EFFECT in self.of and other is not None else (first,)

    def names(self) -> tuple[str, ...]:
        """Return every name that is drawn at random in the scenario or its counterfactual."""
        from sim.setup import names_drawn

        return tuple(dict.fromkeys(name for arm in self.arms() for name in names_drawn(arm)))


def question_of(
    scenario: "Scenario", outcomes: Sequence[str] = OUTCOMES, at: Sequence[str] = (), of: str = "both"
) -> Question:
    """Return a question, checked. `at`: months as text, by default the last observed month and the last of the run.

    `of` is effect, level or both; without a counterfactual both is level. Raises InputError.
    """
    problems = _bad_months(scenario, at)
    names: tuple[str, ...] = ()
    if not outcomes:
        problems.append(Problem("no outcome is asked for", "--outcomes", remedy="Name a measure, or leave it out"))
    try:
        names = column_names(outcomes, "--outcomes")
    except InputError as error:
        problems += error.problems
    has_effect = scenario.counterfactual_scenario() is not None
    if of == EFFECT and not has_effect:
        remedy = "Add `counterfactual:` to the scenario, or ask for --of level"
        problems.append(Problem("the scenario has no counterfactual, so nothing has an effect", remedy=remedy))
    if of not in (EFFECT, LEVEL, "both"):
        problems.append(Problem(f"--of cannot be {of}", remedy="Write effect, level or both"))
    if problems:
        raise InputError(problems)
    months = [month_index(text) for text in at] or [
        month for month in (month_index(LAST_OBSERVED), scenario.end) if scenario.start <= month <= scenario.end
    ]
    both = (EFFECT, LEVEL) if has_effect else (LEVEL,)
    return Question(scenario, names, tuple(sorted(set(months))), both if of == "both" else (of,))


def morris_lot(question: Question, names: Sequence[str], design: MorrisDesign) -> Lot:
    """Return the runs of a Morris design: trajectory t has draw t and chance t throughout, so no step moves them."""
    trajectories, steps, _ = design.places.shape
    number = np.repeat(np.arange(trajectories), steps)
    places = design.places.reshape(trajectories * steps, -1)
    return _both_arms(question, number, number, tuple(names), places)


def grouped(names: Sequence[str], chosen: Sequence[str]) -> dict[str, list[str]]:
    """Return the names that are not chosen by the group that they make a factor of; no group is empty."""
    group_of = {word: group for group, words in GROUPS.items() for word in words}
    found: dict[str, list[str]] = {group: [] for group in (*GROUPS, OTHERS)}
    for name in names:
        if name not in chosen:
            found[group_of.get(name.partition(".")[0], OTHERS)].append(name)
    return {group: members for group, members in found.items() if members}


def sobol_lot(question: Question, chosen: Sequence[str], rows: Floats) -> Lot:
    """Return the runs of a Saltelli design (groups, factors + 2, factors): chosen names, others `grouped`, and chance.

    Chosen names have the levels of the design. The others have the levels of draw 2j in group j, and those of draw
    2j + 1 where their factor is taken from B; chance likewise. So all factors are independent, and none is held fixed.
    """
    count, size, factors = rows.shape
    names = [*chosen, *(name for name in question.names() if name not in chosen)]
    place = {name: number for number, name in enumerate(chosen)}
    for number, members in enumerate(grouped(names, chosen).values(), start=len(chosen)):
        place |= dict.fromkeys(members, number)
    second, tape = from_second(factors), Tape(question.scenario.seed)
    places = np.empty((count, size, len(names)))
    for column, name in enumerate(names):
        levels = tape.uniform(f"world/{name}", 0, np.arange(2 * count)).reshape(count, 2)
        mine = np.where(second[np.newaxis, :, place[name]], levels[:, 1:], levels[:, :1])
        places[..., column] = rows[..., place[name]] if name in chosen else mine
    draw = np.repeat(2 * np.arange(count), size)
    chance = (2 * np.arange(count)[:, np.newaxis] + second[np.newaxis, :, -1]).reshape(-1)
    return _both_arms(question, draw, chance, tuple(names), places.reshape(count * size, -1))


def split_lot(question: Question, variants: "Sequence[Scenario]", draws: int, chances: int) -> Lot:
    """Return a full cross of variants, draws and chances, in both arms."""
    by_variant = [question.arms(variant) for variant in variants]
    arms = len(by_variant[0])
    cell = np.indices((len(variants), draws, chances)).reshape(3, -1)
    case = np.concatenate([cell[0] * arms + arm for arm in range(arms)])
    cases = tuple(scenario for pair in by_variant for scenario in pair)
    return Lot(cases, case, np.tile(cell[1], arms), np.tile(cell[2], arms))


def structures(scenario: "Scenario") -> "dict[str, Scenario]":
    """Return the scenario as written, and once with each switch of the model moved to its other side, by name."""
    from sim.scenario import scenario_from_resolved

    found = {AS_WRITTEN: scenario}
    for name, (one, other) in FORMS.items():
        data = scenario.resolved()
        data["model"][name] = other if data["model"][name] == one else one
        found[f"{name} {data['model'][name]}"] = scenario_from_resolved(data)
    for name, on in scenario.model.channels.model_dump().items():
        data = scenario.resolved()
        data["model"]["channels"][name] = not on
        found[f"{name} {'off' if on else 'on'}"] = scenario_from_resolved(data)
    return found


def structure_count(scenario: "Scenario") -> int:
    """Return how many variants `structures` has."""
    return 1 + len(FORMS) + len(scenario.model.channels.model_dump())


def _both_arms(question: Question, draw: Whole, chance: Whole, names: tuple[str, ...], places: Floats) -> Lot:
    cases = question.arms()
    arms = len(cases)
    case = np.repeat(np.arange(arms), len(draw))
    return Lot(cases, case, np.tile(draw, arms), np.tile(chance, arms), names, np.tile(places, (arms, 1)))


def _bad_months(scenario: "Scenario", at: Sequence[str]) -> list[Problem]:
    found = []
    first, last = month_label(scenario.start), month_label(scenario.end)
    for text in at:
        try:
            inside = scenario.start <= month_index(text) <= scenario.end
        except ValueError as error:
            found.append(Problem(f"--at: {error}", remedy="Write YYYY-MM"))
            continue
        if not inside:
            found.append(Problem(f"--at {text} lies outside the run ({first} to {last})", remedy="Name another month"))
    return found
