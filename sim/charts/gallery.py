"""The gallery: figures that one command computes and draws afresh, and the page that shows them.

`python -m sim.charts.gallery` runs what is not there yet, copies the figures to `outputs/gallery/` and writes
`docs/gallery.md`: for each figure its alternative text, the command that draws it and the manifest it comes from.
"""

import argparse
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sim.results import FIGURES, read_manifest

FOLDER = Path("outputs/gallery")
PAGE = Path("docs/gallery.md")


@dataclass(frozen=True)
class Work:
    """A command of `darkhorse`, the heading of its figures, and the figures by their names in the gallery."""

    command: str
    heading: str
    figures: dict[str, str]


WORKS = (
    Work(
        "run scenarios/deepseek_shock.yaml",
        "The main scenario, with and without chip controls",
        {
            "market_share": "02_shares_by_bloc",
            "shares_by_lab": "01_shares_by_lab",
            "from_scarcity_to_share": "08_from_scarcity_to_share",
            "frontier_and_gap": "06_frontier_and_gap",
            "price": "09_price",
            "shares_as_measured": "13_shares_as_measured",
        },
    ),
    Work(
        "sweep scenarios/experiments/controls_and_openness.yaml",
        "Two levers at once",
        {"two_levers": "03_heatmap_token_share_abroad.CN"},
    ),
    Work(
        "memo",
        "The memo's claims",
        {"five_outcomes": "02_five_outcomes", "claim_effort": "01_claim_H1a"},
    ),
    Work(
        "backcast",
        "Forecasts made at earlier dates",
        {"backcast_scores": "01_scores", "backcast_aggregator": "02_operator_openrouter_cn_token_share"},
    ),
    Work(
        "sensitivity deepseek_shock",
        "What drives the effect",
        {"drivers": "01_drivers_frontier_capability_cn"},
    ),
)


@dataclass(frozen=True)
class Shown:
    """A figure of the gallery: its name, its alternative text, and the command and the manifest it comes from."""

    name: str
    alt: str
    command: str
    manifest: str


def compute(work: Work) -> Path:
    """Carry out a command, or find it done, and return its folder. Raises CalledProcessError."""
    order = [sys.executable, "-m", "sim", *work.command.split(), "--quiet"]
    done = subprocess.run(order, check=True, stdout=subprocess.PIPE, text=True)
    return Path(done.stdout.strip().splitlines()[-1])


def gather(work: Work, folder: Path, into: Path) -> list[Shown]:
    """Copy the figures of a work from its folder, and return what the page says of them. Raises OSError."""
    digest = str(read_manifest(folder)["hash"])
    found = []
    for name, figure in work.figures.items():
        source = folder / FIGURES / f"{figure}.png"
        shutil.copyfile(source, into / f"{name}.png")
        alt = source.with_suffix(".txt").read_text(encoding="utf-8").strip()
        found.append(Shown(name, " ".join(alt.split()), f"darkhorse {work.command}", digest))
    return found


def page(shown: Sequence[tuple[Work, Sequence[Shown]]]) -> str:
    """Return the page in Markdown."""
    parts = [
        "# Gallery",
        "<!-- written by `python -m sim.charts.gallery`; do not edit -->",
        "`make gallery` computes and draws all of it afresh. Every figure is conditional on its scenario, not a "
        "forecast. Below each: what it shows, the command, the manifest of the folder it was drawn from.",
    ]
    for work, figures in shown:
        parts.append(f"## {work.heading}")
        for one in figures:
            alt = one.alt.replace("[", "(").replace("]", ")")
            parts.append(f"![{alt}](../{FOLDER.as_posix()}/{one.name}.png)")
            parts.append(f"{one.alt}\n\n`{one.command}`, manifest {one.manifest}, figure `{work.figures[one.name]}`")
    return "\n\n".join(parts) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the gallery in the working folder, the root of a checkout."""
    parser = argparse.ArgumentParser(prog="python -m sim.charts.gallery", description=__doc__)
    parser.parse_args(arguments)
    FOLDER.mkdir(parents=True, exist_ok=True)
    shown = [(work, gather(work, compute(work), FOLDER)) for work in WORKS]
    kept = {f"{name}.png" for work in WORKS for name in work.figures}
    for path in sorted(FOLDER.glob("*.png")):
        if path.name not in kept:
            path.unlink()
    PAGE.write_text(page(shown), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
