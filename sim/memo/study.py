"""The whole of the memo's test as one plain value: what memo.json holds. Same input, same value."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sim.memo.claims import CLAIMS, WITHOUT_HYPOTHESIS, Claim, hazard_ratio, markup_share, median
from sim.memo.conditions import box, cell_pattern, drivers, holds, what_would_change
from sim.memo.play import Found, Sizes
from sim.memo.prices import PARTS
from sim.memo.quantities import FIVE, FIVE_MONTHS, QUANTITIES
from sim.memo.reader import PLACEBO_LABS
from sim.memo.verdict import CONDITIONAL, RULE, Verdict, decide, near_a_line, plain, share_claimed, summary
from sim.memo.worlds import (
    ARM_WORDS,
    CONTROLS,
    DIVERSION,
    MAIN,
    NONE,
    POSTERIOR,
    PRINTED,
    SHOCK,
    STRUCTURE,
    Setting,
)

Bases = Mapping[str, Mapping[str, Found]]
SCHEMA = 1
ERRATA = (
    "The cost of 60,000 dollars is off by two orders of magnitude: the public figure is 5.576 million dollars, and "
    "that is the final run alone.",
    "Where the memo says distortion it means distillation.",
    "A model's training bill is not the lab's bill: experiments, failed runs and staff come on top.",
    "One tenth is a ratio of list prices, not of costs at equal capability.",
)


@dataclass(frozen=True)
class Asked:
    """What was asked: settings, sizes, name and seed of the scenario."""

    settings: Sequence[Setting]
    sizes: Sizes
    scenario: str
    title: str
    seed: int


def memo(bases: Bases, asked: Asked) -> dict[str, Any]:
    """Return everything that the folder holds, from what was found on each base (prior, posterior).

    Verdicts rest on the posterior where it is there, else on the prior, and say which.
    """
    judged = POSTERIOR if POSTERIOR in bases else next(iter(bases))
    value = {
        "schema": SCHEMA,
        "scenario": asked.scenario,
        "title": asked.title,
        "seed": asked.seed,
        "draws": asked.sizes.draws,
        "draws_in_cells": min((asked.sizes.of(row) for row in asked.settings if row.group == PRINTED), default=0),
        "seeds_per_draw": asked.sizes.seeds,
        "bases": list(bases),
        "judged_on": judged,
        "rule": RULE,
        "errata": list(ERRATA),
        "arms": dict(ARM_WORDS),
        "settings": [
            {"key": row.key, "label": row.label, "group": row.group, "sets": dict(row.sets), **_factors(row)}
            for row in asked.settings
        ],
        "hypotheses": [_hypothesis(row, bases, judged, asked) for row in CLAIMS],
        "levels": _levels(bases),
        "five": {base: five(found) for base, found in bases.items()},
        "price": {base: price(found) for base, found in bases.items()},
        "cost": {base: _listed(found[MAIN], "v3_", "programme", "largest_us_run") for base, found in bases.items()},
        "placebos": {base: _placebos(found) for base, found in bases.items()},
        "shock": {base: _shock(found, asked.settings) for base, found in bases.items()},
    }
    clean: dict[str, Any] = _plain(value)
    return clean


def _factors(row: Setting) -> dict[str, Any]:
    return {"factors": dict(row.factors)} if row.factors else {}


def _hypothesis(row: Claim, bases: Bases, judged: str, asked: Asked) -> dict[str, Any]:
    verdicts = {base: verdict_of(row, found, asked.settings) for base, found in bases.items()}
    found = bases[judged]
    shares = _shares(row, found)
    main = holds(found[MAIN].values[row.quantity], row.sign, row.least, found[MAIN].drawn)
    pushed = drivers(main)
    word = verdicts[judged].word
    return {
        "key": row.key,
        "title": row.title,
        "memo_claims": list(row.memo),
        "ladder": list(row.ladder),
        "claim": row.says,
        "estimand": row.estimand,
        "counterfactual": row.counterfactual,
        "quantity": row.quantity,
        "unit": row.unit,
        "claimed_sign": row.sign,
        "d_min": row.least,
        "refuted_if": row.refuted,
        "built_in": row.built_in,
        "verdict": word,
        "judged_on": judged,
        "reasons": list(verdicts[judged].reasons),
        "near_a_line": _near(row, found, asked.settings, shares),
        "verdicts": {base: {"verdict": v.word, "reasons": list(v.reasons)} for base, v in verdicts.items()},
        "effects": {base: _effect(row, found) for base, found in bases.items()},
        "beside": {
            base: {name: summary(found[MAIN].values[name]) for name in row.beside} for base, found in bases.items()
        },
        **{
            group: {base: _by_setting(row, found, asked.settings, names) for base, found in bases.items()}
            for group, names in (("variants", STRUCTURE), ("cells", PRINTED), ("smuggling", DIVERSION))
        },
        "ablations": {base: _named(row, found, asked.settings) for base, found in bases.items()},
        "condition": _condition(row, word, main, shares, asked),
        "drivers": pushed,
        "what_would_change": what_would_change(word, shares, asked.settings, pushed),
    }


def verdict_of(row: Claim, found: Mapping[str, Found], settings: Sequence[Setting]) -> Verdict:
    """Return the verdict on a claim from what was found in every setting on one base."""
    shares = _shares(row, found)
    values = found[MAIN].values[row.quantity]
    known = int(np.isfinite(values).sum())
    variants = {setting.key: shares[setting.key] for setting in settings if setting.group == STRUCTURE}
    cells = None
    if row.needs_price:
        cells = {
            setting.key: median(found, row.quantity, setting.key)
            for setting in settings
            if setting.group == PRINTED and setting.factors["rationing"] == "price"
        }
    own = row.own_rule(found) if known else None
    return decide(shares[MAIN], known, variants, own, cells, row.sign)


def _near(row: Claim, found: Mapping[str, Found], settings: Sequence[Setting], shares: Mapping[str, float]) -> bool:
    values = found[MAIN].values[row.quantity]
    if row.own_rule(found) if np.isfinite(values).any() else True:
        return False
    variants = {setting.key: shares[setting.key] for setting in settings if setting.group == STRUCTURE}
    error = summary(values, row.sign, row.least)["p_error"]
    return error is not None and near_a_line(shares[MAIN], error, variants)


def _shares(row: Claim, found: Mapping[str, Found]) -> dict[str, float]:
    return {
        key: share_claimed(had.values[row.quantity], row.sign, row.least)
        for key, had in found.items()
        if row.quantity in had.values
    }


def _effect(row: Claim, found: Mapping[str, Found]) -> dict[str, Any]:
    told = summary(found[MAIN].values[row.quantity], row.sign, row.least)
    return {**told, "hazard_ratio": plain(hazard_ratio(found))} if row.key == "H8" else told


def _by_setting(
    row: Claim, found: Mapping[str, Found], settings: Sequence[Setting], group: str
) -> list[dict[str, Any]]:
    return [
        {"key": setting.key, "label": setting.label, **_factors(setting),
         **summary(found[setting.key].values[row.quantity], row.sign, row.least)}
        for setting in settings if setting.group == group and row.quantity in found[setting.key].values
    ]  # fmt: skip


def _named(row: Claim, found: Mapping[str, Found], settings: Sequence[Setting]) -> list[dict[str, Any]]:
    return [
        {"key": setting.key, "label": setting.label,
         **summary(found[setting.key].values[row.quantity], row.sign, row.least)}
        for setting in settings
        if setting.key in row.ablations and row.quantity in found[setting.key].values
    ]  # fmt: skip


def _condition(row: Claim, word: str, main: Any, shares: Mapping[str, float], asked: Asked) -> dict[str, Any]:
    cells = cell_pattern(shares, asked.settings)
    if word != CONDITIONAL:
        return {"cells": cells}
    return {"cells": cells, "box": box(main, asked.seed)}


def five(found: Mapping[str, Found]) -> list[dict[str, Any]]:
    """Return the effect of controls on the five outcomes, by setting and month, side by side."""
    rows = []
    for key, had in found.items():
        for month in FIVE_MONTHS:
            names = {name: f"five.{name}.{month}" for name in FIVE}
            if all(name in had.values for name in names.values()):
                told = {name: summary(had.values[column]) for name, column in names.items()}
                rows.append({"setting": key, "month": month, **told})
    return rows


def price(found: Mapping[str, Found]) -> dict[str, Any]:
    """Return the price ratio in parts: medians with intervals, means (which add up), and the share that is markup."""
    main = found[MAIN]
    values = {name: main.values[f"price.{name}"] for name in (*PARTS, "ratio", "quality", "adjusted", "effect")}
    return {
        "parts": {name: summary(value) for name, value in values.items()},
        "markup_share": plain(markup_share(found)),
    }


def _listed(had: Found, *starts: str) -> dict[str, Any]:
    return {
        name: {"phrase": QUANTITIES[name].phrase, "unit": QUANTITIES[name].unit, **summary(values)}
        for name, values in had.values.items()
        if name.startswith(starts)
    }


def _levels(bases: Bases) -> dict[str, Any]:
    told = {}
    for key, (quantity, title, words) in WITHOUT_HYPOTHESIS.items():
        effects = {base: summary(found[MAIN].values[quantity]) for base, found in bases.items()}
        told[key] = {"title": title, "quantity": quantity, "words": words, "levels": effects}
    for base, found in bases.items():
        told.setdefault("all", {})[base] = _listed(found[MAIN], "level.")
    return told


def _placebos(found: Mapping[str, Found]) -> dict[str, Any]:
    """Return the tests in which nothing, or the same without controls, has to come out."""
    told = _listed(found[MAIN], "placebo.")
    frozen = summary(found["frozen_routines"].values["effort"]) if "frozen_routines" in found else None
    return {"main": told, "frozen_routines_effort": frozen}


def _shock(found: Mapping[str, Found], settings: Sequence[Setting]) -> list[dict[str, Any]]:
    """Return, for the scenario and its rewrites, how often DeepSeek and the placebo lab come near the frontier."""
    wanted = [setting for setting in settings if setting.group == SHOCK or setting.key in (MAIN, "no_reasoning")]
    rows = []
    for setting in wanted:
        values = found[setting.key].values
        row: dict[str, Any] = {"setting": setting.key, "label": setting.label}
        for who in PLACEBO_LABS:
            for arm in (CONTROLS, NONE):
                row[f"near.{who}.{arm}"] = plain(float(values[f"near.{who}.{arm}"].mean()))
                row[f"distance.{who}.{arm}"] = summary(values[f"distance.{who}.{arm}"])
        for name in ("token_share_abroad", "revenue_share_abroad"):
            row[name] = summary(values[f"level.{name}"])
        rows.append(row)
    return rows


def _plain(value: Any) -> Any:
    """Plain data with ten digits and None for what is not defined."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, np.bool_ | bool):
        return bool(value)
    if isinstance(value, np.integer | int):
        return int(value)
    if isinstance(value, np.floating | float):
        return plain(float(value))
    return value
