"""The house theme of the interactive charts, and the contrast of its colours as WCAG 2 defines it."""

from collections.abc import Iterable, Sequence
from typing import Any

from sim.charts.style import FAINT, FONT, INK, PAPER, SOFT

FONTS = f"{FONT}, Verdana, system-ui, sans-serif"
"""Verdana is as wide as DejaVu Sans, so labels keep their place where the first is missing."""
LINE_CONTRAST, TEXT_CONTRAST = 3.0, 4.5
"""What WCAG 2.1 (level AA) asks of lines and of text against what they stand on."""
ZONE = "#F3F3F0"
"""Ground of the months after the record; lines and text keep their contrast on it."""
RULE = "#767676"
"""Thin lines at policy dates."""
CHANNEL_HUE = {"legal": "#0072B2", "smuggled": "#8F2D0B", "cloud": "#6E6E6E", "domestic": "#AD8000"}
"""China's sources of compute; areas, which stand beside each other in this order."""
LAB_HUES = {
    "US": ("#0072B2", "#0B5566", "#6A5ACD", "#2A8FB8", "#5B7083", "#1B2F6B", "#3B4A9E"),
    "CN": ("#D55E00", "#8C2508", "#A87B00", "#D1495B", "#6B3A1E", "#B5651D", "#4F1D0B"),
    "EU": ("#009E73", "#00573F"),
    "OTHER": ("#555555", "#808080"),
}
"""Labs by their order in the table: cool hues for the US, warm ones for China, greens for Europe, else greys."""
CONFIG: dict[str, Any] = {
    "font": FONTS,
    "background": PAPER,
    "padding": 6,
    "view": {"stroke": None},
    "axis": {
        "labelColor": SOFT, "titleColor": SOFT, "labelFontSize": 11, "titleFontSize": 11, "titleFontWeight": "normal",
        "gridColor": FAINT, "gridWidth": 0.8, "domainColor": "#8A8A8A", "tickColor": "#8A8A8A", "labelPadding": 5,
    },
    "axisY": {"domain": False, "ticks": False, "titleAngle": 0, "titleAlign": "left", "titleAnchor": "start",
              "titleBaseline": "bottom", "titleX": 0, "titleY": -14},
    "axisX": {"grid": False, "tickSize": 4},
    "title": {"anchor": "start", "color": INK, "fontSize": 14, "fontWeight": "bold", "subtitleColor": SOFT,
              "subtitleFontSize": 11, "subtitlePadding": 5, "offset": 12, "frame": "bounds"},
    "legend": {"labelColor": INK, "titleColor": SOFT, "labelFontSize": 11, "titleFontSize": 11,
               "titleFontWeight": "normal", "symbolType": "square"},
    "header": {"labelColor": INK, "labelFontSize": 12, "labelFontWeight": "bold", "titleColor": SOFT},
    "text": {"fontSize": 11, "font": FONTS},
}  # fmt: skip
"""Vega-Lite configuration of every chart; it is part of the chart, so that a page needs no theme of its own."""


def themed(spec: dict[str, Any]) -> dict[str, Any]:
    """Return the specification of a finished chart with the house theme and the version that Altair writes."""
    import altair as alt

    return {"$schema": alt.SCHEMA_URL, "config": CONFIG, **spec}


def layered(layers: Iterable[Any], rows: Sequence[dict[str, Any]] | None = None, **words: Any) -> dict[str, Any]:
    """Return a specification of some layers, each an Altair chart of its own or a specification already.

    `rows`: data of the layers that have none; `words`: other parts, as `width` and `height`. Altair's own `layer`
    copies every chart at each step, which takes seconds for small multiples.
    """
    whole = {"data": {"values": list(rows)}} if rows is not None else {}
    return {**whole, "layer": [layer if isinstance(layer, dict) else unit(layer) for layer in layers], **words}


def unit(chart: Any) -> dict[str, Any]:
    """Return an Altair chart as a part of a larger specification, its data inside."""
    import altair as alt

    found: dict[str, Any] = chart.to_dict(validate=False)
    held = found.pop("datasets", {})
    if chart.data is alt.Undefined:
        found.pop("data", None)  # Altair gives a chart without data an empty row
    else:
        found["data"] = {"values": held[found["data"]["name"]]}
    return {key: part for key, part in found.items() if key not in ("$schema", "config")}


def inline(rows: Sequence[dict[str, Any]]) -> Any:
    """Return rows as data inside a chart."""
    import altair as alt

    return alt.InlineData(values=list(rows))


def luminance(colour: str) -> float:
    """Return the relative luminance of #RRGGBB, 0 (black) to 1 (white)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str = PAPER) -> float:
    """Return the contrast of two colours, 1 (none) to 21 (black on white)."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def darker(colour: str, share: float) -> str:
    """Return `colour` (#RRGGBB) mixed with black; `share` 0 leaves it, 1 is black."""
    parts = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(part * (1 - share)):02X}" for part in parts)


def with_contrast(colour: str, least: float) -> str:
    """Return the colour, darkened as little as its contrast with paper and the zone after the record asks."""
    steps = (darker(colour, step / 50) for step in range(51))
    return next(found for found in steps if contrast(found, ZONE) >= least)


def text_hue(colour: str) -> str:
    """Return the colour in which words about a line of this colour are written."""
    return with_contrast(colour, TEXT_CONTRAST)


def line_hue(colour: str) -> str:
    """Return the colour in which a line of this colour is drawn."""
    return with_contrast(colour, LINE_CONTRAST)


def lab_hues(labs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return a colour for each of (lab, bloc): the next one of its bloc.

    Given all labs of the table, a lab has the same colour in every chart.
    Dashes are left to the counterfactual, unlike in the printed charts; lines are named at their ends.
    """
    placed: dict[str, int] = {}
    hues = {}
    for lab, bloc in labs:
        place = placed.get(bloc, 0)
        placed[bloc] = place + 1
        hues[lab] = line_hue(LAB_HUES[bloc][place % len(LAB_HUES[bloc])])
    return hues
