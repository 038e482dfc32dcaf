"""The memo's claims as hypotheses: what is measured, against what, and when a claim counts as refuted.

H1a to H10 are those of the blueprint, K1 to K12 the claims of the memo of early 2025 that they stand for. The ladder is
a different list: K-DIR (direction of effort), K-EFF (effort), K-PROG (progress), K-FRONT (frontier), K-MKT (market).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from sim.memo.play import Found
from sim.memo.worlds import CONTROLS, MAIN, WITHHELD

Settings = Mapping[str, Found]
OwnRule = Callable[[Settings], str | None]

NEGATIVE_SHARE = 0.9
"""Share of the runs with a negative effect from which a claim of a positive one is refuted."""
FULL_SHARE = 0.9
"""Share of an effect that frozen routines must give for it to count as equally present there."""


@dataclass(frozen=True)
class Claim:
    """A hypothesis. `quantity` times `sign` above `least` is what the claim says of a run.

    `refuted` states the row's own rule and `own_rule` applies it (the reason, or None); `beside` names quantities that
    are shown with it, `ablations` the settings that it is tried in besides variants and cells. `own_rule` comes before
    the general rule. `built_in`: what of the answer is put into the model, and where to take it out.
    """

    key: str
    title: str
    memo: tuple[str, ...]
    ladder: tuple[str, ...]
    says: str
    estimand: str
    counterfactual: str
    quantity: str
    sign: int
    least: float
    unit: str
    refuted: str
    own_rule: OwnRule
    built_in: str
    beside: tuple[str, ...] = ()
    ablations: tuple[str, ...] = ()
    needs_price: bool = False


def median(found: Settings, quantity: str, setting: str = MAIN) -> float:
    """Return the median of a quantity over the runs of a setting that have it, NaN where none does."""
    values = found[setting].values[quantity]
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else float("nan")


def average(found: Settings, quantity: str, setting: str = MAIN) -> float:
    """Return the mean of a quantity over the runs of a setting that have it, NaN where none does."""
    values = found[setting].values[quantity]
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")


def hazard_ratio(found: Settings, setting: str = MAIN) -> float:
    """Return how much likelier a US lab answers in a month with Chinese open releases than without, NaN if unknown."""
    rate = {}
    for arm in (CONTROLS, WITHHELD):
        exposed = float(found[setting].values[f"answers.exposure.{arm}"].sum())
        rate[arm] = float(found[setting].values[f"answers.events.{arm}"].sum()) / exposed if exposed else float("nan")
    return rate[CONTROLS] / rate[WITHHELD] if rate[WITHHELD] > 0.0 else float("nan")


def markup_share(found: Settings) -> float:
    """Return the part of the price gap that is markup, its stickiness and cheap hosting rather than cost of serving."""
    parts = sum(average(found, f"price.{name}") for name in ("hosting", "markup", "stickiness"))
    return parts / average(found, "price.ratio")


def _frozen(found: Settings) -> str | None:
    full, frozen = median(found, "effort"), median(found, "effort", "frozen_routines")
    if full > 0.02 and frozen >= FULL_SHARE * full:
        return f"the effect is as large where labs never re-plan ({frozen:+.3f} against {full:+.3f})"
    return None


def _cost(found: Settings) -> str | None:
    values = found[MAIN].values["v3_cost"]
    high = float(np.quantile(values[np.isfinite(values)], 0.95))
    programme = median(found, "programme")
    if programme > 20.0:
        return f"the programme costs {programme:.0f} times the final run"
    if high >= 0.0:
        return "the final run is no cheaper than the best practice of the world without controls (90% band)"
    return None


def _tenth(found: Settings) -> str | None:
    ratio, share = float(np.exp(median(found, "price.adjusted"))), markup_share(found)
    if ratio > 0.3:
        return f"at equal capability the ratio is {ratio:.2f}, above 0.3"
    if share > 0.5:
        return f"{share:.0%} of the gap is markup and hosting"
    return None


def _below(quantity: str, of: str, share: float, words: str) -> OwnRule:
    def rule(found: Settings) -> str | None:
        part = average(found, quantity) / average(found, of)
        return f"{words} {part:.1%}, below {share:.0%}" if part < share else None

    return rule


def _not_positive(quantity: str, words: str, least: float = 0.0) -> OwnRule:
    def rule(found: Settings) -> str | None:
        middle = median(found, quantity)
        return f"{words} ({middle:.3g})" if middle <= least else None

    return rule


def _mostly_negative(quantity: str) -> OwnRule:
    def rule(found: Settings) -> str | None:
        values = found[MAIN].values[quantity]
        below = float((values[np.isfinite(values)] < 0.0).mean())
        return f"it is negative in {below:.0%} of the runs" if below >= NEGATIVE_SHARE else None

    return rule


def _half(found: Settings) -> str | None:
    left = float(np.exp(median(found, "filter.kept"))) / 2.0
    return f"a full filter leaves {left:.0%} of the share abroad" if left < 0.5 else None


def _hazard(found: Settings) -> str | None:
    ratio = hazard_ratio(found)
    return f"the hazard ratio is {ratio:.2f}, at most 1.2" if ratio <= 1.2 else None


def _no_own_rule(found: Settings) -> str | None:
    return None


_PAIRED = "the same world without chip controls and without the purchase veto that answers them; same draws and luck"

CLAIMS: tuple[Claim, ...] = (
    Claim(
        "H1a", "Controls force effort into efficiency", ("K1",), ("K-DIR", "K-EFF"),
        "Pressure from chip controls makes Chinese labs put more people on compute-light efficiency.",
        "Difference of ln researchers on compute-light efficiency in Chinese labs, mean of 2023-10 to 2026-12",
        _PAIRED, "effort", 1, 0.02, "ln", "P(D > 0.02) is at most 0.1, or the effect is as large in frozen routines",
        _frozen,
        "Nothing rewards scarcity; labs re-plan. The sign rests on rationing, sigma and zeta, all inputs: see the "
        "cells",
        ("direction", "compute", "premium"),
        ("frozen_routines", "state_reaction", "import_substitution", "no_anticipation"), needs_price=True,
    ),
    Claim(
        "H1b", "... and so produce new innovation", ("K1",), ("K-PROG",),
        "The pressure makes Chinese labs find more methods of their own.",
        "Difference of a1 + a2, own algorithmic stock, plain mean over Chinese labs at 2025-12",
        _PAIRED, "own_stock", 1, 0.02, "ln", "D is negative in at least 0.9 of the runs",
        _mostly_negative("own_stock"),
        "Experiments need compute (its share in research is an input); slack, which would reward shortfall, is V3",
        ("own_progress", "own_stock_later"), ("frozen_routines", "no_listing", "state_reaction", "no_distillation"),
    ),
    Claim(
        "H1c", "... so that controls fail", ("K1", "K5"), ("K-FRONT",),
        "China's frontier is higher for the controls: they backfire.",
        "Difference of ln effective training compute of China's best lab at 2025-12",
        _PAIRED, "effective", 1, 0.02, "ln", "D is negative in at least 0.9 of the runs",
        _mostly_negative("effective"),
        "Training compute enters effective compute one for one; domestic chips and states may answer: see the switches",
        ("gap", "effective_later"),
        ("frozen_routines", "no_distillation", "state_reaction", "import_substitution", "no_consideration"),
    ),
    Claim(
        "H2", "Scarcity made training cheap", ("K2", "K3"), (),
        "A frontier-class model was trained at a tiny cost because chips were scarce.",
        "Ln cost of DeepSeek's final run at 2024-12 (list rent, research left out) less ln cost at which the best "
        "practice of the world without controls reaches the same effective compute at the same date",
        _PAIRED, "v3_cost", -1, 0.05, "ln",
        "the 90% band of D reaches 0 (scarcity was not needed), or the programme costs over 20 times the final run",
        _cost, "DeepSeek's lab effect is fitted or drawn, not explained: see effect_zero", ("v3_own", "v3_practice",
        "v3_against_us", "programme", "largest_us_run", "v3_dollars"),
        ("no_distillation", "frozen_routines", "effect_zero"),
    ),
    Claim(
        "H3", "Inference at a tenth of the price", ("K6",), (),
        "The best Chinese open model costs a tenth of the best closed US model, by its methods.",
        "Ln 0.3 less ln ratio of their prices at 2025-01 at equal capability (size priced at its own slope)",
        "none for the level; the same ratio without controls for the effect of controls", "price.tenth", 1, 0.0, "ln",
        "the ratio at equal capability is above 0.3, or over half of the log gap is markup and hosting", _tenth,
        "Limits and slope of the markup, the hosts' cost and the exponent of size are inputs", ("price.ratio",
        "price.adjusted", "price.effect"), ("no_distillation", "effect_zero", "no_reasoning"),
    ),
    Claim(
        "H4", "Distillation carries the follower", ("K4",), (),
        "Distillation makes strong followers and changes gap, price and share.",
        "Difference of ln effective training compute of China's best lab at 2025-12",
        "the same world with the distillation channel off for every lab", "distillation.effective", 1, 0.02, "ln",
        "distillation gives less than a tenth of what China's best lab borrows",
        _below("distillation.effective", "borrowing.effective", 0.1, "of what is borrowed distillation gives"),
        "The sign: the range of knowledge.distillation leaves out 0. Only the size is tested, and small models trail "
        "their flagship by a fixed distance", ("distillation.gap", "distillation.price", "distillation.tokens",
        "borrowing.effective"),
        ("closed_teachers",),
    ),
    Claim(
        "H5", "The community of open models speeds progress", ("K7",), (),
        "Developers who use open models improve them; that cuts cost and speeds development.",
        "Difference of the world frontier at 2025-12", "the same world without gains from developers' use",
        "community.world", 1, 0.05, "ECI", "D is not positive, or below a twentieth of the rise since 2022-12",
        _below("community.world", "rise.world", 0.05, "of the rise of the frontier the community gives"),
        "The sign: knowledge.community_gain is 0 or more. Its range decides the size", ("community.open",
        "community.price", "community.open_tokens", "rise.world"), (),
    ),
    Claim(
        "H6", "Open weights widen China's influence", ("K9", "K7"), ("K-MKT",),
        "China's share of the market abroad is larger because its labs publish weights.",
        "Difference of China's share of tokens abroad at 2025-12",
        "the same world in which no Chinese weights near the frontier may be published, from the start",
        "weights.tokens", 1, 0.02, "share", "P(D > 0.02) is at most 0.1; revenue is shown beside it", _no_own_rule,
        "Tastes for open weights, brands and consideration are inputs; tokens follow from spending over price",
        ("weights.revenue", "weights.hub", "level.token_share_abroad", "level.revenue_share_abroad"),
        ("no_trust", "no_consideration"),
    ),
    Claim(
        "H7", "Filtered models still harvest openness", ("K8",), (),
        "Content rules do not take away what openness brings abroad.",
        "Ln of China's share of tokens abroad at 2025-12 under a full filter over that without one, plus ln 2",
        "the same world with no content rules against the same world with full ones", "filter.kept", 1, 0.0, "ln",
        "a full filter takes away more than half of the share abroad", _half,
        "Aversion to filters and its relief by fine-tuning are inputs (judgement)", ("filter.tokens", "filter.revenue"),
        ("no_trust", "no_filter_relief"),
    ),
    Claim(
        "H8", "US incumbents have to answer", ("K10",), (),
        "After a Chinese open release near the frontier US labs cut prices or open up.",
        "Difference of answers (a price over cost lower by a fifth, or a more open stance) a US lab and month, in the "
        "12 months after an open Chinese model first comes within half an order of magnitude of the frontier",
        "the same months of the world in which Chinese weights are withheld", "answers.gap", 1, 0.0, "a lab-month",
        "the hazard ratio is at most 1.2", _hazard,
        "Markups follow the lead over the best open model of any lab: the sign is put in, its timing is not", (),
        ("no_consideration",),
    ),
    Claim(
        "H9", "Competition speeds up progress as a whole", ("K11",), (),
        "The world frontier is higher because of the challenger.", "Difference of the world frontier at 2025-12",
        "the same world in which no Chinese lab ever enters", "rivalry.world", 1, 0.1, "ECI", "the median of D is not "
        "positive", _not_positive("rivalry.world", "the median difference is not positive"),
        "To the end of the record compute and funding follow the record, so rivalry can act through knowledge alone: "
        "the test is one-sided. Funding that answers a rival is the switch escape_competition", ("rivalry.us",
        "rivalry.open", "rivalry.price", "rivalry.world_later"), ("escape_competition",),
    ),
    Claim(
        "H10", "Frictions over standards cost users something", ("K12",), (),
        "Masks, bans and content rules take a noticeable part of what users gain.",
        "Rise of users' surplus outside China at 2025-12 over their spending there, if masks, bans and filters were "
        "lifted and nothing else moved", "the same month with them lifted", "friction.abroad", 1, 0.01,
        "share of spending", "less than 1% of spending",
        _not_positive("friction.abroad", "the loss is below 1% of spending", 0.01),
        "The sign, and the masks with their sizes; price weights below 0.2 count as 0.2", ("friction.new",
        "friction.filter", "friction.world", "friction.all_abroad", "friction.blocked"),
        ("no_trust", "no_filter_relief"),
    ),
)  # fmt: skip
"""All hypotheses in order."""

WITHOUT_HYPOTHESIS = {
    "K3": ("level.legal_share", "Made on weaker chips that stayed legal",
           "share of China's own chips at 2024-12 that came by the legal way"),
    "K5": ("level.gap.2025-03", "Level with the best US models", "China's lag behind the US frontier at 2025-03"),
}  # fmt: skip
"""Claims of the memo that are levels: quantity, claim and words. They get numbers and no verdict."""


def claim(key: str) -> Claim:
    """Return a hypothesis by its key. Raises KeyError."""
    return {row.key: row for row in CLAIMS}[key]
