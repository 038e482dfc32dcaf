"""The sections of a report that other studies fill: drivers, conditions, verdicts, scores and fit."""

import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sim.charts.sensitivity_data import label
from sim.charts.sweep_text import outcome_of
from sim.memo.words import percent_of_ln, points, share, signed
from sim.report.document import Cell, Group, Lines, Part, Row, Section, Sentence, Table
from sim.report.evidence import Evidence, is_current
from sim.report.likelihood import likelihood
from sim.report.numbers import MINUS, percent

APOSTROPHE = "\N{RIGHT SINGLE QUOTATION MARK}"
TITLES = {
    "sensitivity": "What drives it",
    "discovery": "Where it turns",
    "regret": "Which policy holds up",
    "memo": "The memo\N{RIGHT SINGLE QUOTATION MARK}s verdict",
    "backcast": "Backcast scores",
    "calibration": "The fit to the record",
}
OWN = {
    "sensitivity": "darkhorse sensitivity {file}",
    "memo": "darkhorse memo {file}",
    "backcast": "darkhorse backcast",
    "calibration": "darkhorse calibrate",
    "discovery": "darkhorse sweep {file} --vary export_controls.strictness=0,0.5,1",
}
"""What gives a reader the same for a scenario of their own."""
SAID_ELSEWHERE = ("Question:", "It happens in", "The CART tree", "How:", "The runs come from", "The base rate")
"""Starts of paragraphs of a statement that a report leaves to statement.txt."""
CLEAR = 0.05
"""A total index below this is hardly a driver."""


def evidence_section(kind: str, studies: Sequence[Evidence], subject: str) -> Section:
    """Return the section of a kind from one study or more; `subject` names the scenario that the report is about."""
    parts: list[Part] = []
    for place, study in enumerate(studies):
        parts += SHOW[kind](study.data, f"{kind}-{place + 1}")
        parts.append(_made_by(study))
    return Section(kind, TITLES[kind], parts, aside=aside(kind, studies, subject))


def aside(kind: str, studies: Sequence[Evidence], subject: str) -> str:
    """Return what a reader must know where the studies are not about the subject, or not of this code; else ''."""
    told = []
    shipped = [study for study in studies if study.shipped]
    if shipped:
        names = " and ".join(dict.fromkeys(study.scenario for study in shipped))
        told.append(
            f"This part comes with darkhorse. It is about the shipped scenario {names}, not computed from your run."
        )
        if kind in OWN:
            own = OWN[kind].format(file=shlex.quote(subject))
            told.append(f"For your own: {own}, then name its folder after yours in darkhorse report.")
    if any(not is_current(study) for study in studies):
        told.append(
            f"It was computed with another state of the model{APOSTROPHE}s code or data than the one installed."
        )
    return " ".join(told)


def _made_by(study: Evidence) -> Lines:
    told = [*study.commands, f"# {study.scenario}, darkhorse {study.version}, code {study.code[:12]}"]
    if study.hash:
        told[-1] += f", manifest {study.hash}"
    return Lines(told, code=True)


def _memo(data: Mapping[str, Any], key: str) -> list[Part]:
    rows = [
        [
            Cell(f"{row['key']}. {row['title']}"),
            Cell(row["verdict"], "near a line of the rule" if row["near_a_line"] else ""),
            Cell(effect(row["median"], unit_of(row)), effect_range(row["p05"], row["p95"], unit_of(row))),
            Cell(share(row["p_claim"]), f"of {row['runs']} runs"),
            row["estimand"],
        ]
        for row in data["rows"]
    ]  # fmt: skip
    counts = {
        word: sum(row["verdict"] == word for row in data["rows"]) for word in ("supported", "conditional", "refuted")
    }
    lead = ", ".join(f"{count} {word}" for word, count in counts.items())
    judged = {"posterior": "draws from the fit", "prior": "draws from the prior ranges"}.get(
        data["judged_on"], data["judged_on"]
    )
    head = ["Claim", "Verdict", "Effect", "Claim holds in", "What is measured"]
    note = (
        "Effect: median, and below it where 90% of the runs lie. A share of runs is not the probability that a claim "
        "is true."
    )
    return [
        f"Of the {len(data['rows'])} claims: {lead}. The verdicts rest on {data['draws']} {judged}.",
        Table(key, "The claims of the memo, each against its own counterfactual", head, [Group(rows)], (2, 3), note),
        f"The rule: {data['rule']}",
    ]


VERDICTS = ("supported", "conditional", "refuted")


def unit_of(row: Mapping[str, Any]) -> str:
    """Return the unit in which a claim's effect is read: only a difference of two logarithms is one in per cent."""
    plain_log = row["unit"] == "ln" and not str(row["estimand"]).startswith("Difference of ln")
    return "ln units" if plain_log else str(row["unit"])


def right_and_wrong(study: Evidence) -> str:
    """Return in short which of the memo's claims the model supports, supports in part, and refutes."""
    rows = study.data["rows"]
    named = {
        word: [str(row["title"]).removeprefix("... ") for row in rows if row["verdict"] == word] for word in VERDICTS
    }
    told = [f"{len(titles)} {word} ({'; '.join(titles)})" for word, titles in named.items() if titles]
    return f"Right and wrong in the memo, on {study.scenario}: of its {len(rows)} claims {', '.join(told)}."


def effect(value: float | None, unit: str) -> str:
    """Return a claim's effect in its unit: changes of logarithms in per cent, shares in points."""
    if unit == "share of spending":
        text = share(value, 1)
    else:
        text = {"ln": percent_of_ln, "share": points, "ECI": lambda v: signed(v, 3, "ECI")}.get(
            unit, lambda v: signed(v, 3, unit)
        )(value)
    return text.replace("-", MINUS, 1) if text.startswith("-") else text


def effect_range(low: float | None, high: float | None, unit: str) -> str:
    """Return the interval of a claim's effect, the unit once."""
    first, last = effect(low, unit), effect(high, unit)
    for tail in (f" {unit}", " points"):
        if first.endswith(tail) and last.endswith(tail):
            first = first.removesuffix(tail)
    return f"{first} to {last}"


def _sensitivity(data: Mapping[str, Any], key: str) -> list[Part]:
    what = "the effect (the difference from the counterfactual)" if data["of"] == "effect" else "the level"
    groups, leaders = [], []
    for column, drivers in data["drivers"].items():
        name = outcome_of(column).name
        rows = [[label(row["factor"]), f"{row['total']:.2f}", f"{row['total_low']:.2f} to {row['total_high']:.2f}"]
                for row in drivers]  # fmt: skip
        groups.append(Group(rows, title=name))
        if drivers and drivers[0]["total"] >= CLEAR:
            leaders.append(f"{name}: {label(drivers[0]['factor'])} ({drivers[0]['total']:.2f})")
    lead = f"Of {data['names']} uncertain numbers, these move {what} in {data['month']} most."
    listed = [f"Largest driver of each: {'; '.join(leaders)}."] if leaders else []
    note = (
        f"Total Sobol{APOSTROPHE} index: the part of the variance that would remain if everything else were known; 0 "
        "is none, and the parts of several drivers can add up to more than 1. Each number is drawn from its own prior "
        'range. "Other" stands for all further numbers of a group together, "chance" for luck.'
    )
    head = ["Driver", "Total index", "95% interval"]
    table = Table(key, f"Drivers of {what}, {data['month']}", head, groups, (1, 2), note)
    return [f"{lead} {' '.join(listed)}".strip(), table, *_parts(data, f"{key}-parts")]


def _parts(data: Mapping[str, Any], key: str) -> list[Part]:
    """Variance from structure, parameters and chance."""
    if not data["parts"]:
        return []
    names = [name for name in dict.fromkeys(row["part"] for row in data["parts"]) if name != "total"]
    known = {(row["outcome"], row["part"]): row["share"] for row in data["parts"]}
    rows: list[Row] = []
    for column in data["drivers"]:
        shares = [percent(known[column, part]) if (column, part) in known else "n/a" for part in names]
        rows.append([outcome_of(column).name, *shares])
    head = ["Outcome", *(name.replace("_", " ").capitalize() for name in names)]
    caption = "Where the variance comes from: structural variants, parameters, chance"
    note = "Shares are estimates; one slightly below zero means none."
    return [Table(key, caption, head, [Group(rows)], tuple(range(1, len(head))), note)]


def _statement(data: Mapping[str, Any], key: str) -> list[Part]:
    found: list[Part] = []
    for text in data["statement"]:
        if text.startswith("- "):
            item = text.removeprefix("- ")
            if found and isinstance(found[-1], Lines):
                found[-1] = Lines([*found[-1].items, item])
            else:
                found.append(Lines([item]))
        else:
            found.append(text)
    return found


def _discovery(data: Mapping[str, Any], key: str) -> list[Part]:
    rate = data["base_rate"]
    if rate is None:
        return _statement(data, key)
    text = f": {data['what']}. It happens in {100 * rate:.0f}% of {data['runs']} runs before any condition is set."
    kept = [line for line in data["statement"] if not line.startswith(SAID_ELSEWHERE)]
    return [
        Sentence("", likelihood(rate, data["runs"]).capitalize(), text),
        *_statement({**data, "statement": kept}, key),
        "Shares of runs depend on the ranges that parameters and levers are drawn from. Conditions say where something "
        "happens in the model, not why.",
    ]


def _backcast(data: Mapping[str, Any], key: str) -> list[Part]:
    had = data["coverage"]
    lead = (
        f"Fitted to data up to {', '.join(data['cuts'])} and held against what came after: "
        f"{100 * had['inside90']:.0f}% of {had['targets']} later observations lie in the 90% "
        f"band, {100 * had['inside50']:.0f}% in the 50% band. "
        f"{data['facts']['facts_all_inside']} of {data['facts']['facts']} facts of the minimum set lie wholly in the "
        "90% band."
    )
    rows = [
        [name.capitalize(), f"{rule['beaten']} of {rule['targets']}", f"{rule['ratio']:.2f}", rule["what"]]
        for name, rule in data["rules"].items()
    ]
    note = "Ratio of errors (CRPS), model over rule, median over the targets: below 1 the model is closer."
    table = Table(key, "The model against simple rules", ["Rule", "Model closer on", "Error ratio", "The rule"],
                  [Group(rows)], (1, 2), note)  # fmt: skip
    return [lead, table, Lines([f"{text.rstrip('.')}." for text in data["notes"]])]


def _calibration(data: Mapping[str, Any], key: str) -> list[Part]:
    learnt = ", ".join(label(name) for name in data["learnt"]) or "none"
    return [
        f"The presets draw from a fit to {data['targets_fitted']} targets up to {data['fitted_to']}. Of "
        f"{data['names_drawn']} uncertain numbers {data['names_fitted']} were fitted; the record settles "
        f"{data['rank']} directions among them, and {len(data['learnt'])} single numbers: {learnt}.",
        f"In made-up worlds, of which the truth is known, 90% bands of such a fit hold it in "
        f"{100 * data['recovered_coverage']:.0f}% of cases.",
        *(Lines([str(text) for text in data["warnings"]]) for _ in [0] if data["warnings"]),
    ]


SHOW: Mapping[str, Callable[[Mapping[str, Any], str], list[Part]]] = {
    "memo": _memo,
    "sensitivity": _sensitivity,
    "discovery": _discovery,
    "regret": _statement,
    "backcast": _backcast,
    "calibration": _calibration,
}
