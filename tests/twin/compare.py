"""Field by field: the state of the arrays in one run beside that of the twin."""

import math
from collections.abc import Iterator
from typing import Any

from sim.engine import Engine
from tests.twin.chip_market import CHANNELS
from tests.twin.inputs import BLOCS
from tests.twin.model import TwinModel
from tests.twin.release import STANCES

Field = tuple[str, float, float, float]
"""Name, value in the arrays, value in the twin, and the size below which a difference does not count as relative."""
UNIT = 1.0
"""Size of ln units, ECI, months and other numbers that may cross zero."""


def chip_fields(engine: Engine, run: int, twin: TwinModel) -> Iterator[Field]:
    """The chip market and what it hands on."""
    state, supply = engine.chips, twin.supply
    yield "supply", state.supply[run, 0], supply.nvidia, 0.0
    yield "supply_other", state.supply_other[run, 0], supply.other, 0.0
    yield "list_price", state.list_price[run, 0], supply.price, 0.0
    yield "want", state.want[run, 0], supply.desired, 0.0
    yield "value", state.value[run, 0], supply.a, 0.0
    yield "premium", state.premium[run, 0], supply.premium, UNIT
    yield "die_bank", state.die_bank[run, 0], supply.dies, 1e5
    yield "memory_bank", state.memory_bank[run, 0], supply.hbm, 1e5
    for k, channel in enumerate(CHANNELS):
        yield f"inflow.{channel}", state.inflow[run, k], supply.inflow[channel], supply.desired
        for place, bloc in enumerate(BLOCS):
            for kind, stock in (("stock", state.stock), ("quality", state.training_stock),
                                ("serving", state.serving_stock)):  # fmt: skip
                total = float(stock[run, place].sum())
                yield f"{kind}.{bloc}.{channel}", stock[run, place, k], supply.stocks[bloc, channel, kind], total
    for place, bloc in enumerate(BLOCS):
        handed = twin.handed[bloc]
        for name, other in (("capacity", "capacity"), ("quality", "quality"), ("serving", "serving"),
                            ("desired", "desired_stock")):  # fmt: skip
            yield f"handed.{name}.{bloc}", getattr(engine.handoff, name)[run, place], getattr(handed, other), 0.0
        yield f"handed.premium.{bloc}", engine.handoff.premium[run, place], handed.premium, UNIT
        yield f"wage.{bloc}", engine.labs.wage[run, place], twin.wages[bloc], 0.0


def lab_fields(engine: Engine, run: int, twin: TwinModel) -> Iterator[Field]:
    """Every lab that has entered."""
    state, accounts = engine.labs, engine.accounts
    for i, x in enumerate(twin.labs):
        if not x.entered:
            continue
        n = x.name
        assert x.portfolio is not None
        for name, value in (("budget", x.budget), ("reference_budget", x.reference_budget), ("capacity", x.capacity),
                            ("compute", x.compute_used), ("researchers", sum(x.staff)),
                            ("labour_share", x.portfolio.labour), ("training_run", x.training)):  # fmt: skip
            yield f"{name}.{n}", getattr(state, name)[run, i], value, 0.0
        for name, value in (("deviation", x.deviation), ("premium", x.premium), ("borrowed", x.borrowed),
                            ("ln_effective", x.ln_effective), ("ln_training", x.ln_training),
                            ("capability", x.capability), ("aspiration", x.aspiration), ("shortfall", x.shortfall),
                            ("adopted", math.inf if x.adopted is None else x.adopted),
                            ("stance", STANCES.index(x.stance))):  # fmt: skip
            yield f"{name}.{n}", getattr(state, name)[run, i], value, UNIT
        for name, row, values in (("compute_share", state.compute_share, x.portfolio.compute),
                                  ("staff_share", state.staff_share, x.portfolio.staff),
                                  ("algorithm", state.algorithm, x.a)):  # fmt: skip
            yield from ((f"{name}.{n}.{j}", row[run, i, j], value, UNIT) for j, value in enumerate(values))
        for name, value in (("revenue", x.revenue), ("spend_share", x.spend_share),
                            ("usual_share", x.usual_share or 0.0),
                            ("available", x.served), ("ecosystem", x.ecosystem), ("open_use", x.openuse)):  # fmt: skip
            yield f"{name}.{n}", getattr(accounts, name)[run, i], value, 0.0
        yield f"awareness.{n}", engine.communities.awareness[run, i], x.awareness, 0.0
        yield from shelf_fields(engine, run, i, x)


def shelf_fields(engine: Engine, run: int, place: int, maker: Any) -> Iterator[Field]:
    """The models a lab has on offer."""
    for openness in (0, 1):
        for vintage in (0, 1):
            model = maker.models.get((openness, vintage))
            here = (run, place, openness, vintage)
            name = f"{maker.name}.{openness}{vintage}"
            yield f"exists.{name}", engine.shelf.exists[here], float(model is not None), UNIT
            if model is not None:
                yield f"model.{name}", engine.shelf.capability[here], model.capability, 0.0
                yield f"price.{name}", engine.shelf.price[here], model.price, 0.0
                yield f"teaches.{name}", engine.shelf.ln_effective[here], model.ln_effective, UNIT


def demand_fields(engine: Engine, run: int, twin: TwinModel) -> Iterator[Field]:
    """Communities and governments."""
    state, states = engine.communities, engine.governments
    for c, community in enumerate(twin.communities):
        name = f"{community.region} {community.segment}"
        yield f"users.{name}", state.users[run, c], community.users, 0.0
        yield f"spend.{name}", state.spend[run, c], community.spend, 0.0
        for k, bloc in enumerate(BLOCS):
            yield f"considers.{name}.{bloc}", state.consideration[run, c, k], community.considers[bloc], 0.0
        for i, x in enumerate(twin.labs):
            yield f"share.{name}.{x.name}", state.share[run, c, i], community.shares.get(x.name, 0.0), 1e-9
    for k, government in enumerate(twin.governments.values()):
        yield f"hawkishness.{government.name}", states.hawkishness[run, k], government.hawkishness, UNIT
        yield f"perceived_gap.{government.name}", states.perceived_gap[run, k], government.perceived_gap, UNIT
        yield f"banned.{government.name}", states.banned[run, k], float(government.bans), UNIT
    yield "gap", engine.gaps[engine.month, run, 1], twin.gaps[-1], UNIT
    yield "lost", engine.lost[engine.month, run], twin.lost[-1], 1.0


def differences(engine: Engine, run: int, twin: TwinModel, tolerance: float = 1e-9) -> list[str]:
    """Every field in which the two differ by more than the tolerance, in words."""
    found = []
    for fields in (chip_fields, lab_fields, demand_fields):
        for name, array, value, size in fields(engine, run, twin):
            array, value = float(array), float(value)
            if array != value and not abs(array - value) <= tolerance * max(abs(array), abs(value), size):
                found.append(f"month {twin.month - 1} {name}: arrays {array!r}, twin {value!r}")
    return found
