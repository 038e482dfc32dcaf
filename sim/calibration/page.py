"""The page of a calibration, in Markdown: what was fitted, how well the chain did, what the data say and do not say."""

from collections.abc import Mapping, Sequence
from typing import Any

ROLES = {
    "FITTED": "The fit saw these rows. Agreement says that the model can hold them together.",
    "HELD OUT": "The fit did not see these rows.",
    "INPUT": "These rows rest on series, settings or dates that are put in. Agreement proves nothing.",
}
WEAK_WEIGHTS = 0.7
"""Pareto tail index above which importance weights are not to be trusted (Vehtari and others 2024)."""
FOUND = 0.5
"""Correlation of truth and estimate over made-up worlds above which a name is found again."""
Told = Mapping[str, Any]
Rows = Sequence[Mapping[str, Any]]


def page(title: str, told: Told, learnt: Rows, facts: Rows) -> str:
    """Return the page. `told`: what the manifest says; `learnt`, `facts`: rows of identifiability.csv, targets.csv."""
    return "\n\n".join([
        f"# {title}",
        _summary(told, facts),
        "## What was fitted", _fitted(told),
        "## Diagnostics", _diagnostics(told), _singular(told),
        "## What the data say of each name", _identifiability(told, learnt),
        "## Ridges", _ridges(told),
        *(["## Response to scarcity", _scarcity(told)] if told["scarcity_response"] else []),
        "## Targets", *_targets(facts),
        "## How to reproduce", _reproduce(told),
    ]) + "\n"  # fmt: skip


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = ["| " + " | ".join(row) + " |" for row in (header, *rows)]
    return "\n".join([lines[0], "|" + "---|" * len(header), *lines[1:]])


def _number(value: float) -> str:
    if abs(value) >= 1e6 or 0.0 < abs(value) < 1e-4:
        return f"{value:.1e}"
    return f"{value:.3g}" if abs(value) < 1e3 else f"{value:,.0f}"


def _inside(rows: Rows, kind: str) -> int:
    return sum(row[f"{kind}_p05"] <= float(row["observed"]) <= row[f"{kind}_p95"] for row in rows)


def _summary(told: Told, facts: Rows) -> str:
    counts = []
    for role in ROLES:
        rows = [row for row in facts if row["role"] == role]
        if rows:
            counts.append(f"{_inside(rows, 'posterior')} of {len(rows)} {role} (prior: {_inside(rows, 'prior')})")
    return (
        f"{told['targets_fitted']} targets with dates to {told['fitted_to']} outweigh the prior in {told['rank']} "
        f"directions among {len(told['names_fitted'])} names, and learn {len(told['learnt'])} names by themselves. "
        f"The observed value lies in the 90% band of the posterior for {', '.join(counts)}. Method and limits: "
        "docs/calibration.md. All numbers: identifiability.csv, targets.csv, posterior.csv, influence.csv, chain.npz."
    )


def _fitted(told: Told) -> str:
    effort = told["effort"]
    slack = "on, with a prior that is symmetric about zero" if told["slack"] else "off"
    return "\n".join([
        f"- Scenario `{told['scenario_name']}` on prior ranges; data to {told['fitted_to']}; seed {told['fit_seed']}.",
        f"- {told['names_drawn']} names are drawn. The {len(told['names_fitted'])} that explain most of any target are "
        "fitted; the others keep their prior, and what they do counts as luck.",
        f"- {1 + len(effort['heats'])} waves of {effort['points']} runs (temperatures after the first: "
        f"{', '.join(f'{heat:g}' for heat in effort['heats']) or 'none'}), then {effort['draws']} draws with "
        f"{effort['chances']} runs each.",
        f"- The response of progress to scarcity is {slack}.",
    ])  # fmt: skip


def _diagnostics(told: Told) -> str:
    left = ", ".join(f"{share:.1%}" for share in told["space_left"])
    tail = told["pareto_k"]
    trust = (
        "too few draws to tell"
        if tail is None
        else (
            f"above {WEAK_WEIGHTS:g}, so the weights follow a few draws and the luck of their runs; tempered until "
            "half of the draws count"
            if tail > WEAK_WEIGHTS
            else f"not above {WEAK_WEIGHTS:g}"
        )
    )
    rows = [
        ("R-hat, largest over names", f"{told['r_hat']:.3f}", "walkers have met below 1.05"),
        ("effective sample, smallest", f"{told['ess']:.0f}", "400 is enough for 90% intervals"),
        ("proposals accepted", f"{told['accepted']:.0%}", "20 to 60% is usual"),
        ("Pareto k of the weights", "-" if tail is None else f"{tail:.2f}", trust),
        ("effective draws", f"{told['effective_draws']:.0f} of {told['effort']['draws']}", "after tempering"),
        ("prior space left, by wave", left, "share of the prior that at most one target rules out"),
        ("variance that the emulator explains",
         f"{told['explained']['median']:.0%} (least {told['explained']['least']:.0%})",
         "median over targets; the rest is luck, names that are not fitted, and error of the emulator"),
        ("coverage in made-up worlds", f"{told['recovered_coverage']:.0%} of {told['recovered_worlds']} worlds",
         "90% intervals; nominal is 90%"),
    ]  # fmt: skip
    table = markdown_table(("diagnostic", "value", "how to read it"), rows)
    return "\n".join([table, *(f"\n**Warning:** {text}." for text in told["warnings"])])


def _singular(told: Told) -> str:
    values = ", ".join(f"{value:.2f}" for value in told["singular_values"])
    return (
        f"Rank of the Jacobian: {told['rank']} singular values above 1 (targets in standard deviations of luck, "
        "emulator, observation and discrepancy, names in prior standard deviations): "
        f"{values}. Where a value is below 1 the prior weighs more than the data."
    )


def _identifiability(told: Told, learnt: Rows) -> str:
    tied = {name for pair in told["ridges"] for name in pair["names"]}
    rows = [
        (
            f"`{row['name']}`",
            f"{_number(row['prior_p05'])} to {_number(row['prior_p95'])}",
            f"{_number(row['posterior_p05'])} to {_number(row['posterior_p95'])}",
            _number(row["posterior_p50"]) if row["verdict"] == "learnt" and row["name"] not in tied else "",
            f"{row['contraction']:.0%}", row["verdict"],
            f"{row['recovered_contraction']:.0%}", f"{row['recovered_correlation']:.2f}",
            f"{row['recovered_coverage']:.0%}",
        )
        for row in learnt
    ]  # fmt: skip
    head = (
        "name", "prior 5 to 95%", "posterior 5 to 95%", "median", "contraction", "verdict",
        "contraction in made-up worlds", "correlation with the truth there", "coverage there",
    )  # fmt: skip
    return (
        "Contraction is 1 less the posterior over the prior standard deviation: learnt from 30%, nothing below 10%. A "
        "median is given for names that are learnt and stand in no ridge; all others are ranges to be swept. The last "
        f"columns say what such data can teach: {told['recovered_worlds']} runs of the model were fitted like data.\n\n"
        f"{markdown_table(head, rows)}{_doubt(learnt)}"
    )


def _doubt(learnt: Rows) -> str:
    """What is to be said of names that are learnt here and not found again in made-up worlds."""
    names = [row["name"] for row in learnt if row["verdict"] == "learnt" and row["recovered_correlation"] < FOUND]
    if not names:
        return ""
    return (
        f"\n\nLearnt here and not found again in made-up worlds (correlation below {FOUND:g}), so to be doubted: "
        f"{', '.join(f'`{name}`' for name in names)}."
    )


def _ridges(told: Told) -> str:
    if not told["ridges"]:
        return "No two names have a posterior correlation beyond 0.4 in size."
    rows = [(*(f"`{name}`" for name in pair["names"]), f"{pair['correlation']:+.2f}") for pair in told["ridges"]]
    return (
        "Names that the data cannot tell apart: they know a sum of the two and not each. They are swept together and "
        f"never reported as a number.\n\n{markdown_table(('name', 'name', 'correlation'), rows)}"
    )


def _scarcity(told: Told) -> str:
    found = told["scarcity_response"]
    sign = found["above_zero"]
    verdict = (
        "The data do not fix its sign"
        if 0.05 < sign < 0.95
        else f"The data hold it {'positive' if sign >= 0.95 else 'negative'}"
    )
    return (
        f"`research.slack`: prior {found['prior_p05']:+.2f} to {found['prior_p95']:+.2f} around zero, posterior "
        f"{found['p50']:+.2f} ({found['p05']:+.2f} to {found['p95']:+.2f}); {sign:.0%} of its weight is above zero. "
        f"{verdict}."
    )


def _targets(facts: Rows) -> list[str]:
    parts = [
        "Bands are 90% and hold the errors of the observation and of the model. z is the distance of the observed "
        "value from the posterior median in standard deviations of the band. A row in bold lies outside its band."
    ]
    head = ("target", "minimum set", "observed", "prior: median (90%)", "posterior: median (90%)", "z")
    for role, meaning in ROLES.items():
        rows = [row for row in facts if row["role"] == role]
        if rows:
            lines = [_target(row) for row in rows]
            inside = _inside(rows, "posterior")
            parts += [f"### {role}", f"{meaning} {inside} of {len(rows)} inside.", markdown_table(head, lines)]
    return parts


def _target(row: Mapping[str, Any]) -> tuple[str, ...]:
    name = f"{row['fact']} {row['part']}"
    bands = [
        f"{_number(row[f'{kind}_p50'])} ({_number(row[f'{kind}_p05'])} to {_number(row[f'{kind}_p95'])})"
        for kind in ("prior", "posterior")
    ]
    missed = not _inside([row], "posterior")
    minimum = "yes" if int(float(row["minimum"])) else ""
    return (
        f"**{name}**" if missed else name, minimum, f"{_number(float(row['observed']))} {row['unit']}", *bands,
        f"{row['posterior_z']:+.1f}",
    )  # fmt: skip


def _reproduce(told: Told) -> str:
    effort, parts = told["effort"], ["darkhorse calibrate"]
    if told["scenario_name"] != "history_hold":
        parts.append(told["scenario_name"])
    parts.append(f"--until {told['fitted_to']}")
    parts += ["--quick"] if len(effort["heats"]) == 1 else []
    parts += ["--slack"] if told["slack"] else []
    sizes = " ".join(f"--{name} {effort[name]}" for name in ("points", "steps", "draws"))
    return (
        f"```\n{' '.join(parts)} {sizes} --seed {told['fit_seed']}\n```\n\nThe same code, tables and libraries give "
        "the same files, whatever the number of processes. Interrupted, the command goes on after the last "
        "finished wave."
    )
