"""The schema of a scenario file: one pydantic model per block, from which validation and the JSON Schema come.

The keys that are catalogue names (parameters, levers, labs) are checked in `scenario_blocks`.
"""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from sim.calendar import month_index, month_label, parse_date
from sim.scenario_specs import Block


def _date(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("it must be a date, YYYY-MM or YYYY-MM-DD")
    parse_date(value)
    return value


def _month(value: Any) -> Any:
    return month_label(month_index(_date(value)))


def _names(value: Any) -> Any:
    if value != "all" and not (isinstance(value, list) and all(isinstance(name, str) for name in value)):
        raise ValueError("it must be all, or a list of names")
    return value


def _blocs(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Date = Annotated[str, BeforeValidator(_date), WithJsonSchema({"type": "string", "pattern": r"^\d{4}-\d{2}(-\d{2})?$"})]
Month = Annotated[str, BeforeValidator(_month), WithJsonSchema({"type": "string", "pattern": r"^\d{4}-\d{2}$"})]
Names = Annotated[Literal["all"] | list[str], BeforeValidator(_names)]
Blocs = Annotated[list[str] | None, BeforeValidator(_blocs), WithJsonSchema({"type": ["string", "array"]})]
Level = Literal["weak", "moderate", "strong", "maximal"]
LeverValue = Annotated[Any, WithJsonSchema({"type": ["number", "boolean", "string"]})]
Share = Annotated[float, Field(ge=0.0, le=1.0)]


class Channels(Block):
    """Mechanisms that can be switched off one by one."""

    spillovers: bool = Field(default=True, description="methods published or worked out by others are borrowed")
    distillation: bool = Field(default=True, description="a laggard trains on the outputs of a better model")
    portfolio_response: bool = Field(
        default=True, description="labs re-plan research when compute is scarce; false: frozen routines"
    )
    openness_choice: bool = Field(
        default=True, description="labs review whether to publish weights; false: stances stay as at entry"
    )
    community_contribution: bool = Field(default=True, description="users of open models improve them")
    peers: bool = Field(default=False, description="neighbouring communities influence choice")
    trust: bool = Field(default=True, description="communities distrust models by origin")
    slack: bool = Field(default=False, description="a shortfall against aspiration makes research more productive")
    state_reaction: bool = Field(default=False, description="states fund labs that fall behind")
    escape_competition: bool = Field(default=False, description="a close foreign rival raises funding")
    import_substitution: bool = Field(default=False, description="scarcity raises domestic chip capacity")
    consideration: bool = Field(default=True, description="communities choose only among models they know of")
    reasoning: bool = Field(default=True, description="the reasoning method arrives on its date and spreads")
    anticipation: bool = Field(default=True, description="chip buyers react to announced rules before they bind")


class CommunityGraph(Block):
    """The seeded network between developer communities."""

    family: Literal["watts_strogatz", "barabasi_albert", "erdos_renyi"] = "watts_strogatz"
    neighbours: int = Field(default=6, ge=2, le=38, description="mean number of neighbours")
    rewiring: Share = Field(default=0.1, description="share of links rewired at random (watts_strogatz only)")


class ModelBlock(Block):
    """Which mechanism or structural form is on."""

    channels: Channels = Channels()
    governments: Literal["exogenous", "endogenous"] = Field(
        default="exogenous", description="dated timeline only, or reaction rules on top of it"
    )
    pricing: Literal["pass_through", "bertrand"] = Field(
        default="pass_through", description="target margin with pass-through, or Bertrand markup"
    )
    rationing: Literal["price", "quota"] = Field(
        default="price", description="scarce chips go to those who pay, or by quota while money is left over"
    )
    community_graph: CommunityGraph = CommunityGraph()


class OutputsBlock(Block):
    """What is measured and drawn."""

    measures: Names = Field(default="all", description="all, or names of the measures catalogue")
    charts: Names = Field(default="all", description="all, or names of charts; an empty list draws none")
    at: list[Month] = Field(default=[], description="months of the summary tables; by default the last")
    bands: list[Annotated[float, Field(gt=0.0, lt=1.0)]] = Field(
        default=[0.5, 0.9], description="central intervals", max_length=5
    )
    observed: bool = Field(default=True, description="observed points on the charts")
    monthly: bool = Field(default=True, description="write every month, not only the months of `at`")


class Range(Block):
    """Values of an axis: evenly spaced, both ends included."""

    start: float = Field(alias="from", allow_inf_nan=False)
    to: float = Field(allow_inf_nan=False)
    count: int | None = Field(default=None, ge=2, le=10_000, description="number of values; only a full grid needs it")


class ExperimentBlock(Block):
    """What `darkhorse sweep` varies, over how many draws and seeds, and what it keeps."""

    vary: dict[str, Any] = Field(default={}, description="dotted path: a list of values, or {from, to, count}")
    policies: dict[str, Any] = Field(
        default={}, description="name: values set (dotted path: value), or as_written, or counterfactual"
    )
    baseline: Any = Field(
        default=None,
        description="what a point is held against: as_written, counterfactual, a policy's name, or values laid over it",
    )
    method: Literal["grid", "latin_hypercube", "sobol"] = Field(default="grid", description="how axes are sampled")
    points: int | None = Field(default=None, ge=1, le=100_000, description="points of a sampled design")
    draws: int = Field(default=64, ge=1, le=1_000_000, description="draws of what is uncertain, shared by all points")
    draw_method: Literal["random", "latin_hypercube", "sobol"] = Field(default="random")
    seeds: int = Field(default=1, ge=1, le=10_000, description="chances for each draw")
    outcomes: list[str] = Field(default=[], description="measures, or columns such as gap_months.CN")
    series: list[str] = Field(default=[], description="measures or columns that are kept month by month")
    at: list[Month] = Field(default=[], description="months of the outcomes; by default those of the scenario")


class Header(Block):
    """The top level; the blocks whose keys are catalogue names are left open here."""

    schema_: Literal[1] = Field(alias="schema", description="version of this format")
    name: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,79}$", description="letters, digits, _ and -; names the output folder"
    )
    title: str = Field(default="", max_length=200)
    storyline: str = Field(default="", max_length=20_000)
    sources: list[str] = Field(default=[])
    extends: Any = None
    start: Month = "2022-01"
    end: Month = "2027-12"
    runs: int = Field(default=256, ge=1, le=1_000_000, description="run k is draw k of the world and chance k")
    seed: int = Field(default=20250120, ge=0, lt=2**63)
    model: ModelBlock = ModelBlock()
    outputs: OutputsBlock = OutputsBlock()
    counterfactual: Any = None
    experiment: Any = None
    world: Any = None
    policies: Any = None


class Counterfactual(Block):
    """This file with some values set otherwise; same draws and chance."""

    title: str = Field(default="Counterfactual", max_length=200)
    set: dict[str, Any] = Field(description="dotted path: value", min_length=1)


class StepBlock(Block):
    """One dated step of a lever."""

    start: Date = Field(alias="from", description="binds in this month if the day is 15 or less, else in the next")
    until: Date | None = Field(default=None, description="last day; without it, the step holds to the next step")
    announced: Date | None = Field(default=None, description="when actors learn of it; by default on `from`")
    value: LeverValue = Field(default=None, description="in the unit of the lever; none means no limit")
    level: Level | None = Field(default=None, description="a named effort level instead of a value")
    ramp: int = Field(default=0, ge=0, le=240, description="months in a straight line from the value in force")
    against: Blocs = Field(default=None, description="bloc(s) concerned")
    source: str | None = None


class HorizonBlock(Block):
    """One value of a lever for the whole horizon."""

    value: LeverValue = None
    level: Level | None = None
    against: Blocs = None
    source: str | None = None


class Correlation(Block):
    """Rank correlation between two uncertain parameters."""

    between: list[str] = Field(min_length=2, max_length=2)
    rank: float = Field(ge=-1.0, le=1.0)


class EventBlock(Block):
    """The arrival of the reasoning method at one lab."""

    date: Date
    lab: str
    gain_eci: Any = Field(description="capability gain in ECI points: a number or a distribution")
