"""Trace and pair plots of the chain of a calibration, by ArviZ in the house style."""

import warnings
from typing import Any

import numpy as np

from sim.arrays import Array
from sim.charts.calibration_data import VERDICT_HUE, CalibrationRecord, short
from sim.charts.data import CannotDraw
from sim.charts.sheet import Drawn, open_sheet, panel_heading
from sim.charts.style import BLOC_HUE, SOFT, lighter

MOST = 6
"""Names that are shown."""
WALKERS = 4
"""Walkers whose traces are drawn; the density is of all."""
POINTS = 4000
"""Draws that a pair of names is drawn from."""
HUE = VERDICT_HUE["learnt"]
SHADES = [lighter(HUE, share) for share in (0.85, 0.85, 0.6, 0.35)]
"""Of the regions that hold 90, 60 and 30%."""


def _arviz() -> Any:
    try:
        from sim.calibration.chain import quiet_arviz

        return quiet_arviz()
    except ImportError as error:
        raise CannotDraw(f"{error.name} is missing; install `darkhorse[calibrate]`") from None


def trace(record: CalibrationRecord) -> Drawn:
    """Density of the chain, and steps of a few walkers, for the most learnt names. Raises CannotDraw."""
    arviz = _arviz()
    chain = record.chain[:, :, :MOST]
    shown = min(MOST, chain.shape[2])
    rows = record.names[:shown]
    worst = max(float(row["r_hat"]) for row in record.names)
    least = min(float(row["ess"]) for row in record.names)
    state = "have met" if worst < 1.05 else "have not quite met"
    title = f"The {len(chain)} walkers {state}: R-hat at most {worst:.3f}, effective sample at least {least:.0f}"
    reading = (
        "Left: density of the whole chain after burn-in; dotted: the prior. Right: steps of "
        f"{min(WALKERS, len(chain))} walkers. In prior standard deviations; the {shown} most learnt names."
    )
    notes = ["R-hat: rank-normalised and split, over all fitted names; effective sample: bulk (ArviZ)."]
    words = record.heading(title, reading, notes)
    sheet = open_sheet(9.4, 1.15 * shown, shown, 2, words, left=0.45, right=0.3, hspace=0.85, wspace=0.12,
                       width_ratios=(1, 1.7))  # fmt: skip
    axes = np.array([[sheet.figure.add_subplot(sheet.grid[k, side]) for side in (0, 1)] for k in range(shown)])
    few = np.linspace(0, len(chain) - 1, min(WALKERS, len(chain))).astype(np.int64)
    labels = [short(row["name"]) for row in rows]
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        everything = arviz.convert_to_dataset({name: chain[:, :, k] for k, name in enumerate(labels)})
        some = arviz.convert_to_dataset({name: chain[few][:, :, k] for k, name in enumerate(labels)})
        plain = {"color": HUE, "linewidth": 1.6}
        spare = np.array([[ax, ax.figure.add_axes((0, 0, 0.01, 0.01), visible=False)] for ax in axes[:, 0]])
        arviz.plot_trace(everything, axes=spare, combined=True, compact=False, plot_kwargs=plain,
                         trace_kwargs={"visible": False})  # fmt: skip
        spare = np.array([[ax.figure.add_axes((0, 0, 0.01, 0.01), visible=False), ax] for ax in axes[:, 1]])
        arviz.plot_trace(some, axes=spare, compact=False, trace_kwargs={"linewidth": 0.5, "alpha": 0.9})
    for k, row in enumerate(rows):
        _finish(
            axes[k, 0], axes[k, 1], labels[k], f"R-hat {float(row['r_hat']):.3f}, effective {float(row['ess']):.0f}"
        )
    return Drawn(sheet.figure, title, f"Densities and traces of {shown} names. {title}.")


def _finish(density: Any, steps: Any, name: str, note: str) -> None:
    across = np.linspace(-3, 3, 121)
    density.plot(across, np.exp(-(across**2) / 2) / np.sqrt(2 * np.pi), color=SOFT, lw=0.9, ls=(0, (1.2, 1.2)))
    density.get_lines()[0].set_color(HUE)
    density.set_xlim(-3, 3)
    density.set_ylim(0)
    density.set_yticks([])
    for ax in (density, steps):
        ax.set_title("")
        ax.tick_params(labelsize=7)
    steps.set_ylim(-3, 3)
    steps.set_yticks([-2, 0, 2])
    for place, line in enumerate(steps.get_lines()):
        line.set_color((HUE, BLOC_HUE["US"], BLOC_HUE["EU"], lighter(HUE, 0.45))[place % 4])
        line.set_linestyle("-")
    panel_heading(density, name)
    panel_heading(steps, "", note)


def pairs(record: CalibrationRecord) -> Drawn:
    """Densities of pairs of the most learnt names. Raises CannotDraw where fewer than two were fitted."""
    arviz = _arviz()
    shown = min(MOST, record.chain.shape[2])
    if shown < 2:
        raise CannotDraw("one name has no pair")
    chosen = _chosen(record, shown)
    flat = np.swapaxes(record.chain[:, :, chosen], 0, 1).reshape(-1, shown)
    matrix: Array = np.asarray(np.corrcoef(flat.T), dtype=np.float64)
    title = _pair_title(record, matrix, shown)
    reading = (
        "Regions that hold 30, 60 and 90% of the posterior, in prior standard deviations: the most learnt names, and "
        "the strongest ridge. A slanted ellipse is a ridge: the data know a sum and not its parts. Number: correlation."
    )
    words = record.heading(title, reading)
    sheet = open_sheet(9.0, 8.2, shown - 1, shown - 1, words, left=0.9, right=0.3, hspace=0.08, wspace=0.08)
    axes = np.array([[sheet.figure.add_subplot(sheet.grid[i, j]) for j in range(shown - 1)] for i in range(shown - 1)])
    labels = [short(record.names[place]["name"]) for place in chosen]
    part = flat[np.linspace(0, len(flat) - 1, min(POINTS, len(flat))).astype(np.int64)]
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        arviz.plot_pair(
            {name: part[np.newaxis, :, k] for k, name in enumerate(labels)}, kind="kde", ax=axes, textsize=7,
            kde_kwargs={"hdi_probs": [0.3, 0.6, 0.9],
                        "contour_kwargs": {"colors": HUE, "linewidths": 1.0}},
        )  # fmt: skip
    _finish_pairs(axes, matrix, labels)
    return Drawn(sheet.figure, title, f"Joint densities of {shown} names in pairs. {title}.")


def _pair_title(record: CalibrationRecord, matrix: Array, shown: int) -> str:
    from sim.charts.sweep_text import capital

    ridges = record.manifest["ridges"]
    if ridges:
        one, other = (short(name) for name in ridges[0]["names"])
        more = f", and {len(ridges) - 1} more pairs" if len(ridges) > 1 else ""
        return (
            f"{capital(one)} and {other} cannot be told apart (correlation {ridges[0]['correlation']:+.2f}){more}: "
            "sweep them together"
        )
    largest = float(np.abs(matrix - np.eye(shown)).max())
    return f"No two fitted names form a ridge; among the most learnt the largest correlation is {largest:.2f}"


def _chosen(record: CalibrationRecord, shown: int) -> list[int]:
    """Return the places of the names of the strongest ridge and of the most learnt, in their order."""
    order = [row["name"] for row in record.names]
    ridge = [order.index(name) for pair in record.manifest["ridges"][:1] for name in pair["names"]]
    return sorted([*ridge, *(place for place in range(len(order)) if place not in ridge)][:shown])


def _broken(label: str) -> str:
    """Return a label in two lines, the second with its last words."""
    words = label.split()
    middle = max(1, (len(words) + 1) // 2)
    return f"{' '.join(words[:middle])}\n{' '.join(words[middle:])}"


def _finish_pairs(axes: Any, matrix: Array, labels: list[str]) -> None:
    count = len(axes)
    for i in range(count):
        for j in range(count):
            ax = axes[i, j]
            if j > i:
                ax.set_visible(False)
                continue
            for shape in ax.collections:
                if getattr(shape, "filled", False):
                    shape.set_array(None)
                    shape.set_facecolor(SHADES)
            ax.set_xlim(-3, 3)
            ax.set_ylim(-3, 3)
            ax.tick_params(axis="x", pad=1.5)
            ax.set_xticks([-2, 0, 2], ["-2", "0", "2"] if i == count - 1 else [], fontsize=7)
            ax.set_yticks([-2, 0, 2], ["-2", "0", "2"] if j == 0 else [], fontsize=7)
            ax.set_xlabel(_broken(labels[j]) if i == count - 1 else "", fontsize=7, labelpad=1)
            ax.set_ylabel(_broken(labels[i + 1]) if j == 0 else "", fontsize=7)
            ax.text(0.95, 0.95, f"{matrix[i + 1, j]:+.2f}", transform=ax.transAxes, ha="right", va="top", fontsize=7.4,
                    color=SOFT)  # fmt: skip
