"""memo.md and memo.csv: the readable page and the one table, from the value of `study.memo`."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sim.analysis.derived import csv_text
from sim.memo.quantities import FIVE
from sim.memo.words import band, paragraph, percent_of_ln, points, share, signed

Told = Mapping[str, Any]

HEADER = ("hypothesis", "memo_claims", "base", "group", "setting", "quantity", "unit", "runs", "median", "p05", "p95",
          "mean", "mc_error", "p_positive", "p_claim", "p_error", "verdict")  # fmt: skip
_SHOW = {"ln": percent_of_ln, "share": points, "ECI": signed, "ln units a year": signed}


def table(memo: Told) -> str:
    """Return memo.csv: a row for each hypothesis, base and setting in which it was tried."""
    return csv_text(HEADER, _rows(memo))


def _rows(memo: Told) -> Iterator[tuple[object, ...]]:
    for row in memo["hypotheses"]:
        for base in memo["bases"]:
            about = (row["key"], " ".join(row["memo_claims"]), base)
            word = row["verdicts"][base]["verdict"]
            what = (row["quantity"], row["unit"])
            yield (*about, "main", "main", *what, *_numbers(row["effects"][base]), word)
            for group in ("variants", "cells", "smuggling", "ablations"):
                for entry in row[group][base]:
                    yield (*about, group, entry["key"], *what, *_numbers(entry), "")
            for name, entry in row["beside"][base].items():
                yield (*about, "beside", "main", name, "", *_numbers(entry), "")


def _numbers(told: Told) -> tuple[object, ...]:
    return tuple(told[name] for name in HEADER[7:16])


def page(memo: Told) -> str:
    """Return memo.md: the verdicts in a table, a paragraph for each claim, tests, and the memo's errors."""
    parts = [
        f"# The memo's claims, tried on: {memo['title']}",
        _intro(memo),
        "## Verdicts",
        verdict_table(memo),
        "## The five outcomes side by side",
        "Effect of chip controls (difference from the same world without them), medians with 90% of the runs.",
        *(_five(memo, base) for base in memo["bases"]),
        "## Claim by claim",
        *(_claim(row, memo) for row in memo["hypotheses"]),
        "## Claims that are levels",
        _levels(memo),
        "## Placebos",
        _placebos(memo),
        "## Is the shock a lab effect?",
        _shock(memo),
        "## Errors of the memo",
        "\n".join(f"- {text}" for text in memo["errata"]),
    ]
    return "\n\n".join(parts) + "\n"


def _intro(memo: Told) -> str:
    return (
        f"{memo['draws']} draws ({memo['draws_in_cells']} in each of the 18 cells), {memo['seeds_per_draw']} "
        "chance(s) a "
        f"draw, seed {memo['seed']}; worlds drawn from: {', '.join(memo['bases'])}; verdicts rest on the "
        f"{memo['judged_on']}. {memo['rule']} Shares of runs are statements about this model and its ranges."
    )


def verdict_table(memo: Told) -> str:
    """Return the table of verdicts in Markdown."""
    bases = memo["bases"]
    heads = [head for base in bases for head in (f"effect, {base} (90%)", f"P, {base}")]
    lines = [_line(["", "claim", "memo", *heads, "unit", "verdict"])]
    lines.append(_line(["---"] * (5 + len(heads))))
    for row in memo["hypotheses"]:
        cells = [cell for base in bases for cell in (band(row["effects"][base], _digits),
                                                     share(row["effects"][base]["p_claim"]))]  # fmt: skip
        lines.append(_line([row["key"], row["title"], " ".join(row["memo_claims"]), *cells, row["unit"],
                            f"**{row['verdict']}**"]))  # fmt: skip
    return "\n".join(lines)


def _digits(value: float | None) -> str:
    return "n/a" if value is None else f"{value:+.3g}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _five(memo: Told, base: str) -> str:
    lines = [_line([base, *(f"{words}, {unit}" for _, unit, words in FIVE.values())]), _line(["---"] * (1 + len(FIVE)))]
    wanted = ("main", "frozen_routines", "V2b")
    for row in memo["five"][base]:
        if row["setting"] in wanted:
            cells = [band(row[name], _SHOW[unit]) for name, (_, unit, _) in FIVE.items()]
            lines.append(_line([f"{row['setting']}, {row['month']}", *cells]))
    return "\n".join(lines)


def _claim(row: Told, memo: Told) -> str:
    ladder = f" ({', '.join(row['ladder'])})" if row["ladder"] else ""
    condition = row["condition"]
    told = [condition["cells"], condition.get("box", {}).get("text", "")]
    facts = [
        f"- Estimand: {row['estimand']}. Claimed sign {row['claimed_sign']:+d}.",
        f"- Against: {row['counterfactual']}.",
        f"- Refuted if: {row['refuted_if']}.",
        f"- Put in: {row['built_in']}.",
        f"- Condition: {' '.join(text for text in told if text)}",
        f"- What would change the verdict: {row['what_would_change'] or 'nothing that was tried.'}",
    ]
    head = f"### {row['key']}. {row['title']}: {row['verdict']}{ladder}"
    return f"{head}\n\n{paragraph(row, memo)}\n\n" + "\n".join(facts) + f"\n\n{_cells(row, memo['judged_on'])}"


def _cells(row: Told, base: str) -> str:
    """The 18 cells and smuggling as a table: median and share of runs in which the claim holds."""
    cells = row["cells"][base]
    sigmas = list(dict.fromkeys(cell["factors"]["sigma"] for cell in cells))
    lines = [_line(["v0, rationing", *(f"sigma {sigma:g}" for sigma in sigmas)]), _line(["---"] * (1 + len(sigmas)))]
    for key in dict.fromkeys((cell["factors"]["v0"], cell["factors"]["rationing"]) for cell in cells):
        mine = [cell for cell in cells if (cell["factors"]["v0"], cell["factors"]["rationing"]) == key]
        shown = [f"{_digits(cell['median'])} ({share(cell['p_claim'])})" for cell in mine]
        lines.append(_line([f"{key[0]:g}, {key[1]}", *shown]))
    extra = [f"{entry['key']} {_digits(entry['median'])} ({share(entry['p_claim'])})"
             for group in ("smuggling", "variants", "ablations") for entry in row[group][base]]  # fmt: skip
    return "\n".join(lines) + f"\n\nMedian (share of runs in which it holds), {base}. {'; '.join(extra)}."


def _levels(memo: Told) -> str:
    base = memo["judged_on"]
    lines = []
    for key in ("K3", "K5"):
        told = memo["levels"][key]
        level = told["levels"][base]
        lines.append(f"- {key}, {told['title']}: {told['words']}: {level['median']:.2f} (90%: {level['p05']:.2f} to "
                     f"{level['p95']:.2f}).")  # fmt: skip
    for name, entry in memo["levels"]["all"][base].items():
        if name.startswith("level.gap"):
            lines.append(f"- {entry['phrase']}: {entry['median']:.1f} months (90%: {entry['p05']:.1f} to "
                         f"{entry['p95']:.1f}).")  # fmt: skip
    return "\n".join(lines)


def _placebos(memo: Told) -> str:
    found = memo["placebos"][memo["judged_on"]]
    main = found["main"]

    def early(name: str) -> str:
        return f"{main[f'placebo.{name}']['p95']:.3g}"

    poor = [
        f"{who}: efficiency researchers {band(main[f'placebo.effort.{who}'], percent_of_ln)}, own progress "
        f"{band(main[f'placebo.progress.{who}'], lambda value: signed(value, 3))} a year, know-how "
        f"{band(main[f'placebo.know_how.{who}'], lambda value: signed(value, 3))}"
        for who in ("DeepSeek", "Mistral")
    ]
    growth = [
        f"{who} {signed(main[f'placebo.growth.{who}.controls']['median'])} with controls, "
        f"{signed(main[f'placebo.growth.{who}.none']['median'])} without"
        for who in ("DeepSeek", "Mistral")
    ]
    return "\n".join([
        f"- Before October 2022 the largest difference in anything is {early('before_first_rule')}; before the news of "
        f"the second rule (to July 2023) the largest effect of all later rules is {early('before_second_rule')}.",
        f"- A lab under controls and one as poor under none, same months, effect of the controls: {'; '.join(poor)}.",
        f"- Growth of ln efficiency researchers from 2023-10 to 2025-12: {'; '.join(growth)}.",
        f"- Of DeepSeek's know-how at V3, {share(main['placebo.there_before']['median'])} was there in September 2023, "
        "before the rule that took its chips away.",
        f"- Frozen routines: effect on effort {band(found['frozen_routines_effort'], percent_of_ln)}.",
    ])  # fmt: skip


def _shock(memo: Told) -> str:
    rows = memo["shock"][memo["judged_on"]]
    heads = ["", "DeepSeek near the frontier", "without controls", "Mistral near", "DeepSeek behind, ECI",
             "tokens abroad", "spending abroad"]  # fmt: skip
    lines = [_line(heads), _line(["---"] * len(heads))]
    for row in rows:
        lines.append(_line([
            row["label"], share(row["near.DeepSeek.controls"]), share(row["near.DeepSeek.none"]),
            share(row["near.Mistral.controls"]), f"{row['distance.DeepSeek.controls']['median']:.1f}",
            share(row["token_share_abroad"]["median"], 1), share(row["revenue_share_abroad"]["median"], 1),
        ]))  # fmt: skip
    note = ("Near: a model on offer within 3.5 ECI of the US frontier at some time from 2024-12 to 2025-06. "
            "Behind: least "
            "distance in the first quarter of 2025, median. Shares are China's at 2025-12, medians.")  # fmt: skip
    return "\n".join(lines) + f"\n\n{note}"
