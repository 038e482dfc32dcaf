"""Pictures as files and the runtime that draws them in a browser; nothing here asks the network."""

import copy
import json
from functools import lru_cache
from typing import Any

from sim.charts.sheet import balanced, wrapped
from sim.interactive.picture import Picture

TITLE_SIZE, SUBTITLE_SIZE = 14, 11
SIDES, WIDTH = 20, 860
SLACK = 0.96
"""Share of the width that lines of a title may fill: drawn text is a little wider than measured."""


def spec_of(picture: Picture, width: int | None = None, titled: bool = False) -> dict[str, Any]:
    """Return the Vega-Lite specification of a picture.

    `width`: pixels of the whole picture where it fills its container, None to leave that open. `titled`: with title and
    reading above, as a picture that stands alone needs them.
    """
    spec: dict[str, Any] = copy.deepcopy(picture.chart.to_dict())
    if picture.fills and width is not None:
        spec["width"] = width
        spec["autosize"] = {"type": "fit-x", "contains": "padding"}
    if titled:
        room = SLACK * ((width or WIDTH) - SIDES)
        spec["title"] = {
            "text": balanced(picture.title, room, TITLE_SIZE),
            "subtitle": wrapped(picture.reading, room, SUBTITLE_SIZE) if picture.reading else [],
        }
    return spec


def json_of(picture: Picture) -> str:
    """Return the specification as compact JSON with sorted keys: the same picture gives the same bytes."""
    return json.dumps(spec_of(picture), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def svg_of(picture: Picture, width: int = WIDTH, titled: bool = False) -> str:
    """Return a picture as SVG, `width` pixels wide where the chart fills its container, else as wide as it is."""
    return str(_converter().vegalite_to_svg(spec_of(picture, width, titled), vl_version=vega_lite_version()))


def png_of(picture: Picture, width: int = WIDTH, scale: float = 2.0, titled: bool = True) -> bytes:
    """Return a picture as PNG, `scale` dots for each pixel."""
    found: bytes = _converter().vegalite_to_png(
        spec_of(picture, width, titled), vl_version=vega_lite_version(), scale=scale
    )
    return found


@lru_cache(maxsize=1)
def runtime_javascript() -> str:
    """Return the JavaScript that draws specifications in a browser: sets `vegaEmbed` on the window."""
    return str(_converter().javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=vega_lite_version()))


def vega_lite_version() -> str:
    """Return the version of Vega-Lite that Altair writes, as vl-convert names it ("6.4")."""
    import altair as alt

    return ".".join(alt.SCHEMA_VERSION.removeprefix("v").split(".")[:2])


@lru_cache(maxsize=1)
def _converter() -> Any:
    """vl-convert with the fonts that Matplotlib ships, so that a picture is the same everywhere."""
    from pathlib import Path

    import matplotlib
    import vl_convert

    vl_convert.register_font_directory(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf"))
    return vl_convert
