"""What every chart of this package hands back: the chart, its words, and the numbers that it draws."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True)
class Picture:
    """A chart for a page or an app.

    `title`: a sentence with the numbers. `alt`: what is drawn, from the data, for readers who do not see it. `spec`:
    the Vega-Lite specification, without title; it fills its container where `fills` is true and has a fixed width where
    not. `table`: the numbers drawn, one row for each month, entity and world, in the units of the column `unit`.
    `reading`: how lines and bands are read. `notes`: observed points, policy dates and source.
    """

    title: str
    alt: str
    spec: dict[str, Any]
    table: "DataFrame"
    reading: str = ""
    notes: tuple[str, ...] = ()
    fills: bool = True

    @cached_property
    def chart(self) -> Any:
        """The specification as an Altair chart, for notebooks; checked against the schema of Vega-Lite."""
        import altair as alt

        kinds = {"layer": alt.LayerChart, "hconcat": alt.HConcatChart, "concat": alt.ConcatChart}
        kind: Any = next(chart for key, chart in kinds.items() if key in self.spec)
        return kind.from_dict(self.spec)
