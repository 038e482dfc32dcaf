"""Pictures as files and the runtime that draws them in a browser; nothing here asks the network."""

import hashlib
import json
import re
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
    spec: dict[str, Any] = dict(picture.spec)
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
    return with_own_names(_converter().vegalite_to_svg(spec_of(picture, width, titled), vl_version=vega_lite_version()))


def with_own_names(svg: str) -> str:
    """Return an SVG whose clips and gradients have names from what is drawn.

    The converter counts them over its life: the same chart would differ from call to call, and two charts on a page
    could share a name.
    """
    found = list(dict.fromkeys(re.findall(r'\bid="([^"]+)"', svg)))
    order = {name: f"n{place}" for place, name in enumerate(found)}

    def renamed(text: str, prefix: str) -> str:
        names = r'(\bid="|url\(#|href="#)([^")]+)'
        return re.sub(names, lambda hit: hit[1] + (prefix + order[hit[2]] if hit[2] in order else hit[2]), text)

    digest = hashlib.sha256(renamed(svg, "").encode()).hexdigest()[:10]
    return renamed(svg, f"v{digest}-")


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
