"""The page of a backcast, in Markdown, written from its JSON."""

from collections.abc import Mapping, Sequence
from typing import Any

from sim.backcast.baselines import LAST, TREND
from sim.backcast.question import FROZEN, MODEL, UNFITTED, UNTIED
from sim.backcast.summary import RIVALS, SIMPLE

STATED = ("2026-12", "2027-12")
"""Months of the table of forecasts, as far as the horizon reaches."""
SCORED = ("cut", "target", "month", "observed", "model: median (90%)", "inside", "z", "CRPS / last value", "/ trend")
Json = Mapping[str, Any]


def page(found: Json) -> str:
    """Return the page: what it rests on, the model beside the rules, each operator, forecasts, facts."""
    parts = [
        f"# Backcast of {found['scenario']}: data to {found['fit_until']}, forecasts to {found['until']}",
        f"Made {found['made']} from {found['runs']} runs ({found['draws']} draws, seed {found['seed']}, fit: "
        f"{found['fit']}). Equations and rules: docs/backcast.md. All numbers: backcast.json, scores.csv.",
        "\n".join(f"- {text}." for text in found["notes"]),
        *_pooled(found),
        *_operators(found),
        *_forecasts(found),
        *_facts(found),
        *_sections(found),
    ]
    return "\n\n".join(parts) + "\n"


def number(value: float | None, digits: int = 2) -> str:
    """Return a number in few characters, a dash where there is none."""
    if value is None:
        return "-"
    for size, letter in ((1e9, "bn"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= 0.9995 * size:
            return f"{value / size:.3g}{letter}"
    if 0.0 < abs(value) < 1e-3:
        return f"{value:.1e}"
    return f"{value:.{digits}f}" if abs(value) < 100 else f"{value:.0f}"


def share(value: float | None) -> str:
    """Return a share in per cent, a dash where there is none."""
    return "-" if value is None else f"{value:.0%}"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = ["| " + " | ".join(row) + " |" for row in (header, *rows)]
    return "\n".join([lines[0], "|" + "---|" * len(header), *lines[1:]])


def verdict(found: Json) -> str:
    """Return in a few sentences whether the model beats the simple rules, and where it does not."""
    rules = found["baselines"]
    if not any(rules[name]["targets"] for name in RIVALS):
        return "No observation lies after the cuts: nothing could be scored."
    said = [_beaten(name, rules[name]) for name in (LAST, TREND) if rules[name]["targets"]]
    text = f"The model beats {' and '.join(said)}." if said else "No target has a simple rule to beat."
    weaker = [row["operator"] for row in found["operators"] if not row["given"] and _beaten_by_rule(row)]
    if weaker:
        text += f" A simple rule does better for {', '.join(weaker)}."
    for name, words in ((UNFITTED, "with the prior"), (FROZEN, "with frozen routines"), (UNTIED, "without networks")):
        row = rules[name]
        if not row["targets"]:
            continue
        text += f" Beside the same model {words} it is better on {row['beaten']} of {row['targets']} targets"
        text += f" (median ratio {number(row['ratio'])})"
        earns = "the fit earns" if name == UNFITTED else "these mechanisms earn"
        text += f": {earns} nothing in the scores." if row["ratio"] >= 0.98 else "."
    cover = found["coverage"][MODEL]
    text += (
        f" {share(cover['inside90'])} of the targets lie in the 90% band and {share(cover['inside50'])} in the 50% one"
    )
    return text + (", so the bands are too narrow." if cover["inside90"] < 0.8 else
                   ", so the bands are too wide." if cover["inside50"] > 0.65 else ".")  # fmt: skip


def _beaten(name: str, row: Json) -> str:
    return f"the {name} on {row['beaten']} of {row['targets']} targets (median CRPS ratio {number(row['ratio'])})"


def _beaten_by_rule(row: Json) -> bool:
    return any((row["ratios"][name] or 0.0) > 1.05 for name in RIVALS if name in SIMPLE)


def _pooled(found: Json) -> list[str]:
    rows = []
    for label, pool in [("all origins", found), *((origin["cut"], origin) for origin in found["origins"])]:
        for name in RIVALS:
            one = pool["baselines"][name]
            if one["targets"]:
                rows.append([label, name, f"{one['beaten']} of {one['targets']}", number(one["ratio"]),
                             f"{one['operators_beaten']} of {one['operators']}", number(one["width"])])  # fmt: skip
    covers = [
        [name, str(one["targets"]), share(one["inside50"]), share(one["inside90"]), number(one["z"])]
        for name, one in found["coverage"].items()
    ]
    header = ("origin", "rule", "targets on which the model is better", "median CRPS ratio", "operators", "width ratio")
    fits = "; ".join(
        f"{origin['cut']}: {origin['fit']}" + " (stands in)" * origin["prior_stands_in"] for origin in found["origins"]
    )  # fmt: skip
    return [
        "## The model beside the rules",
        verdict(found),
        f"Fits of the origins: {fits}. A ratio below 1 means that the model is better. Width: 90% band of the model "
        "over that of the rule, median. What the model is given is not counted.",
        table(header, rows),
        "All origins together:",
        table(("method", "targets", "inside 50%", "inside 90%", "rms of z"), covers),
    ]


def _operators(found: Json) -> list[str]:
    rows = [
        [f"`{row['operator']}`", str(row["scored"]), number(row["crps_scale"]),
         *(number(row["ratios"][name]) for name in RIVALS),
         f"{row['inside50']}, {row['inside90']}" if row["scored"] else "-", row["sentence"]]
        for row in found["operators"]
    ]  # fmt: skip
    header = ("operator", "scores", "CRPS (scale)", *(f"/ {name}" for name in RIVALS), "inside 50%, 90%", "in words")
    return ["## Each operator", "Mean CRPS on the scale, and the model's over each rule's, all origins.",
            table(header, rows)]  # fmt: skip


def _forecasts(found: Json) -> list[str]:
    months = [month for month in dict.fromkeys((*STATED, found["until"])) if month <= found["until"]]
    months = [month for month in months if month > found["fit_until"]]
    units = {row["operator"]: row["unit"] for row in found["operators"]}
    rows = [
        [f"`{name}`", units[name], *(_interval(series[month]) for month in months)]
        for name, series in found["forecasts"].items()
    ]
    header = ("operator", "unit", *(f"{month}: median (90%)" for month in months))
    return ["## Forecasts", "Of what the source would publish, errors of observation included.", table(header, rows)]


def _interval(one: Mapping[str, float]) -> str:
    return f"{number(one['p50'])} ({number(one['p05'])} to {number(one['p95'])})"


def _facts(found: Json) -> list[str]:
    facts = found["facts"]
    roles = ", ".join(f"{one['inside']} of {one['parts']} {role}" for role, one in facts["by_role"].items())
    wide = facts["median_width_over_naive"]
    naive = (
        f" Beside the narrowest simple rule on earlier points, the band is {number(wide)} times as wide (median of "
        f"{facts['widths_compared']} parts)." if wide is not None else ""
    )  # fmt: skip
    text = (
        f"{facts['parts_inside']} of {facts['parts']} parts lie in the 90% predictive band ({roles}) and "
        f"{facts['parts_inside50']} in the 50% band; without the discrepancy "
        f"{facts['parts_inside_without_discrepancy']} lie in the 90% band. Facts with all parts inside: "
        f"{facts['facts_all_inside']} of {facts['facts']}; with half or more: {facts['facts_half_inside']}.{naive} "
        f"It is {number(facts['median_width_over_observation'])} times as wide as the observation's own band (median). "
        "The fit has seen these facts unless the role is HELD OUT."
    )
    rows = [
        [row["fact"], row["part"], row["role"], number(row["observed"], 3), number(row["median"], 3),
         f"{number(row['low'], 3)} to {number(row['high'], 3)}", "yes" if row["inside"] else "no",
         number(row["width"] / row["naive"]) if row["naive"] else "-"]
        for row in facts["rows"]
    ]  # fmt: skip
    header = ("fact", "part", "role", "observed", "median", "90% band", "inside", "width / rule's")
    return ["## The minimum set of facts", text, table(header, rows)]


def _sections(found: Json) -> list[str]:
    """A section for each operator: chart, what was scored, how each observation fell."""
    parts = ["## Charts and scores, operator by operator", "`darkhorse chart DIR` draws the charts where they are not."]
    for row in found["operators"]:
        name = row["operator"]
        parts += [f"### {name}", f"{row['phrase'][0].upper()}{row['phrase'][1:]} ({row['unit']}). {row['sentence']}"]
        parts.append(f"![{row['phrase']}](figures/02_operator_{name}.png)")
        mine = [_scored(one) for one in found["scores"] if one["operator"] == name]
        if mine:
            parts.append(table(SCORED, mine))
    return parts


def _scored(one: Json) -> list[str]:
    model = one["methods"][MODEL]
    ratios = [
        number(model["crps_scale"] / one["methods"][rule]["crps_scale"]) if rule in one["methods"] else "-"
        for rule in (LAST, TREND)
    ]
    band = f"{number(model['p50'], 3)} ({number(model['p05'], 3)} to {number(model['p95'], 3)})"
    inside = "50%" if model["inside50"] else "90%" if model["inside90"] else "outside"
    return [one["origin"], one["target"], one["month"], number(one["observed"], 3), band, inside,
            number(model["z"]), *ratios]  # fmt: skip
