"""The statement of a discovery: the conditions in plain words, with what they cover and how far to trust them."""

import math
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sim.analysis.condition import in_words
from sim.analysis.discovery import FEWEST_DRAWS, FOLDS, REPEATS, TOLERANCE, Found, HoldOut
from sim.analysis.sweep_cases import Dimension

if TYPE_CHECKING:
    from sim.analysis.discovery_study import Study

WIDTH = 100


def statement(found: "Study") -> str:
    """Return the text of statement.txt: question, answer, conditions one a line, check, and how it was done."""
    parts = [
        _filled(f"Question: when is it that {in_words(found.condition)}? ({found.condition})"),
        _filled(_base(found)),
    ]
    if found.reason is not None:
        parts.append(_filled(f"No box was looked for. {found.reason}.{_at_most(found)}"))
    elif found.box is None or found.held is None:
        parts.append(
            _filled("PRIM finds no conditions: no limit on a lever or parameter tells these runs from the others.")
        )
        parts.append(_filled(_tree(found)))
    else:
        parts += [*_answer(found, found.box, found.held), _filled(_tree(found))]
    parts += [_filled(text) for text in _method(found)]
    return "\n\n".join(part for part in parts if part) + "\n"


def headline(found: "Study") -> str:
    """Return the answer in one sentence."""
    if found.box is None:
        return (found.reason or "PRIM finds no conditions that tell these runs from the others") + "."
    inner = found.box.score
    return (
        f"It happens in {inner.density:.0%} of the {inner.inside} runs in which the conditions hold, "
        f"against {found.cases.base_rate:.0%} of all {len(found.cases)}."
    )


def limit_words(dimension: Dimension, low: float, high: float) -> str:
    """Return limits as words: 'enforcement is at least 0.4 share', 'rationing is quota'; open sides are infinite."""
    if dimension.category:
        return f"{dimension.label} {'is' if math.isinf(high) else 'is not'} {dimension.category}"
    unit = f" {dimension.unit}" if dimension.unit else ""
    if math.isinf(high):
        return f"{dimension.label} is at least {low:g}{unit}"
    if math.isinf(low):
        return f"{dimension.label} is at most {high:g}{unit}"
    if low == high:
        return f"{dimension.label} is {low:g}{unit}"
    return f"{dimension.label} lies between {low:g} and {high:g}{unit}"


def _base(found: "Study") -> str:
    cases = found.cases
    if not len(cases):
        return f"No run can be judged. {_left_out(found)}"
    rate = f"It happens in {cases.base_rate:.0%} of the {len(cases)} runs ({cases.hits}), whatever the conditions."
    return f"{rate} {_left_out(found)}".strip()


def _at_most(found: "Study") -> str:
    """What none in some draws says of the share of all draws: at most 3 in n, with 95% confidence (rule of three)."""
    draws = len(set(found.cases.draw.tolist()))
    if not len(found.cases) or found.cases.hits not in (0, len(found.cases)) or draws < FEWEST_DRAWS:
        return ""
    kind = "in which it ever happens" if found.cases.hits == 0 else "in which it ever fails to happen"
    return f" So the share of draws {kind} is below {3.0 / draws:.1%}, with 95% confidence (3 in {draws})."


def _left_out(found: "Study") -> str:
    table = found.table
    counts = (
        (table.own_baseline, "at points that are their own baseline"),
        (table.failed, "that failed, or whose baseline did"),
        (table.undefined, "without a value for an outcome"),
    )
    parts = [f"{count} {words}" for count, words in counts if count]
    return f"Left out: {'; '.join(parts)}." if parts else ""


def _answer(found: "Study", box: Found, held: HoldOut) -> Iterator[str]:
    inner, cases = box.score, found.cases
    yield _filled(
        f"In {inner.density:.0%} of the {inner.inside} runs in which all of the following holds, it happens; these are "
        f"{inner.coverage:.0%} of all {inner.total} runs in which it happens (density {inner.density:.2f}, coverage "
        f"{inner.coverage:.2f}, base rate {cases.base_rate:.2f}):"
    )
    yield "\n".join(_conditions(found, box, held))
    checked = (
        f"On draws that the box was not fitted to: density {held.density:.2f} (standard error {held.error:.2f}), "
        f"coverage {held.coverage:.2f}."
    )
    verdict = " The conditions hold there too." if held.holds else (
        " That is not clearly above the base rate: TAKE THE CONDITIONS ABOVE FOR NOISE until more draws confirm them."
    )  # fmt: skip
    yield _filled(checked + verdict)


def _conditions(found: "Study", box: Found, held: HoldOut) -> Iterator[str]:
    worst = {name: max(p for side, p in box.quasi_p.items() if side[0] == name) for name in box.box.limits}
    for name in sorted(worst, key=lambda name: worst[name]):
        dimension, values = found.table.dimensions[name], found.cases.column(name)
        words = limit_words(dimension, *box.box.limits[name])
        span = "" if dimension.category else f"runs: {values.min():.3g} to {values.max():.3g}; "
        tested = f"{span}quasi-p {worst[name]:.2g}; found in {held.limited[name]} of {held.fits} fits"
        phrase = f" {dimension.phrase.rstrip('.')}." if dimension.phrase else ""
        text = f"{words} ({tested}).{phrase}"
        yield textwrap.fill(text, WIDTH, initial_indent="- ", subsequent_indent="  ", break_on_hyphens=False)


def _tree(found: "Study") -> str:
    leaves = [node for node in found.nodes if node.is_leaf]
    if len(leaves) < 2:
        return "CART finds no split that is worth its place."
    ends = sorted(leaf.share for leaf in leaves)
    return (
        f"The CART tree (tree.txt) has {len(leaves)} leaves, in which it happens in {ends[0]:.0%} to {ends[-1]:.0%} "
        "of the runs. On draws that it was not grown on it takes away "
        f"{max(found.skill, 0.0):.0%} of the squared error of the base rate."
    )


def _method(found: "Study") -> Iterator[str]:
    rule, cases = found.rule, found.cases
    draws = len(set(cases.draw.tolist()))
    if found.found is not None:
        yield (
            f"How: PRIM (EMA workbench, peels of {rule.alpha:.0%}) on {min(rule.keep, len(cases.names))} dimensions "
            f"of {len(cases.names)}, those that separate best, and on fewer. The box is the one with the fewest "
            f"limits whose density is within {TOLERANCE:g} of the highest among boxes of coverage {rule.coverage:g} or "
            f"more; limits with a quasi-p-value above {rule.level:g} are taken away. The check repeats all of that "
            f"{FOLDS * REPEATS} times on some draws ({FOLDS - 1} in {FOLDS}) and tests it on the others."
        )
    if draws < len(cases):
        effect = f" Quasi-p-values count {found.found.effect:.1f} runs as one." if found.found is not None else ""
        yield (
            f"The runs come from {draws} draws, each at {found.points} points and with {found.seeds} "
            f"{'seed' if found.seeds == 1 else 'seeds'}. Runs of a draw are used one by one, but are not independent: "
            f"the check leaves out whole draws.{effect}"
        )
    if found.table.unused:
        yield f"Not used, since not all of their values are finite: {', '.join(found.table.unused)}."
    yield (
        "The base rate, and with it every density, depends on the ranges that parameters and levers are drawn from: "
        "these are shares of runs, not probabilities. Conditions say where it happens in the model, not why."
    )


def _filled(text: str) -> str:
    return textwrap.fill(text, WIDTH, break_on_hyphens=False)
