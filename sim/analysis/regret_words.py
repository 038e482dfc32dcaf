"""The statement of a regret analysis: the robust choice, what it gives up, and what that rests on, in plain words."""

import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from sim.analysis.objectives import Objective
from sim.analysis.regret import HIGH_SHARE, RESAMPLES, WEIGHTS

if TYPE_CHECKING:
    from sim.analysis.regret_study import Study, World

WIDTH = 100
WHO = {"sender": "the sender of the controls (US)", "challenger": "the challenger under them (CN)"}
WEIGHTED = "weighted score"
FEW_DRAWS, MOST_NAMED = 30, 6


def statement(found: "Study") -> str:
    """Return the text of statement.txt: question, robust choice, its regret, the front, and how it was done."""
    parts = [_question(found), headline(found), *_choice(found)]
    for world in found.worlds:
        title = [f"Worldview {world.name}:"] if len(found.worlds) > 1 else []
        parts += [*title, *_world(found, world)]
    parts += [*_oddities(found), *_method(found)]
    return "\n\n".join(_filled(part) for part in parts if part) + "\n"


def headline(found: "Study") -> str:
    """Return the robust choice in one sentence."""
    named = _either(found, found.robust)
    if found.spanning is not None:
        least = float(found.spanning.most.min())
        if least <= 0.0:
            return f"Robust choice over {len(found.worlds)} worldviews: {named}, the best on average in each of them."
        return (
            f"Robust choice over {len(found.worlds)} worldviews: {named}, with at most {least:.2f} stakes of weighted "
            "regret in any of them."
        )
    world = found.worlds[0]
    had = world.regret[WEIGHTED]
    place = found.robust[0]
    return (
        f"Robust choice: {named}. Its weighted regret is {had.high[place]:.2f} stakes or less in {HIGH_SHARE:.0%} of "
        f"{world.draws} draws (standard error {had.high_error[place]:.2f}), and {had.mean[place]:.2f} on average."
    )


def _question(found: "Study") -> str:
    wants = "; ".join(_wanted(objective) for objective in found.objectives)
    weights = np.asarray(found.weights)
    shares = "equal" if np.ptp(weights) < 1e-12 else ", ".join(f"{weight:.2g}" for weight in weights)
    who = WHO.get(found.side, found.side)
    return (
        f"Question: which of {len(found.policies)} policies costs least, whatever the world turns out to be, for {who}?"
        f" It wants: {wants}. Weights: {shares}. Numbers are differences from {found.reference}, draw by draw."
    )


def _wanted(objective: Objective) -> str:
    return f"{'more' if objective.higher else 'less'} {objective.name} ({objective.column}, {objective.unit})"


def _choice(found: "Study") -> Iterator[str]:
    if found.spanning is not None:
        sure = sum(found.spanning.least_most[place] for place in found.robust)
        yield f"It has the least largest regret over the worldviews in {sure:.0%} of the resamples."
        return
    world, robust = found.worlds[0], found.robust
    had = world.regret[WEIGHTED]
    sure, wins = (float(sum(shares[place] for place in robust)) for shares in (had.least_high, world.wins[0]))
    yield (
        f"It has the least {HIGH_SHARE:.0%} regret in {sure:.0%} of {RESAMPLES} resamples of the draws, and for "
        f"{wins:.0%} of all ways to weigh the objectives; it is the best policy in {sum(had.best[robust]):.0%} of the "
        "draws."
    )
    cautious = found.cautious
    agree = "the same" if cautious == robust else _either(found, cautious)
    share = float(sum(world.wins[1][place] for place in cautious))
    yield (
        f"By the least regret in the worst draw (minimax): {agree}, {had.most[cautious[0]]:.2f} stakes at most; for "
        f"{share:.0%} of all weights. The worst of {world.draws} draws is one draw, and more draws can only raise it."
    )


def _world(found: "Study", world: "World") -> Iterator[str]:
    place = found.robust[0]
    named = found.policies[place]
    losses = []
    for objective in found.objectives:
        had = world.regret[objective.column]
        losses.append(
            f"{objective.name} {had.mean[place]:.3g} on average, {had.high[place]:.3g} at {HIGH_SHARE:.0%}, "
            f"{had.most[place]:.3g} at most ({objective.unit})"
        )
    yield f"What {named} gives up against the best policy of each draw: {'; '.join(losses)}."
    ranked = np.argsort(world.regret[WEIGHTED].high, kind="stable")[:MOST_NAMED]
    highs = world.regret[WEIGHTED]
    table = "; ".join(f"{found.policies[i]} {highs.high[i]:.2f} (se {highs.high_error[i]:.2f})" for i in ranked)
    more = f" and {len(found.policies) - len(ranked)} more in regret.csv" if len(found.policies) > len(ranked) else ""
    yield f"{HIGH_SHARE:.0%} weighted regret, least first: {table}{more}."
    yield _front(found, world)


def _front(found: "Study", world: "World") -> str:
    kept = [f"{found.policies[i]} ({world.front_share[i]:.0%})" for i in np.flatnonzero(world.front)]
    text = (
        f"On the trade-off front of means over draws, with the share of resamples in which they stay: {_listed(kept)}."
    )
    beaten = [f"{found.policies[i]} by {found.policies[over]}" for i, over in enumerate(world.over) if over is not None]
    return f"{text} Dominated: {_listed(beaten)}." if beaten else text


def _oddities(found: "Study") -> Iterator[str]:
    for first, second in found.twins:
        yield f"{found.policies[second]} gives the same numbers as {found.policies[first]} in every draw."
    still = [objective.name for objective, stake in zip(found.objectives, found.scale, strict=True) if stake <= 0.0]
    if still:
        yield f"No policy moves {_listed(still)}: left out of the weighted score."
    for world in found.worlds:
        if world.lost:
            yield f"{world.name}: {world.lost} draws left out, since a run failed or has no value under some policy."
        if world.draws < FEW_DRAWS:
            yield f"{world.name} has {world.draws} draws; the high regret rests on two or three of them."


def _method(found: "Study") -> Iterator[str]:
    stakes = "; ".join(
        f"{objective.name} {stake:.3g} {objective.unit}"
        for objective, stake in zip(found.objectives, found.scale, strict=True)
    )
    yield (
        "How: the regret of a policy in a draw is the best value that any of the policies has there less its own "
        "(Savage 1951), so it depends on which policies are compared. The weighted score adds objectives in stakes: "
        "one stake is the range that the policies span in a draw, averaged over draws. "
        f"Stakes: {stakes}. A draw is the mean over its seeds; errors are by {RESAMPLES} resamples of draws, and "
        f"weights are {WEIGHTS} drawn evenly from all weightings."
    )
    if found.spanning is not None:
        yield "Across worldviews, a policy counts by its mean over the draws of each, and each worldview the same."
    yield "Draws are those of the ranges that parameters are drawn from: shares of draws are not probabilities."


def _either(found: "Study", places: Sequence[int]) -> str:
    return " or ".join(found.policies[place] for place in places)


def _listed(names: Sequence[str]) -> str:
    shown = list(names[: 2 * MOST_NAMED])
    return ", ".join(shown) + (f" and {len(names) - len(shown)} more" if len(names) > len(shown) else "")


def _filled(text: str) -> str:
    return textwrap.fill(text, WIDTH, break_on_hyphens=False)
