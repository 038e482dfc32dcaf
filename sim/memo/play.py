"""Computes the arms of settings, in parts that share nothing, and keeps of each run only its quantities.

A part is some draws of one setting with all its arms, so that every difference is taken where both sides are at hand.
The numbers do not depend on how many processes work on the parts.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sim.arrays import Array
from sim.ensemble import DEFAULT_BLOCK, RunError
from sim.executors import executor
from sim.lots import Lot, kin
from sim.memo.quantities import read
from sim.memo.reader import monthly, play
from sim.memo.worlds import CONTROLS, FRICTIONLESS, MAIN, MAIN_ALONE, PRINTED, WITHHELD, Setting, Worlds
from sim.scenario import Scenario

DRAWS_AT_ONCE, RUNS_AT_ONCE = 50, 1280
"""Draws of a setting in a part, and about how many runs: two blocks, and a part does not take long."""
FEWEST_IN_CELLS = 8

Place = tuple[str, str]
"""A setting and one of its arms."""


@dataclass(frozen=True)
class Sizes:
    """How many draws of the world, and chances for each of them."""

    draws: int
    seeds: int = 1

    def of(self, setting: Setting) -> int:
        """Return the draws that a setting gets: the cells, of which there are many, half as many as the others."""
        if setting.group != PRINTED:
            return self.draws
        return max(min(self.draws, FEWEST_IN_CELLS), -(-self.draws // 2))


@dataclass(frozen=True)
class Part:
    """Some draws of some settings with all their arms: the scenarios, and draw and chance of each run."""

    arms: Mapping[Place, Scenario]
    draw: np.ndarray
    chance: np.ndarray


Answer = dict[str, dict[str, Array]]
"""Quantities by setting and name, (runs,); what was drawn in the main setting stands under `DRAWN`."""
DRAWN = "drawn"


@dataclass(frozen=True)
class Found:
    """The quantities of a setting by name, (draws, seeds), and what was drawn, (draws,), of the main setting."""

    values: Mapping[str, Array]
    drawn: Mapping[str, Array]


def runs_needed(settings: Sequence[Setting], sizes: Sizes) -> int:
    """Return the number of runs of all arms of these settings, on one base."""
    return sum(len(setting.arms) * sizes.of(setting) * sizes.seeds for setting in settings)


def compute(
    worlds: Worlds,
    settings: Sequence[Setting],
    sizes: Sizes,
    jobs: int,
    progress: Callable[[int], None] = lambda runs: None,
) -> dict[str, Found]:
    """Return what was found in every setting, by its key. Settings that are the same world are computed once.

    `progress` is told the runs of each part that is finished. Raises InputError, and RunError where a part fails.
    """
    arms = {setting.key: {arm: worlds.arm(setting, arm) for arm in setting.arms} for setting in settings}
    twins = _twins(settings, arms)
    own = [setting for setting in settings if twins[setting.key] == setting.key]
    parts = list(_parts(own, arms, sizes))
    answers: dict[int, Answer] = {}
    with executor("processes" if jobs > 1 and len(parts) > 1 else "here", jobs) as workers:
        for done in workers.run(compute_part, enumerate(parts)):
            part = parts[done.index]
            if done.value is None:
                keys = ", ".join(dict.fromkeys(key for key, _ in part.arms))
                raise RunError(f"draws {part.draw[0]} to {part.draw[-1]} of {keys} failed: {done.error}")
            answers[done.index] = done.value
            progress(len(part.arms) * len(part.draw))
    progress(runs_needed(settings, sizes) - runs_needed(own, sizes))
    in_order = [answers[place] for place in sorted(answers)]
    drawn = _joined(in_order, DRAWN)
    thin = {name: numbers[:: sizes.seeds] for name, numbers in drawn.items()}
    found = {
        setting.key: Found(
            {name: numbers.reshape(-1, sizes.seeds) for name, numbers in _joined(in_order, setting.key).items()},
            thin if setting.key == MAIN else {},
        )
        for setting in own
    }
    return {setting.key: found[twins[setting.key]] for setting in settings}


def compute_part(part: Part) -> Answer:
    """Play the arms of a part; return the quantities of its settings, and what was drawn in the main one."""
    months: dict[Place, list[Array]] = {place: [] for place in part.arms}
    drawn: dict[str, list[Array]] = {}
    main = (MAIN, CONTROLS)
    for group in _kindred(part.arms):
        for lot, pieces in _lots(part, group):
            shut = np.zeros(len(lot), dtype=bool)
            for (_, arm), rows in pieces:
                shut[rows] = arm == WITHHELD
            values, had = play(lot, group[0][1] == FRICTIONLESS, shut)
            for place, rows in pieces:
                months[place].append(values[rows])
                if place == main:
                    for name, numbers in had.items():
                        drawn.setdefault(name, []).append(numbers[rows])
    answer: Answer = {DRAWN: {name: np.concatenate(found) for name, found in drawn.items()}}
    for key in dict.fromkeys(key for key, _ in part.arms):
        start = next(iter(part.arms.values())).start
        mine = {place[1]: monthly(np.concatenate(found), start) for place, found in months.items() if place[0] == key}
        answer[key] = read(mine)
    return answer


def _parts(settings: Sequence[Setting], arms: Mapping[str, Mapping[str, Scenario]], sizes: Sizes) -> Iterator[Part]:
    """Parts of settings that have equally many draws, a few settings together while they fit."""
    for draws in dict.fromkeys(sizes.of(setting) for setting in settings):
        alike = [setting for setting in settings if sizes.of(setting) == draws]
        for start in range(0, draws, DRAWS_AT_ONCE):
            rows = np.arange(start * sizes.seeds, min(start + DRAWS_AT_ONCE, draws) * sizes.seeds)
            together: dict[Place, Scenario] = {}
            for setting in alike:
                more = {(setting.key, arm): scenario for arm, scenario in arms[setting.key].items()}
                if together and (len(together) + len(more)) * len(rows) > RUNS_AT_ONCE:
                    yield Part(together, rows // sizes.seeds, rows)
                    together = {}
                together = {**together, **more}
            yield Part(together, rows // sizes.seeds, rows)


def _twins(settings: Sequence[Setting], arms: Mapping[str, Mapping[str, Scenario]]) -> dict[str, str]:
    """The key of the first setting with the same arms and number of draws, by key: V3 off is the scenario itself."""
    seen: dict[tuple[object, ...], str] = {}
    found = {}
    for setting in settings:
        worlds = tuple((arm, scenario.digest()) for arm, scenario in arms[setting.key].items())
        found[setting.key] = seen.setdefault((setting.group == PRINTED, worlds), setting.key)
        if setting.key == MAIN:
            seen[(False, tuple(pair for pair in worlds if pair[0] not in MAIN_ALONE))] = MAIN
    return found


def _kindred(arms: Mapping[Place, Scenario]) -> list[list[Place]]:
    """Arms that may advance together; those without friction are played by themselves."""
    groups: dict[str, list[Place]] = {}
    for place, scenario in arms.items():
        groups.setdefault(FRICTIONLESS if place[1] == FRICTIONLESS else kin(scenario), []).append(place)
    return list(groups.values())


def _lots(part: Part, group: Sequence[Place]) -> Iterator[tuple[Lot, list[tuple[Place, slice]]]]:
    """Lots of about a block over the arms of a group, with the rows of each arm in it."""
    cases, count = tuple(part.arms[place] for place in group), len(part.draw)
    lots = -(-len(group) * count // DEFAULT_BLOCK)
    step = -(-count // lots)
    for start in range(0, count, step):
        rows = slice(start, min(start + step, count))
        few = rows.stop - rows.start
        lot = Lot(
            cases, np.repeat(np.arange(len(group)), few), np.tile(part.draw[rows], len(group)),
            np.tile(part.chance[rows], len(group)),
        )  # fmt: skip
        yield lot, [(place, slice(number * few, (number + 1) * few)) for number, place in enumerate(group)]


def _joined(answers: Sequence[Answer], key: str) -> dict[str, Array]:
    """What the parts found of a setting, in the order of its draws."""
    found = [answer[key] for answer in answers if answer.get(key)]
    return {name: np.concatenate([part[name] for part in found]) for name in found[0]}
