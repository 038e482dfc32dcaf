"""The memo's claims in plain language: a paragraph each, with the numbers in it. Reads the value of `study.memo`."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Told = Mapping[str, Any]


def paragraph(row: Told, memo: Told) -> str:
    """Return the paragraph on a hypothesis: what the model says, where it says otherwise, and the verdict."""
    base = row["judged_on"]
    parts = [SAY[row["key"]](row, memo, base), _held(row, base), _verdict(row)]
    return " ".join(part for part in parts if part)


def percent_of_ln(value: float | None, digits: int = 0) -> str:
    """Return a difference of logarithms as a signed change in per cent: -12%."""
    if value is None:
        return "n/a"
    return _clean(f"{100.0 * math.expm1(value):+.{digits}f}") + "%"


def points(value: float | None, digits: int = 1) -> str:
    """Return a difference of shares as signed percentage points: +3.1 points."""
    return "n/a" if value is None else f"{_clean(f'{100.0 * value:+.{digits}f}')} points"


def signed(value: float | None, digits: int = 2, unit: str = "") -> str:
    """Return a number with its sign, and its unit."""
    return "n/a" if value is None else _clean(f"{value:+.{digits}f}") + (f" {unit}" if unit else "")


def share(value: float | None, digits: int = 0) -> str:
    """Return a share in per cent: 14%."""
    return "n/a" if value is None else f"{100.0 * value:.{digits}f}%"


def band(told: Told, show: Callable[[float | None], str]) -> str:
    """Return median and 90% interval: -12% (90%: -37% to +8%)."""
    return f"{show(told['median'])} (90%: {show(told['p05'])} to {show(told['p95'])})"


def _clean(text: str) -> str:
    """A rounded zero has no sign."""
    return text.lstrip("+-") if float(text) == 0.0 else text


def _held(row: Told, base: str) -> str:
    effect = row["effects"][base]
    size = "" if row["d_min"] == 0 else f", by more than {row['d_min']:g} {row['unit']}"
    error = "" if effect["p_error"] is None else f" (Monte Carlo error {100 * effect['p_error']:.1f} points)"
    return f"The claim holds{size} in {share(effect['p_claim'])} of the {effect['runs']} runs{error}."


def _verdict(row: Told) -> str:
    reasons = "; ".join(row["reasons"])
    tip = " It lies within two Monte Carlo errors of a line of the rule: other draws could tip it."
    return f"Verdict on the {row['judged_on']}: {row['verdict']} ({reasons}).{tip if row['near_a_line'] else ''}"


def _span(rows: Sequence[Told], show: Callable[[float | None], str]) -> str:
    known = [row["median"] for row in rows if row["median"] is not None]
    return f"{show(min(known))} to {show(max(known))}" if known else "n/a"


def _cells(row: Told, base: str, regime: str) -> list[Told]:
    return [cell for cell in row["cells"][base] if cell["factors"]["rationing"] == regime]


def _ablation(row: Told, base: str, key: str, show: Callable[[float | None], str]) -> str:
    found = [entry for entry in row["ablations"][base] if entry["key"] == key]
    return show(found[0]["median"]) if found else "n/a"


def _beside(row: Told, base: str, name: str) -> Told:
    found: Told = row["beside"][base][name]
    return found


def _h1a(row: Told, memo: Told, base: str) -> str:
    return (
        f"Chip controls change the number of Chinese researchers on compute-light efficiency by "
        f"{band(row['effects'][base], percent_of_ln)} in the mean of 2023-10 to 2026-12; their share of staff moves by "
        f"{band(_beside(row, base, 'direction'), points)}. Compute owned in China at the end of 2025 is "
        f"{percent_of_ln(_beside(row, base, 'compute')['median'])}. Where chips go to those who pay, the nine "
        "cells have "
        f"medians of {_span(_cells(row, base, 'price'), percent_of_ln)}; under quotas "
        f"{_span(_cells(row, base, 'quota'), percent_of_ln)}. With frozen routines it is "
        f"{_ablation(row, base, 'frozen_routines', percent_of_ln)}."
    )


def _h1b(row: Told, memo: Told, base: str) -> str:
    return (
        "The stock of own methods of Chinese labs at the end of 2025 differs by "
        f"{band(row['effects'][base], signed)} ln "
        f"units, own progress by {band(_beside(row, base, 'own_progress'), signed)} a year. Effort and progress are "
        "different things: experiments need compute, and less of it means fewer of them."
    )


def _h1c(row: Told, memo: Told, base: str) -> str:
    return (
        f"The best Chinese lab has {band(row['effects'][base], percent_of_ln)} effective training compute at "
        "the end of "
        f"2025; China's lag behind the US frontier differs by {band(_beside(row, base, 'gap'), signed)} months. "
        f"Without distillation the difference is {_ablation(row, base, 'no_distillation', percent_of_ln)}, with states "
        f"that fund those who fall behind {_ablation(row, base, 'state_reaction', percent_of_ln)}."
    )


def _h2(row: Told, memo: Told, base: str) -> str:
    dollars, programme = _beside(row, base, "v3_dollars"), _beside(row, base, "programme")
    return (
        f"In one convention (compute of the final run at list rent, research left out) DeepSeek's run of December 2024 "
        f"costs {dollars['median']:.1f} million dollars (90%: {dollars['p05']:.1f} to {dollars['p95']:.1f}; the public "
        "figure is 5.576 million, the memo's 60,000 dollars are off by two orders of magnitude). That is "
        f"{band(row['effects'][base], percent_of_ln)} against the cost at which the best practice of the world without "
        "controls reaches the same effective compute. For DeepSeek itself controls change the cost by "
        f"{band(_beside(row, base, 'v3_own'), percent_of_ln)}. The largest US run costs "
        f"{_beside(row, base, 'largest_us_run')['median']:.0f} times as much and buys more; for the same effective "
        f"compute DeepSeek pays {band(_beside(row, base, 'v3_against_us'), percent_of_ln)} against the best US "
        "practice. "
        f"The research bill of the year is {programme['median']:.0f} times the final run "
        f"(90%: {programme['p05']:.0f} to {programme['p95']:.0f})."
    )


def _h3(row: Told, memo: Told, base: str) -> str:
    found = memo["price"][base]
    parts = found["parts"]

    def ratio(value: float | None) -> str:
        return "n/a" if value is None else f"{math.exp(value):.2f}"

    means = ", ".join(
        f"{name.replace('_', '-')} {signed(parts[name]['mean'])}"
        for name in ("size", "know_how", "small", "hosting", "markup", "premium", "stickiness")
    )
    return (
        f"In January 2025 the best Chinese open model costs {band(parts['ratio'], ratio)} of the best closed US model, "
        f"and {band(parts['adjusted'], ratio)} at equal capability. In ln units the mean ratio is "
        f"{signed(parts['ratio']['mean'])}: {means}. Markup, its stickiness and cheap hosting make "
        f"{share(found['markup_share'])} of it. Controls change the ratio by {band(parts['effect'], percent_of_ln)}. "
        "One tenth is a list price."
    )


def _h4(row: Told, memo: Told, base: str) -> str:
    effect = row["effects"][base]
    all_borrowed = _beside(row, base, "borrowing.effective")
    part = effect["mean"] / all_borrowed["mean"] if effect["mean"] is not None and all_borrowed["mean"] else None
    return (
        f"Distillation gives China's best lab {band(effect, percent_of_ln)} effective training compute at the end of "
        f"2025, {share(part)} of what it owes to others; it changes the lag by "
        f"{band(_beside(row, base, 'distillation.gap'), signed)} months and moves China's share of tokens abroad by "
        f"{band(_beside(row, base, 'distillation.tokens'), points)}. That a small model trails its flagship by a fixed "
        "distance is put into this model, so it says nothing on small models as such. With closed models that teach "
        f"nobody abroad it is {_ablation(row, base, 'closed_teachers', percent_of_ln)}."
    )


def _h5(row: Told, memo: Told, base: str) -> str:
    return (
        f"Gains from developers' use of open models move the world frontier by "
        f"{band(row['effects'][base], lambda value: signed(value, 3))} ECI at the end of 2025, of a rise of "
        f"{_beside(row, base, 'rise.world')['median']:.1f} since 2022-12; the best open model by "
        f"{band(_beside(row, base, 'community.open'), lambda value: signed(value, 3))} ECI."
    )


def _h6(row: Told, memo: Told, base: str) -> str:
    return (
        f"Open weights move China's share of tokens abroad at the end of 2025 by {band(row['effects'][base], points)} "
        f"and its share of spending abroad by {band(_beside(row, base, 'weights.revenue'), points)}; with them the "
        f"shares are {share(_beside(row, base, 'level.token_share_abroad')['median'], 1)} of tokens and "
        f"{share(_beside(row, base, 'level.revenue_share_abroad')['median'], 1)} of spending. Of self-hosted "
        "open models "
        f"the Chinese share moves by {band(_beside(row, base, 'weights.hub'), points)}."
    )


def _h7(row: Told, memo: Told, base: str) -> str:
    def left(value: float | None) -> str:
        return "n/a" if value is None else share(0.5 * math.exp(value))

    return (
        f"Under a full content filter China keeps {band(row['effects'][base], left)} of the share of tokens "
        "abroad that "
        f"it has without any, a difference of {band(_beside(row, base, 'filter.tokens'), points)} (spending "
        f"{band(_beside(row, base, 'filter.revenue'), points)})."
    )


def _h8(row: Told, memo: Told, base: str) -> str:
    effect = row["effects"][base]
    ratio = "n/a" if effect["hazard_ratio"] is None else f"{effect['hazard_ratio']:.2f}"
    return (
        f"An open Chinese model comes within half an order of magnitude of the frontier in time to be judged in "
        f"{effect['runs']} runs. In the year that follows a US lab cuts its margin by a fifth or opens up "
        f"{ratio} times as "
        "often a month as in the world where Chinese weights are withheld."
    )


def _h9(row: Told, memo: Told, base: str) -> str:
    return (
        f"Chinese labs move the world frontier by {band(row['effects'][base], lambda value: signed(value, 3))} "
        "ECI at the "
        f"end of 2025 (a year later {signed(_beside(row, base, 'rivalry.world_later')['median'], 3)}), the best open "
        f"model by {band(_beside(row, base, 'rivalry.open'), signed)} ECI and the lowest price at 140 ECI by "
        f"{band(_beside(row, base, 'rivalry.price'), percent_of_ln)}. With funding that grows with a close rival the "
        f"frontier moves by {_ablation(row, base, 'escape_competition', lambda value: signed(value, 3))}."
    )


def _h10(row: Told, memo: Told, base: str) -> str:
    return (
        "Masks, bans and content rules cost users outside China "
        f"{band(row['effects'][base], lambda v: share(v, 1))} of "
        "what they spend, of which content rules alone "
        f"{share(_beside(row, base, 'friction.filter')['median'], 1)} and "
        f"masks that came after R1 {share(_beside(row, base, 'friction.new')['median'], 1)}; with China's own "
        "wall it is "
        f"{share(_beside(row, base, 'friction.world')['median'])} of the world's spending. The worth of a choice is "
        "measured at a price weight of at least 0.2, so consumers, who hardly look at prices, count high."
    )


SAY: dict[str, Callable[[Told, Told, str], str]] = {
    "H1a": _h1a, "H1b": _h1b, "H1c": _h1c, "H2": _h2, "H3": _h3, "H4": _h4, "H5": _h5, "H6": _h6, "H7": _h7, "H8": _h8,
    "H9": _h9, "H10": _h10,
}  # fmt: skip
