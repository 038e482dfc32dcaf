"""Which IAMC variable, region and unit each column of a record has: one table, for every measure of the catalogue.

A region is a place where the entity is one (compute owned in China); otherwise it is World, and who or what is measured
stands in the variable: the bloc that sells, below it the lab. The market of a share stands in the variable too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from sim.charts.style import display
from sim.compare import SHARES
from sim.data import load_tables
from sim.measures import CATALOGUE, LABS

WORLD = "World"
REGIONS: Mapping[str, str] = {
    "world": WORLD, "US": "United States", "CN": "China", "EU": "European Union", "OTHER": "Rest of World",
    "RU_BY": "Russia and Belarus",
}  # fmt: skip
"""Regions by the name of the place in a column; Russia and Belarus are a part of the rest of the world."""
REGION_WORDS: Mapping[str, str] = {
    WORLD: "All places, and everything that is no place: what is measured then stands in the variable",
    "United States": "The United States: its labs, its compute, its users",
    "China": "Mainland China: its labs, its compute, its users",
    "European Union": "The European Union: its labs, its compute, its users",
    "Rest of World": "All other countries",
    "Russia and Belarus": "A community of consumers, part of Rest of World",
}
QUANTILES: Mapping[str, str] = {
    "p05": "5th Percentile", "p25": "25th Percentile", "p50": "Median", "p75": "75th Percentile",
    "p95": "95th Percentile",
}  # fmt: skip
"""Last part of a variable by the level of `sim.compare.SHARES`."""
DIFFERENCE = "Difference"
"""First part of a variable that is a paired difference between two scenarios."""
POINTS = "percentage points"
PLACE, SELLER = "place", "seller"
_PARTS: Mapping[str, str] = {
    "open": "Open Weights", "closed": "Closed Weights", "labs": "Labs", "blocs": "Blocs", "legal": "Legal",
    "smuggled": "Smuggled", "cloud": "Rented Abroad", "domestic": "Domestic",
}  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One measure: the `stem` of its variable, its unit, and the factor from the unit of the record to this one.

    `kind`: whether an entity is a place (a region) or a seller (a part of the variable). `region`: of what is no place.
    """

    measure: str
    stem: str
    unit: str
    kind: str = PLACE
    factor: float = 1.0
    region: str = WORLD


@dataclass(frozen=True)
class Variable:
    """What a column is called in IAMC: variable (without the quantile), region, unit, the factor to it, and words."""

    column: str
    name: str
    region: str
    unit: str
    factor: float
    words: str

    @property
    def difference_unit(self) -> str:
        """The unit of a difference: points where the unit is per cent."""
        return POINTS if self.unit == "%" else self.unit


_MUSD, _CHIPS = "million USD/month", "H100e/month"
_ROWS = (
    Row("token_share", "AI Market [Share]|Tokens", "%", SELLER, 100),
    Row("revenue_share", "AI Market [Share]|Revenue", "%", SELLER, 100),
    Row("token_share_abroad", "AI Market [Share]|Tokens|Abroad", "%", SELLER, 100),
    Row("token_share_home", "AI Market [Share]|Tokens|Home", "%", SELLER, 100),
    Row("revenue_share_abroad", "AI Market [Share]|Revenue|Abroad", "%", SELLER, 100),
    Row("revenue_share_home", "AI Market [Share]|Revenue|Home", "%", SELLER, 100),
    Row("developer_token_share", "AI Market [Share]|Tokens|API Developers outside China", "%", SELLER, 100),
    Row("developer_revenue_share", "AI Market [Share]|Revenue|API Developers outside China", "%", SELLER, 100),
    Row("aggregator_token_share", "AI Market [Share]|Tokens|API Aggregator", "%", SELLER, 100),
    Row("aggregator_revenue_share", "AI Market [Share]|Revenue|API Aggregator", "%", SELLER, 100),
    Row("enterprise_share", "AI Market [Share]|Revenue|US Enterprises", "%", SELLER, 100),
    Row("consumer_share", "AI Market [Share]|Users|Consumers outside China", "%", SELLER, 100),
    Row("web_share", "AI Market [Share]|Visits|Assistants", "%", SELLER, 100),
    Row("country_share", "AI Market [Share]|Tokens|Consumers|China|DeepSeek", "%", PLACE, 100),
    Row("hub_share", "AI Market [Share]|Tokens|Self-Hosted outside China", "%", SELLER, 100),
    Row("hub_download_share", "AI Market [Share]|Downloads|Model Hub", "%", SELLER, 100),
    Row("derivatives", "AI Ecosystem|Derived Models", "index", SELLER),
    Row("lab_revenue", "AI Market|Revenue of Labs", _MUSD, SELLER),
    Row("adoption", "AI Market|Users", "million"),
    Row("market_spend", "AI Market|Spending", _MUSD),
    Row("hhi", "AI Market|Concentration", "index"),
    Row("consumer_surplus", "AI Market|Consumer Surplus", _MUSD),
    Row("blocked_market_share", "AI Market [Share]|Revenue|Barred to a Foreign Origin", "%", PLACE, 100),
    Row("token_price", "Price|Tokens", "USD/million tokens", SELLER),
    Row("price_fixed_capability", "Price|Tokens|At Capability", "USD/million tokens", SELLER),
    Row("frontier_capability", "Capability|Frontier", "ECI"),
    Row("gap_months", "Capability|Lag behind US Frontier", "months"),
    Row("capability", "Capability|Best Model on Offer", "ECI", SELLER),
    Row("release_open", "Openness|Stance", "index", SELLER),
    Row("algorithmic_efficiency", "Algorithms|Efficiency", "ln"),
    Row("algorithmic_progress", "Algorithms|Own Progress", "ln/year"),
    Row("effective_compute", "Effective Compute|Best Lab", "ln"),
    Row("effective_compute_training", "Effective Compute|Best Lab|Training Compute", "ln"),
    Row("effective_compute_own", "Effective Compute|Best Lab|Own Algorithms", "ln"),
    Row("effective_compute_borrowed", "Effective Compute|Best Lab|Borrowed", "ln"),
    Row("effective_compute_effect", "Effective Compute|Best Lab|Lab Effect", "ln"),
    Row("efficiency_researchers", "Research Staff|Efficiency", "FTE"),
    Row("research_effort_share", "Research Staff [Share]|Efficiency", "%", PLACE, 100),
    Row("compute_owned", "Compute|Owned", "H100e"),
    Row("compute_share", "Compute [Share]|Owned", "%", PLACE, 100),
    Row("compute_inflow", "Compute|Inflow", _CHIPS, PLACE, region="China"),
    Row("compute_labs", "Compute|Used by Labs", "H100e", SELLER),
    Row("main_vendor_output", "Compute|Main Vendor Output", _CHIPS),
    Row("grey_price_ratio", "Price|Barred Chips|Grey Market over List", "ratio", region="China"),
    Row("final_run_share", "Compute [Share]|Final Training Runs", "%", PLACE, 100),
    Row("legal_share_stock", "Compute [Share]|Main Vendor Output to Date|Legal", "%", PLACE, 100, "China"),
    Row("leakage_rate", "Compute [Share]|Main Vendor Output|Smuggled", "%", PLACE, 100, "China"),
    Row("self_reliance", "Compute [Share]|Inflow|Domestic", "%", PLACE, 100, "China"),
    Row("supplier_revenue_lost", "Compute|Sales to China Lost", _MUSD),
    Row("scarcity_premium", "Price|Compute|Scarcity Premium", "ln"),
    Row("shadow_price", "Price|Compute|Shadow Price over List", "ln"),
    Row("training_compute", "Compute|Largest Training Run", "FLOP"),
    Row("training_cost", "Cost|Largest Training Run", "million USD"),
)  # fmt: skip
TABLE: Mapping[str, Row] = {row.measure: row for row in _ROWS}


def variable_of(column: str) -> Variable:
    """Return the IAMC name of a column as in `token_share.CN`. Raises KeyError for a measure that is in no table."""
    measure, _, entity = column.partition(".")
    row, about = TABLE[measure], CATALOGUE[measure]
    name, region = row.stem, row.region
    if row.kind == PLACE and entity in REGIONS:
        region = REGIONS[entity]
    elif entity:
        name = f"{row.stem}|{_part(entity)}"
    words = f"{about.phrase[0].upper()}{about.phrase[1:]}: {about.formula}"
    return Variable(column, name, region, row.unit, row.factor, words)


def _part(entity: str) -> str:
    """The last part of a variable: `China`, `China|DeepSeek`, `Open Weights`, or a level as it is."""
    if entity in LABS:
        return f"{REGIONS[_blocs()[entity]]}|{display(entity)}"
    return REGIONS.get(entity) or _PARTS.get(entity, entity)


@cache
def _blocs() -> dict[str, str]:
    labs = load_tables().labs
    return dict(zip(labs.text("lab"), labs.text("bloc"), strict=True))


def quantile_name(variable: str, level: str, difference: bool = False) -> str:
    """Return a whole variable: `Compute|Owned|Median`, with `Difference|` before it for a paired difference."""
    start = f"{DIFFERENCE}|" if difference else ""
    return f"{start}{variable}|{QUANTILES[level]}"


LEVELS = tuple(SHARES)
"""The levels that are exported, in order."""
