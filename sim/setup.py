"""From a scenario and the data tables to the worlds and first states that the rules work on."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from agents.chip_designs import Designs
from agents.chip_market import ChipState, ChipWorld
from agents.community import SEGMENTS, CommunityState, CommunityWorld
from agents.controls import Thresholds
from agents.government import GovernmentState, GovernmentWorld, Levers, Rulebook
from agents.knowledge import Reasoning
from agents.lab import LabState, LabWorld
from agents.places import BLOCS as BLOC_COUNT
from agents.places import SENDER, STANCE_CLOSED, STANCE_FLAGSHIP, STANCE_SMALL, TARGET
from agents.portfolio import Prices
from agents.settlement import AccountState
from sim.arrays import Array, Flags, Whole
from sim.data import BLOCS, NO_END, Table, Tables, load_tables, path_series
from sim.lots import Lot
from sim.networks import community_graph, peer_weights
from sim.parameters import Places, draw
from sim.policies import LeverPaths, lever_paths
from sim.scenario import Scenario
from sim.tape import Tape

NEVER = float(NO_END)
STANCES = {"closed": STANCE_CLOSED, "open_small": STANCE_SMALL, "open_flagship": STANCE_FLAGSHIP}
REGION_BLOC = {"US": "US", "CN": "CN", "EU": "EU"}
REGION_GOVERNMENTS = {
    "US": ("US",), "CN": ("CN",), "EU": ("EU",), "JPKR": ("JP", "KR"), "IN": ("IN",), "GULF": ("GULF",),
    "ROW_S": ("ROW",), "RU_BY": (),
}  # fmt: skip
RIVAL_SERVICE = {"CN": ("US", "EU", "JPKR", "IN", "GULF", "ROW_S", "RU_BY"), "US": ("CN", "RU_BY")}
"""Regions in which a closed service of a bloc is foreign and rival."""
BRANDS = {
    "enterprise_regulated": "brand_enterprise", "enterprise_other": "brand_enterprise",
    "startup_dev": "brand_developer", "hobby_research": "brand_developer", "consumer_app": "brand_consumer",
}  # fmt: skip
RECORD_COLUMNS = (("compute_2023", 23), ("compute_2024", 35), ("compute_2025", 47))


@dataclass
class Block:
    """Everything that a block of runs works on.

    `drawn`: what was drawn, (runs, 1) by name; `par`: the same as the rules read it, with the switches.
    """

    lot: Lot
    tables: Tables
    months: int
    tape: Tape
    drawn: Mapping[str, Array]
    par: Mapping[str, Array]
    chips: ChipWorld
    labs: LabWorld
    communities: CommunityWorld
    governments: GovernmentWorld
    rulebook: Rulebook
    reasoning: Reasoning


def build(lot: Lot, tables: Tables) -> Block:
    """Draw the worlds of a lot of runs that may advance together (`sim.lots.kin`), 2022-01 to their end."""
    scenario = lot.first
    tape = Tape(scenario.seed)
    months = scenario.end + 1
    given = {name: lot.places[:, place : place + 1] for place, name in enumerate(lot.names)}
    places = Places(tape, lot.draw, given, _fitted_levels(scenario, tape, lot.draw))
    drawn = draw([case.world for case in lot.cases], lot.case, scenario.correlations, places)
    par = {**_by_segment(drawn), **_structure(lot)}
    labs = _lab_world(scenario, tables, drawn, places, months)
    communities = _community_world(scenario, tables, months)
    governments = _government_world(tables)
    rulebook = Rulebook(_levers(lot, tables, governments, months), governments, communities.segment, months)
    chips = _chip_world(tables, drawn, months)
    return Block(
        lot, tables, months, tape, drawn, par, chips, labs, communities, governments, rulebook,
        _reasoning(scenario, labs.names, drawn, len(lot)),
    )  # fmt: skip


def _fitted_levels(scenario: Scenario, tape: Tape, draws: Whole) -> dict[str, Array]:
    """Return the levels (runs, 1) of every name of the scenario's fit, the same row of the fit for all names."""
    fit = scenario.posterior
    if fit is None:
        return {}
    start = float(tape.uniform("world/posterior", 0, np.zeros(1, dtype=np.int64))[0, 0])
    rows = fit.row(draws, start)
    return {name: fit.levels(name)[rows][:, np.newaxis] for name in fit.values}


def names_drawn(scenario: Scenario) -> list[str]:
    """Return every name whose draw differs between runs: uncertain parameters, and the luck of labs.

    Each has a quantile level that a design may set (`Lot.names`).
    """
    uncertain = [name for name, dist in scenario.world.items() if not dist.is_fixed]
    return uncertain + (_lab_luck(scenario, load_tables()) if scenario.base != "central" else [])


def _reasoning(scenario: Scenario, names: tuple[str, ...], drawn: Mapping[str, Array], runs: int) -> Reasoning:
    """Return the dated event; a scenario without it, or without the lab that it names, never has it."""
    event = scenario.events.get("reasoning_method")
    if event is None or event.lab not in names:
        return Reasoning(int(NEVER), 0, np.zeros((runs, 1)))
    return Reasoning(event.month, names.index(event.lab), drawn["events.reasoning_method.gain_eci"])


def _by_segment(drawn: Mapping[str, Array]) -> dict[str, Array]:
    """Add (runs, segments) arrays of the parameters that have a row per segment; those rows become views of them."""
    par = dict(drawn)
    for name in [name.removesuffix(f".{SEGMENTS[0]}") for name in drawn if name.endswith(f".{SEGMENTS[0]}")]:
        par[name] = np.concatenate([drawn[f"{name}.{segment}"] for segment in SEGMENTS], axis=1)
        for place, segment in enumerate(SEGMENTS):
            par[f"{name}.{segment}"] = par[name][:, place : place + 1]
    return par


def _structure(lot: Lot) -> dict[str, Array]:
    """Channel switches and structural forms as numbers per run, (runs, 1)."""
    by_case: dict[str, list[float]] = {}
    for model in (case.model for case in lot.cases):
        switches = {f"channel.{name}": float(on) for name, on in model.channels.model_dump().items()}
        switches["structure.quota"] = float(model.rationing == "quota")
        switches["structure.bertrand"] = float(model.pricing == "bertrand")
        switches["structure.endogenous"] = float(model.governments == "endogenous")
        for name, value in switches.items():
            by_case.setdefault(name, []).append(value)
    return {name: np.array(values)[lot.case][:, np.newaxis] for name, values in by_case.items()}


def _chip_world(tables: Tables, drawn: Mapping[str, Array], months: int) -> ChipWorld:
    supply, blocs = tables.world_supply, tables.blocs
    chips = [row for row in tables.chips.rows if row["role"] == "flagship"]
    flagships = Table("flagships", chips)

    def row(column: str) -> Array:
        values = flagships.number(column)[np.newaxis, :]
        found = {place: drawn[f"chips.{chip['chip']}.{column}"] for place, chip in enumerate(chips)
                 if f"chips.{chip['chip']}.{column}" in drawn}  # fmt: skip
        if found:
            values = np.tile(values, (len(next(iter(found.values()))), 1))
            for place, number in found.items():
                values[:, place] = number[:, 0]
        return values

    def path(series: str) -> Array:
        return path_series(tables.paths, series, months)

    return ChipWorld(
        main_vendor=supply.number("nvidia_h100e"), other=supply.number("other_h100e"),
        list_price=supply.number("price_usd_per_h100e"), record_end=int(supply.months("month")[-1]),
        no_control_ramp=path("no_control_share_ramp"), reference_share=path("reference_cn_share"),
        packages_capacity=path("packages_capacity"), dual_die_share=path("share_910c"),
        foreign_dies=path("foreign_dies"), domestic_dies=path("domestic_dies"), memory_base=path("hbm_base"),
        memory_domestic=path("hbm_domestic"), other_domestic=path("cambricon"),
        reference_tool_control=path("tool_control_reference"),
        flagships=Designs(row("tpp"), row("performance_density"), row("interconnect_gbs"),
                          row("memory_bandwidth_gbs"), row("h100e"), row("price_usd")),
        release=flagships.months("release"), pre_2022_stock=blocs.number("pre_2022_stock"),
        rest_share=blocs.number("rest_supply_share"), energy=blocs.number("energy_gw_2025"),
        energy_slope=blocs.number("energy_gw_per_year"),
    )  # fmt: skip


def _lab_world(scenario: Scenario, tables: Tables, drawn: Mapping[str, Array], places: Places, months: int) -> LabWorld:
    table = tables.labs
    names = table.text("lab")
    runs = len(places.rows)

    def number(column: str) -> Array:
        base = np.tile(table.number(column), (runs, 1))
        for place, name in enumerate(names):
            found = drawn.get(f"labs.{name}.{column}")
            if found is not None:
                base[:, place] = found[:, 0]
        return base

    entry = table.months("entry").astype(np.int64)
    for place, name in enumerate(names):
        if f"labs.{name}.entry" in drawn:
            entry[place] = int(min(drawn[f"labs.{name}.entry"][0, 0], NEVER))
    effect, compute_factor = number("lab_effect"), np.ones((runs, len(names)))
    lucky = _lab_luck(scenario, tables) if scenario.base != "central" else []
    for place, name in enumerate(names):
        if f"labs.{name}.lab_effect" in lucky:
            effect[:, place] += drawn["labs.effect_sd"][:, 0] * places.normal(f"labs.{name}.lab_effect")[:, 0]
        if f"labs.{name}.compute" in lucky:
            luck = places.normal(f"labs.{name}.compute")[:, 0]
            compute_factor[:, place] = np.exp(drawn["labs.compute_sd"][:, 0] * luck)
    knots = [(np.where(entry < NO_END, entry, 0), number("compute_start"))]
    knots += [(np.full(len(names), month, dtype=np.int64), number(column)) for column, month in RECORD_COLUMNS]
    end = int(tables.world_supply.months("month")[-1])
    path = _log_linear(knots, end + 1) * compute_factor
    brand = np.stack([number(BRANDS[segment]) for segment in SEGMENTS], axis=2)
    stance = np.array([STANCES[text] for text in table.text("stance_start")], dtype=np.int64)
    return LabWorld(
        names=tuple(names), bloc=np.array([BLOCS.index(text) for text in table.text("bloc")], dtype=np.int64),
        entry=entry, recorded_compute=path, algorithmic_position=number("algorithmic_position"), effect=effect,
        complement=number("complement_value"), open_culture=number("open_culture"),
        final_run_share=number("final_run_share"),
        coding_fit=number("coding_fit"), brand=brand, awareness=number("consumer_consideration"), stance_start=stance,
        inference_share=path_series(tables.paths, "inference_share", months),
        reference_stock_target=path_series(tables.paths, "reference_stock_cn", months), record_end=end,
    )  # fmt: skip


def _lab_luck(scenario: Scenario, tables: Tables) -> list[str]:
    """Names of what is drawn for labs on top of parameters: effects, and compute where it is not measured or given."""
    found = []
    for row in tables.labs.rows:
        lab = f"labs.{row['lab']}"
        if f"{lab}.lab_effect" not in scenario.world:
            found.append(f"{lab}.lab_effect")
        given = any(f"{lab}.{column}" in scenario.world for column, _ in RECORD_COLUMNS)
        if row["grade"] != "measured" and not given:
            found.append(f"{lab}.compute")
    return found


def _log_linear(knots: list[tuple[Whole, Array]], months: int) -> Array:
    """Return paths (months, runs, labs), log-linear between knots (places (labs,), values (runs, labs)), flat outside.

    The first knot is the entry; later knots at or before it are dropped lab by lab.
    """
    runs, labs = knots[0][1].shape
    path = np.empty((months, runs, labs))
    grid = np.arange(months, dtype=np.float64)
    for lab in range(labs):
        first = int(knots[0][0][lab])
        kept = [knots[0], *(knot for knot in knots[1:] if int(knot[0][lab]) > first)]
        places = np.array([float(where[lab]) for where, _ in kept])
        for run in range(runs):
            path[:, run, lab] = np.exp(np.interp(grid, places, [np.log(value[run, lab]) for _, value in kept]))
    return path


def _community_world(scenario: Scenario, tables: Tables, months: int) -> CommunityWorld:
    table = tables.communities
    regions, segments = table.text("region"), table.text("segment")
    size = len(regions)
    home = np.array([BLOCS.index(REGION_BLOC.get(region, "OTHER")) for region in regions], dtype=np.int64)
    segment = np.array([SEGMENTS.index(text) for text in segments], dtype=np.int64)
    by_origin = np.stack([table.number(f"taste_{bloc}") for bloc in BLOCS], axis=1)
    considered = np.stack([table.number(f"consideration_{bloc}") for bloc in BLOCS], axis=1)
    residency, filtered, known = (np.zeros((size, BLOC_COUNT)) for _ in range(3))
    known[:, SENDER] = 1.0
    filtered[:, TARGET] = home != TARGET
    for place, region in enumerate(regions):
        if region in REGION_BLOC:
            known[place, BLOCS.index(region)] = 1.0
        for bloc, rival in RIVAL_SERVICE.items():
            if region in rival and segments[place] in ("enterprise_regulated", "enterprise_other", "startup_dev"):
                residency[place, BLOCS.index(bloc)] = 1.0
    record_end = int(tables.world_supply.months("month")[-1])
    launch = table.months("launch").astype(np.int64)
    innovation, imitation = table.number("bass_innovation"), table.number("bass_imitation")
    years = np.maximum(record_end - launch, 1) / 12.0
    decay = np.exp(-(innovation + imitation) * years)
    reached = (1.0 - decay) / (1.0 + imitation / innovation * decay)
    start, record = table.number("users_2022"), table.number("users_2025")
    graph = scenario.model.community_graph
    names = [f"{region} {text}" for region, text in zip(regions, segments, strict=True)]
    peers = peer_weights(community_graph(names, graph.family, graph.neighbours, graph.rewiring, scenario.seed))
    return CommunityWorld(
        region=np.array([list(REGION_GOVERNMENTS).index(region) for region in regions], dtype=np.int64),
        segment=segment, home=home, spend_weight=table.number("spend_share_2025"), users_start=start,
        users_record=record, potential=(record - start) / reached, launch=launch, innovation=innovation,
        imitation=imitation, taste=by_origin, consideration_start=considered, residency=residency, filtered=filtered,
        known=known, access=_access(tables, regions, segments, months),
        coding_share=path_series(tables.paths, "coding_share", months), peers=peers, record_end=record_end,
    )  # fmt: skip


def _access(tables: Tables, regions: list[str], segments: list[str], months: int) -> Array:
    """Masks and bans in force, (months, communities, blocs, 2)."""
    access = np.zeros((months, len(regions), BLOC_COUNT, 2))
    begins, ends = tables.access.months("from"), tables.access.months("until")
    for number, row in enumerate(tables.access.rows):
        here = [
            place
            for place, (region, segment) in enumerate(zip(regions, segments, strict=True))
            if row["region"] in (region, "all") and row["segment"] in (segment, "all")
        ]
        openness = {"closed": [0], "open": [1], "all": [0, 1]}[str(row["scope"])]
        months_in = range(max(0, int(begins[number])), min(months, int(ends[number]) + 1))
        origin = BLOCS.index(str(row["origin"]))
        for month, place, which in product(months_in, here, openness):
            access[month, place, origin, which] += float(row["utility"])
    return access


def _government_world(tables: Tables) -> GovernmentWorld:
    table = tables.governments
    names = table.text("government")
    rules_region = _rules_region(names, tables.communities.text("region"))
    return GovernmentWorld(
        tuple(names), np.array([BLOCS.index(text) for text in table.text("bloc")], dtype=np.int64),
        table.number("hawkishness_start"), rules_region,
    )  # fmt: skip


def _rules_region(names: list[str], regions: list[str]) -> Flags:
    """Whether a government governs a community's region, (governments, communities)."""
    return np.array([[name in REGION_GOVERNMENTS[region] for region in regions] for name in names])


def _levers(lot: Lot, tables: Tables, world: GovernmentWorld, months: int) -> Levers:
    paths = _paths_by_case(lot, tables, months)
    levers = list(dict.fromkeys(lever for _, lever in paths[0].value))
    keys = {lever: [key for key in paths[0].value if key[1] == lever] for lever in levers}
    value, holders, targets = {}, {}, {}
    for lever, mine in keys.items():
        by_case = np.stack([np.stack([path.value[key] for key in mine], axis=1) for path in paths], axis=1)
        value[lever] = by_case[:, :1] if bool((by_case == by_case[:, :1]).all()) else by_case
        holders[lever] = np.array([world.names.index(holder) for holder, _ in mine], dtype=np.int64)
        against = [paths[0].against.get(key, ()) or (BLOCS[TARGET],) for key in mine]
        targets[lever] = tuple(tuple(BLOCS.index(bloc) for bloc in blocs) for blocs in against)
    announced = tuple(
        {lever: tuple(pair for key in mine for pair in path.announced[key]) for lever, mine in keys.items()}
        for path in paths
    )
    strictness, diffusion, constraint = (
        np.array([[path.dials[dial]] for path in paths])
        for dial in ("export_controls.strictness", "open_source.diffusion", "compute.constraint")
    )
    return Levers(value, holders, announced, targets, strictness, diffusion, constraint, lot.case)


def _paths_by_case(lot: Lot, tables: Tables, months: int) -> list[LeverPaths]:
    """Return the lever paths of every case; cases that differ in dials only share theirs."""
    known: list[tuple[Scenario, LeverPaths]] = []
    found = []
    for case in lot.cases:
        same = next((paths for other, paths in known if other.policies == case.policies), None)
        if same is None:
            same = lever_paths(case, tables.levers.rows, months)
            known.append((case, same))
        found.append(replace(same, dials=dict(case.dials)))
    return found


def first_chip_state(block: Block) -> ChipState:
    """Return the chip market before the first month: the stock of the years before, nothing in store."""
    runs, world = len(block.lot), block.chips
    one = np.ones((runs, 1))
    stock = np.zeros((runs, BLOC_COUNT, 4))
    stock[:, :, 0] = world.pre_2022_stock
    denial = block.rulebook.dial_denial()
    rules = block.rulebook.chips(0, denial, block.rulebook.dated_subsidy(0)).thresholds
    start = Thresholds(*(value * one for value in rules.all()))
    return ChipState(
        supply=0.0 * one, supply_other=0.0 * one, list_price=one.copy(), stock=stock, training_stock=stock.copy(),
        serving_stock=stock.copy(), desired_stock=world.pre_2022_stock * one, premium=0.0 * one, value=one.copy(),
        die_bank=0.0 * one, memory_bank=0.0 * one, age=1e6 * one, inflow=np.zeros((runs, 4)), want=0.0 * one,
        available=0.0 * one, cumulative_legal=0.0 * one, cumulative_supply=0.0 * one, thresholds=start, earlier=start,
    )  # fmt: skip


def first_lab_state(block: Block) -> LabState:
    """Return labs before the first month: harmless numbers, replaced at entry."""
    runs, labs = len(block.lot), len(block.labs.names)
    ones, zeros = np.ones((runs, labs)), np.zeros((runs, labs))
    wage = np.tile(block.tables.blocs.number("wage_research"), (runs, 1))
    pair = np.zeros((2, runs, labs))
    guess = Prices(np.full_like(ones, -7.0), np.full_like(ones, -2.0), pair, pair)
    return LabState(
        budget=ones.copy(), reference_budget=ones.copy(), deviation=zeros.copy(), capacity=ones.copy(),
        compute=ones.copy(), distillation_compute=zeros.copy(), desired_compute=ones.copy(), premium=zeros.copy(),
        compute_share=np.full((runs, labs, 4), 0.25), staff_share=np.full((runs, labs, 3), 1.0 / 3.0),
        labour_share=np.full((runs, labs), 0.2), researchers=ones.copy(), prices=guess, plan_prices=guess, wage=wage,
        algorithm=np.zeros((runs, labs, 2)), borrowed=zeros.copy(), training_run=ones.copy(),
        ln_effective=zeros.copy(), ln_training=zeros.copy(), adopted=np.full((runs, labs), np.inf),
        capability=zeros.copy(), aspiration=zeros.copy(), shortfall=zeros.copy(),
        stance=np.tile(block.labs.stance_start.astype(np.float64), (runs, 1)), countdown=ones.copy(),
        capacity_share=zeros.copy(),
    )  # fmt: skip


def first_community_state(block: Block) -> CommunityState:
    """Return communities before the first month."""
    runs, world = len(block.lot), block.communities
    size, labs = len(world.home), len(block.labs.names)
    noticed = np.zeros((runs, BLOC_COUNT))
    noticed[:, SENDER] = 1.0
    return CommunityState(
        users=np.tile(world.users_start, (runs, 1)), spend=np.ones((runs, size)), growth=np.zeros((runs, size)),
        consideration=np.tile(world.consideration_start, (runs, 1, 1)), awareness=np.full((runs, labs), 1e-12),
        noticed=noticed, share=np.zeros((runs, size, labs)), reference=np.zeros((runs, 1)),
    )  # fmt: skip


def first_account_state(block: Block) -> AccountState:
    """Return lab accounts before the first month."""
    shape = (len(block.lot), len(block.labs.names))
    zeros = [np.zeros(shape) for _ in range(5)]
    return AccountState(zeros[0], zeros[1], zeros[2], np.ones(shape), zeros[3], zeros[4])


def first_government_state(block: Block) -> GovernmentState:
    """Return governments before the first month."""
    runs, count = len(block.lot), len(block.governments.names)
    return GovernmentState(
        hawkishness=np.tile(block.governments.hawkishness, (runs, 1)), perceived_gap=np.zeros((runs, count)),
        denial=np.broadcast_to(block.rulebook.dial_denial(), (runs, 1)).copy(), subsidy=np.full((runs, 1), np.nan),
        banned=np.zeros((runs, count)),
    )  # fmt: skip


__all__ = ["Block", "build", "first_account_state", "first_chip_state", "first_community_state",
           "first_government_state", "first_lab_state", "names_drawn"]  # fmt: skip
