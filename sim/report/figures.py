"""The charts of a report: those that answer, each with a still, and Matplotlib's where there is nothing to answer."""

import logging
import re
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sim.charts.data import CannotDraw, RunRecord
from sim.report.document import Figure, Views, data_uri

if TYPE_CHECKING:
    from sim.interactive.picture import Picture

SVG, CSV = "image/svg+xml", "text/csv"
STILL_WIDTH = 860
VIEWS = (
    ("By bloc, abroad", {"by": "bloc", "unit": "tokens", "market": "abroad"}),
    ("Spending abroad", {"by": "bloc", "unit": "revenue", "market": "abroad"}),
    ("By lab", {"by": "lab", "unit": "tokens", "market": "world"}),
    ("Open and closed", {"by": "openness", "unit": "tokens", "market": "world"}),
    ("Difference made", {"by": "bloc", "unit": "tokens", "market": "abroad", "shown": "difference"}),
)
"""The views of the main chart: what a button says, and the choices of `sim.interactive.views.View`."""
NEEDLESS = (
    (r' (?:aria-[a-z]+|role|class)="[^"]*"', ""),
    (r'<path[^>]*?(?: opacity="0"|display="none")[^>]*?/>', ""),
    (r'<path transform="[^"]*" d="[^"]*" stroke-width="[^"]*"/>', ""),  # no fill, no stroke: catches the pointer
    (r'<path[^>]* d=""[^>]*/>', ""),
    (r"(\d+\.\d)\d+", r"\1"),
)
"""What a still does without: patterns, and what stands in their place."""
STATIC = {
    "shares": ("05_home_and_abroad", "02_shares_by_bloc", "01_shares_by_lab", "03_open_and_closed"),
    "chain": ("08_from_scarcity_to_share",),
    "compute": ("07_compute",),
}
"""Matplotlib's charts that stand in where the extra `report` is not installed."""


def answering() -> bool:
    """Whether what draws interactive charts is installed (the extra `report`)."""
    import importlib.util

    return all(importlib.util.find_spec(name) is not None for name in ("altair", "vl_convert"))


def runtime() -> str:
    """Return the JavaScript that draws the charts, safe inside a script element; '' where it is not installed."""
    if not answering():
        return ""
    from sim.interactive.static import runtime_javascript

    return inside_script(runtime_javascript())


def inside_script(code: str) -> str:
    """Return JavaScript that cannot end the script element it stands in."""
    return re.sub(r"<(/script|!--)", r"<\\\1", code, flags=re.IGNORECASE)


def json_inside_script(text: str) -> str:
    """Return JSON that cannot end the script element it stands in; the value is the same."""
    return text.replace("<", "\\u003c")


def trajectories(record: RunRecord, key: str, most: int = len(VIEWS)) -> Views | None:
    """Return the views of the market shares of a record that can be drawn; None where there is none."""
    if not answering():
        raise RuntimeError("the extra `report` is not installed")
    from sim.interactive.shares import shares
    from sim.interactive.views import View, why_not

    labels: list[str] = []
    figures: list[Figure] = []
    for label, choices in VIEWS[:most]:
        view = View(**choices)
        if why_not(view, record):
            continue
        figure = attempt(lambda view=view: shares(record, view), f"{key}-{len(figures) + 1}")  # type: ignore[misc]
        if figure is not None:
            labels.append(label)
            figures.append(figure)
    return Views(key, "Which shares", labels, figures) if figures else None


def chain_figure(record: RunRecord, key: str) -> Figure | None:
    """Return the chain from compute to share as a chart; None where it cannot be drawn."""
    from sim.interactive.chain import chain

    return attempt(lambda: chain(record), key)


def compute_figure(record: RunRecord, key: str) -> Figure | None:
    """Return China's compute by channel as a chart; None where it cannot be drawn."""
    from sim.interactive.compute import channels

    return attempt(lambda: channels(record), key)


def attempt(draw: Callable[[], "Picture"], key: str) -> Figure | None:
    """Return a picture as a figure of the report; None where the record does not have what it needs."""
    try:
        return figure_of(draw(), key)
    except CannotDraw as error:
        logging.getLogger(__name__).warning("%s is left out: %s", key, error)
        return None


def figure_of(picture: "Picture", key: str) -> Figure:
    """Return a picture as a figure of the report: specification, still and numbers."""
    from sim.interactive.static import json_of, svg_of

    return Figure(
        key=key,
        title=picture.title,
        alt=picture.alt,
        still=data_uri(SVG, light(svg_of(picture, STILL_WIDTH))),
        spec=json_inside_script(json_of(picture)),
        csv=data_uri(CSV, picture.table.to_csv(index=False, lineterminator="\n", float_format="%.6g")),
        reading=picture.reading,
        notes=picture.notes,
        fills=picture.fills,
    )


def light(svg: str) -> str:
    """Return an SVG that looks the same, without what only a living chart needs: words and marks for the pointer."""
    for pattern, instead in NEEDLESS:
        svg = re.sub(pattern, instead, svg)
    return svg


def stills(folder: Path, names: Sequence[str], key: str, arms: Sequence[str] = ()) -> list[Figure]:
    """Draw charts of a folder with Matplotlib, for reading only. Those that do not apply are left out.

    `names`: as in `sim.charts.drawing`. `arms`: of a run or comparison, the arm and what it is held against.
    """
    from sim.charts.drawing import draw_all

    with tempfile.TemporaryDirectory() as place:
        if arms:
            files = _draw_arms(folder, names, arms, Path(place))
        else:
            files = draw_all(folder, formats=("svg",), jobs=1, only=names, into=Path(place))
        drawings = sorted(path for path in files if path.suffix == ".svg")
        return [_still(path, f"{key}-{place + 1}") for place, path in enumerate(drawings)]


def _draw_arms(folder: Path, names: Sequence[str], arms: Sequence[str], place: Path) -> list[Path]:
    from importlib import import_module

    from matplotlib import pyplot

    from sim.charts.data import open_record
    from sim.charts.drawing import CHARTS
    from sim.charts.style import house_style

    record, files = open_record(folder, arms), []
    for name in names:
        module, _, function = CHARTS[name].rpartition(".")
        with house_style():
            try:
                drawn = getattr(import_module(module), function)(record)
            except CannotDraw as error:
                logging.getLogger(__name__).warning("%s is left out: %s", name, error)
                continue
            path = place / f"{name}.svg"
            drawn.figure.savefig(path, metadata={"Date": None})
            path.with_suffix(".txt").write_text(drawn.alt, encoding="utf-8")
            pyplot.close(drawn.figure)
            files.append(path)
    return files


def _still(path: Path, key: str) -> Figure:
    alt = path.with_suffix(".txt").read_text(encoding="utf-8").strip()
    return Figure(key, "", alt, data_uri(SVG, path.read_text(encoding="utf-8")))
