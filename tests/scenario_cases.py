"""A small set of catalogues and a way to write and load scenarios against it."""

import csv
import functools
import io
from collections.abc import Sequence
from pathlib import Path

from sim.errors import InputError, Problem
from sim.scenario import Scenario, load_scenario
from sim.scenario_names import Catalogues

PARAMETERS = """name,central,dist,low,high,hard_min,hard_max,unit,phrase,source,grade
chip_market.diverted_share,0.05,two_piece,0.02,0.12,0,0.3,share,Diverted share,s,judgement
chip_market.premium_floor,-0.5,fixed,,,-2,0,ln units,Floor,s,judgement
research.elasticity_compute_labour,1,loguniform,0.2,2.6,0.1,4,elasticity,Sigma,s,judgement
research.experiment_share,0.75,uniform,0.5,0.9,0.1,1,share,Share,s,judgement
demand.log_price.startup_dev,0.8,two_piece,0.4,1.28,0,3,utils,Price weight,s,judgement
demand.log_price.enterprise_regulated,0.2,two_piece,0.1,0.32,0,3,utils,Price weight,s,judgement
talent.supply_elasticity,3,two_piece,1.5,5.5,0.2,10,elasticity,Supply,s,judgement
"""

LEVERS = """name,group,holders,default,unit,low,high,weak,moderate,strong,maximal,kind,phrase,source,grade
export_controls.tpp_ceiling,export_controls,US,inf,TPP,0,inf,16000,4800,2400,1600,threshold,Ceiling,s,judgement
export_controls.licence_share,export_controls,US,0,share,0,1,0.25,0.5,0.75,1,share,Licences,s,judgement
export_controls.levy,export_controls,US,0,share,0,1,0.1,0.15,0.25,0.5,share,Levy,s,judgement
enforcement,chip_market,US TW,0.3,share,0,1,0.2,0.4,0.7,1,share,Enforcement,s,judgement
tier_quota,chip_market,US,inf,H100e a year,0,inf,320000,100000,50000,0,amount,Quota,s,judgement
energy_growth,energy,US CN,1,multiple,0,5,1.25,1.5,2,3,amount,Power,s,judgement
model_ban.enterprise_regulated,model_ban,US CN,0,share,0,1,0.2,0.5,0.8,1,share,Ban,s,judgement
open_promotion,open_models,US CN,0,share,0,1,0.2,0.4,0.7,1,share,Promotion,s,judgement
purchase_veto,chip_market,CN,0,share,0,1,0.2,0.4,0.8,1,share,Veto,s,judgement
subsidy,subsidy,CN,0,share,0,1,0.2,0.4,0.7,1,share,Subsidy,s,judgement
content_filter,content,CN,0,share,0,1,0.2,0.4,0.8,1,share,Filter,s,judgement
champions_only,chip_market,CN,0,,0,1,0,0,1,1,switch,Champions,s,judgement
export_controls.strictness,dial,WORLD,0.5,dial,0,1,0.25,0.5,0.75,1,share,Dial,s,judgement
open_source.diffusion,dial,WORLD,0.5,dial,0,1,0.25,0.5,0.75,1,share,Dial,s,judgement
"""

LABS = """lab,bloc,entry,compute_start,compute_2025,lab_effect,final_run_share,stance_start,note
OpenAI,US,2022-01,5500,1743440,0,0.1,closed,n
Mistral,EU,2023-04,200,20000,0,0.18,open_flagship,n
DeepSeek,CN,2023-07,3200,28000,0.7,0.18,open_flagship,n
FringeOther,OTHER,2022-01,2000,80000,0,0.18,open_flagship,n
"""

CHIPS = """chip,vendor,tpp,h100e,price_usd
H100,NVIDIA,15832,1,30000
H20,NVIDIA,2368,0.1496,12000
"""

PARENT = """schema: 1
name: history_hold
title: The parent
world:
  base: central
policies:
  US:
    export_controls.tpp_ceiling: [{from: 2022-10-07, value: 4800}, {from: 2023-11-17, value: 2400}]
  CN:
    subsidy: {level: moderate}
outputs: {at: [2026-12]}
"""

HEAD = "schema: 1\nname: case\n"


@functools.cache
def catalogues() -> Catalogues:
    """The small catalogues."""
    return Catalogues.from_rows(*(csv.DictReader(io.StringIO(text)) for text in (PARAMETERS, LEVERS, LABS, CHIPS)))


def write(folder: Path, text: str, name: str = "case.yaml") -> Path:
    """Write a scenario file and return its path."""
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def load(folder: Path, body: str, sets: Sequence[str] = (), head: str = HEAD) -> Scenario:
    """Load a scenario of the given body against the small catalogues."""
    return load_scenario(write(folder, head + body), sets, catalogues=catalogues())


def problems_of(folder: Path, body: str, sets: Sequence[str] = (), head: str = HEAD) -> list[Problem]:
    """Return what is wrong with a scenario of the given body, nothing if it loads."""
    try:
        load(folder, body, sets, head)
    except InputError as error:
        return error.problems
    return []
