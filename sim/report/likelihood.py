"""Calibrated words for shares of runs: the likelihood scale of the IPCC (Mastrandrea et al. 2010).

The words say in how many runs of this model something holds. They do not say how likely it is in the world.
"""

import math

SCALE = (
    (0.99, "virtually certain"),
    (0.95, "extremely likely"),
    (0.90, "very likely"),
    (0.66, "likely"),
    (0.33, "about as likely as not"),
    (0.10, "unlikely"),
    (0.05, "very unlikely"),
    (0.01, "extremely unlikely"),
    (0.00, "exceptionally unlikely"),
)
"""From the most to the least likely: the lower end of each class, and its words."""


def likelihood(share: float, runs: int | None = None) -> str:
    """Return the word for a share (0 to 1) of runs: 'very likely', 'unlikely'.

    `runs`: how many runs the share rests on. It is then counted as (held + 1) / (runs + 2), the rule of succession, so
    that a few runs that agree do not give the strongest words. 'not known' for NaN. Raises ValueError outside 0 to 1.
    """
    if math.isnan(share):
        return "not known"
    if not 0.0 <= share <= 1.0:
        raise ValueError(f"a share lies between 0 and 1, not at {share}")
    held = share if runs is None else (share * runs + 1.0) / (runs + 2.0)
    # Classes of what is unlikely include their upper end: 0.33 is unlikely as 0.66 is likely.
    return next(word for least, word in SCALE if (held >= least if least >= 0.5 else held > least or least == 0.0))


def scale_note() -> str:
    """Return the scale in a sentence, for the notes of a report."""
    return (
        "Words in italics follow the likelihood scale of the IPCC (Mastrandrea et al. 2010): virtually certain, 99% of "
        "runs or more; extremely likely, 95%; very likely, 90%; likely, 66%; about as likely as not, 33 to 66%; "
        "unlikely, 33% or less; very unlikely, 10%; extremely unlikely, 5%; exceptionally unlikely, 1%. "
        "A share rests on a number of runs, so one run more on either side is added to it before a word is chosen."
    )
