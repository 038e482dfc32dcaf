"""The world as a Mesa model: the engine's numbers, live windows on them, Mesa's own tools, and the two networks."""

import ast
from pathlib import Path

import mesa
import numpy as np
import pytest

from sim.data import BLOCS, load_tables
from sim.engine import Engine
from sim.graphs import community_names, community_network_of, lab_network_of
from sim.measures import columns, record
from sim.scenario import load_scenario
from sim.world import DeveloperCommunity, Government, Lab, World

ROOT = Path(__file__).resolve().parents[1]
SETS = ["end=2023-12", "outputs.at=[]"]
FIRST_YEAR = ["end=2022-12", "outputs.at=[]"]
WITH_MESA = {"sim/world.py", "agents/windows.py"}
LATE, MONTHS_BEFORE_IT = "DeepSeek", 18
"""A lab that enters during the run, and the months before that."""


@pytest.fixture(scope="module")
def played() -> World:
    """Three runs of the recorded history after 20 months, run 1 on show. Tests only look at it."""
    world = World("history_hold", runs=3, show=1, sets=SETS)
    for _ in range(20):
        world.step()
    return world


def lab(world: World, name: str) -> Lab:
    found: Lab = next(lab for lab in world.agents_by_type[Lab] if lab.name == name)
    return found


def test_a_world_of_one_run_has_the_numbers_of_the_engine() -> None:
    scenario = load_scenario("history_hold", FIRST_YEAR)
    world, alone = World(scenario), Engine(scenario, np.arange(1)).run()
    while world.running:
        world.step()
        assert list(world.measures()) == alone.columns
        np.testing.assert_array_equal(list(world.measures().values()), alone.values[0, world.month])
    assert (world.month, world.date) == (11, "2022-12")


def test_a_run_has_the_same_numbers_on_show_and_alone() -> None:
    many, alone = World("history_hold", runs=3, sets=SETS), World("history_hold", first=2, sets=SETS)
    for _ in range(6):
        many.step()
        alone.step()
    assert many.measure("market_spend") != alone.measure("market_spend")
    many.show(2)
    np.testing.assert_equal(many.measures(), alone.measures())


def test_windows_follow_the_engine_and_the_run_on_show() -> None:
    world = World("history_hold", runs=2, sets=SETS)
    leader, community = lab(world, "OpenAI"), world.agents_by_type[DeveloperCommunity][2]
    assert (leader.compute, leader.stance, community.shares, world.date) == (0.0, None, {}, "")
    seen = []
    for _ in range(3):
        world.step()
        seen.append(leader.budget)
        assert leader.budget == world.engine.labs.budget[0, leader.place]
        assert leader.capability == world.measure("capability.OpenAI")
    assert len(set(seen)) == 3
    before = (leader.internal_capability, community.users, community.open_share)
    world.show(1)
    assert leader.internal_capability == world.engine.labs.capability[1, leader.place] != before[0]
    assert community.open_share != before[2]


def test_windows_cannot_be_written_to(played: World) -> None:
    with pytest.raises(AttributeError, match="compute is read from the engine"):
        lab(played, "OpenAI").compute = 1.0
    with pytest.raises(AttributeError):
        played.agents_by_type[Lab].set("revenue", 0.0)


def test_readings_know_their_unit_and_what_they_are() -> None:
    assert (Lab.compute.unit, Lab.compute.phrase) == ("H100e", "compute in use")
    assert DeveloperCommunity.users.unit == "million"


def test_a_lab_before_its_entry_is_empty() -> None:
    world = World("history_hold", sets=SETS)
    late = lab(world, LATE)
    for _ in range(MONTHS_BEFORE_IT):
        world.step()
        empty = (late.entered, late.compute, late.revenue, late.token_share, late.own_progress, late.stance)
        assert empty == (False, 0.0, 0.0, 0.0, 0.0, None)
        assert (late.capability, late.prices) == (0.0, {})
        assert LATE not in world.lab_network()
    world.step()
    assert late.entered
    assert late.compute > 0.0
    assert late.stance == "open_flagship"
    assert LATE in world.lab_network()


def test_lab_windows_agree_with_the_measures(played: World) -> None:
    values = played.measures()
    for window in played.agents_by_type[Lab]:
        assert window.token_share == pytest.approx(values[f"token_share.{window.name}"], rel=1e-12)
        assert window.revenue_share == pytest.approx(values[f"revenue_share.{window.name}"], rel=1e-12)
        assert window.compute == values[f"compute_labs.{window.name}"]
        openness = {None: 0.0, "closed": 0.0, "open_small": 0.5, "open_flagship": 1.0}[window.stance]
        assert openness == values[f"release_open.{window.name}"]
        assert bool(window.prices) == (window.capability > 0.0)


def test_community_windows_agree_with_the_measures(played: World) -> None:
    communities = played.agents_by_type[DeveloperCommunity]
    assert communities.agg("users", sum) == pytest.approx(played.measure("adoption.world"), rel=1e-12)
    assert communities.agg("spend", sum) == pytest.approx(played.measure("market_spend"), rel=1e-12)
    for community in communities:
        assert sum(community.shares.values()) == pytest.approx(1.0, rel=1e-9)
        assert community.shares[community.leader] == max(community.shares.values())
        assert 0.0 <= community.open_share <= 1.0
        assert set(community.consideration) == set(BLOCS)
    abroad = communities.select(lambda one: one.home == "US" and one.segment == "enterprise_other")
    assert [one.name for one in abroad] == ["US enterprise_other"]


def test_peers_of_a_community_are_its_neighbours_in_the_graph(played: World) -> None:
    graph = played.community_network()
    for community in played.agents_by_type[DeveloperCommunity]:
        assert {peer.name for peer in community.peers} == set(graph.neighbors(community.name))


def test_governments_show_the_levers_in_force() -> None:
    world = World("history_hold", sets=SETS)
    sender = world.agents_by_type[Government][0]
    assert (sender.name, sender.bloc, sender.levers) == ("US", "US", {})
    for _ in range(9):
        world.step()
    assert "export_controls.tpp_ceiling" not in sender.in_force
    assert np.isinf(sender.levers["export_controls.tpp_ceiling"])
    world.step()
    assert world.date == "2022-10"
    assert sender.in_force["export_controls.tpp_ceiling"] == 4800.0
    assert sender.hawkishness == world.engine.governments.hawkishness[0, 0]
    assert sender.decided == {}


def test_governments_show_what_they_decide_by_themselves() -> None:
    world = World("endogenous_governments", sets=FIRST_YEAR)
    while world.running:
        world.step()
    decided = {government.name: government.decided for government in world.agents_by_type[Government]}
    assert decided["US"] == {"denial": world.engine.governments.denial[0, 0]}
    assert set(decided["CN"]) <= {"subsidy"}
    assert {frozenset(values) for name, values in decided.items() if name not in ("US", "CN")} == {
        frozenset({"bars_models"})
    }


def test_agent_sets_select_and_aggregate(played: World) -> None:
    labs = played.agents_by_type[Lab]
    chinese = labs.select(lambda one: one.bloc == "CN" and one.entered)
    assert 1 < len(chinese) < len(labs)
    assert chinese.agg("token_share", sum) == pytest.approx(played.measure("token_share.CN"), rel=1e-12)
    assert labs.agg("capability", max) == max(labs.get("capability"))
    by_bloc = labs.groupby("bloc")
    assert {bloc: len(members) for bloc, members in by_bloc} == {"US": 7, "CN": 7, "EU": 1, "OTHER": 1}
    assert len(played.agents) == len(labs) + 10 + 40


def test_data_collector_collects_model_and_agents() -> None:
    world = World("history_hold", sets=SETS)
    collector = mesa.DataCollector(
        model_reporters={"month": "date", "china": lambda world: world.measure("token_share.CN")},
        agent_reporters={"name": "name", "spend": lambda agent: getattr(agent, "spend", None)},
        agenttype_reporters={Lab: {"capability": "capability"}, DeveloperCommunity: {"users": "users"}},
    )
    expected, capability = [], []
    for _ in range(4):
        world.step()
        collector.collect(world)
        expected.append(world.measure("token_share.CN"))
        capability.append(world.agents_by_type[Lab].get("capability"))
    table = collector.get_model_vars_dataframe()
    assert table["month"].tolist() == ["2022-01", "2022-02", "2022-03", "2022-04"]
    assert table["china"].tolist() == expected
    agents = collector.get_agent_vars_dataframe()
    assert len(agents) == 4 * len(world.agents)
    assert agents["name"].nunique() == len(world.agents)
    assert agents["spend"].count() == 4 * 40
    assert agents["spend"].iloc[-40:].sum() == pytest.approx(world.measure("market_spend"), rel=1e-12)
    labs = collector.get_agenttype_vars_dataframe(Lab)["capability"].to_numpy().reshape(4, -1)
    np.testing.assert_array_equal(labs, capability)
    assert len(collector.get_agenttype_vars_dataframe(DeveloperCommunity)) == 4 * 40


def test_lab_network_has_the_weights_of_the_month(played: World) -> None:
    graph, engine = played.lab_network(), played.engine
    names = engine.block.labs.names
    assert set(graph) == {one.name for one in played.agents_by_type[Lab].select(lambda one: one.entered)}
    assert graph.number_of_edges() == len(graph) * (len(graph) - 1)
    for teacher, learner in graph.edges():
        weight = graph.edges[teacher, learner]["weight"]
        assert weight == engine.links[1, names.index(learner), names.index(teacher)]
        assert 0.0 < weight <= 1.0
    least = engine.block.par["knowledge.least_similarity"][1, 0]
    similar = least + (1.0 - least) * engine.nearness
    home = graph.edges["OpenAI", "Anthropic"]["weight"]
    assert home == similar[names.index("Anthropic"), names.index("OpenAI")]
    assert graph.edges["OpenAI", LATE]["weight"] < similar[names.index(LATE), names.index("OpenAI")]
    for one in played.agents_by_type[Lab].select(lambda one: one.entered):
        assert graph.nodes[one.name] == {"bloc": one.bloc, "size": one.compute, "capability": one.capability}


def test_community_network_has_the_state_of_the_month(played: World) -> None:
    graph = played.community_network()
    assert list(graph) == community_names(played.engine)
    assert graph.number_of_edges() == 120
    blocs = dict(zip(played.engine.block.labs.names, played.engine.block.labs.bloc, strict=True))
    for one in played.agents_by_type[DeveloperCommunity]:
        node = graph.nodes[one.name]
        seen = (node["region"], node["segment"], node["home"], node["size"], node["spend"], node["lab"])
        assert seen == (one.region, one.segment, one.home, one.users, one.spend, one.leader)
        assert node["bloc"] == BLOCS[blocs[one.leader]]
        assert sum(node[f"share_{bloc}"] for bloc in BLOCS) == pytest.approx(1.0, rel=1e-9)


def test_networks_can_be_of_the_mean_over_runs(played: World) -> None:
    engine = played.engine
    labs, communities = lab_network_of(engine), community_network_of(engine)
    sizes = [lab_network_of(engine, run).nodes["OpenAI"]["size"] for run in range(3)]
    assert labs.nodes["OpenAI"]["size"] == pytest.approx(np.mean(sizes), rel=1e-12)
    name = "US startup_dev"
    shares = [community_network_of(engine, run).nodes[name]["share_CN"] for run in range(3)]
    assert communities.nodes[name]["share_CN"] == pytest.approx(np.mean(shares), rel=1e-12)
    assert len(set(shares)) == 3


def test_the_graph_of_another_family_is_the_scenarios() -> None:
    world = World("history_hold", sets=[*SETS, "model.community_graph.family=barabasi_albert"])
    world.step()
    degrees = dict(world.community_network().degree())
    assert max(degrees.values()) > 10


def test_before_the_first_month_there_is_nothing_to_report() -> None:
    world = World("history_hold", sets=SETS)
    for ask in (world.measures, world.lab_network, world.community_network):
        with pytest.raises(RuntimeError, match="no month has been played"):
            ask()


def test_after_the_last_month_a_step_is_refused() -> None:
    world = World("history_hold", sets=["end=2022-01", "outputs.at=[]"])
    world.step()
    assert not world.running
    with pytest.raises(RuntimeError, match="ends in 2022-01"):
        world.step()


def test_wrong_names_and_numbers_are_refused(played: World) -> None:
    with pytest.raises(KeyError, match=r"did you mean token_share\.CN"):
        played.measure("token_shares.CN")
    with pytest.raises(ValueError, match="run 3 is not held; the world has runs 0 to 2"):
        played.show(3)
    assert played.shown == 1
    for runs, first in ((0, 0), (1, -1)):
        with pytest.raises(ValueError, match="at least one run"):
            World(played.setting, runs, first=first)
    with pytest.raises(ValueError, match="sets are laid over"):
        World(played.setting, sets=SETS)
    with pytest.raises(ValueError, match="run 1 is not held"):
        World(played.setting, show=1)
    with pytest.raises(ValueError, match="run 0 is not held"):
        World(played.setting, first=5, show=0)


def test_a_world_is_made_of_a_name_a_file_or_a_scenario() -> None:
    scenario = load_scenario("deepseek_shock")
    tables = load_tables()
    worlds = [World(tables=tables), World(ROOT / "scenarios" / "deepseek_shock.yaml"), World(scenario)]
    assert {world.setting.digest() for world in worlds} == {scenario.digest()}
    for world in worlds:
        world.step()
    np.testing.assert_equal(worlds[0].measures(), worlds[1].measures())
    np.testing.assert_equal(
        worlds[2].measures(), dict(zip(columns(), record(worlds[2].engine)[0].tolist(), strict=True))
    )


def sources() -> dict[str, ast.Module]:
    files = [*(ROOT / "sim").rglob("*.py"), *(ROOT / "agents").glob("*.py")]
    return {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text("utf-8")) for path in files}


def imported(tree: ast.Module) -> set[str]:
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    return names | {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}


def test_mesa_is_imported_in_two_files_only() -> None:
    found = {name for name, tree in sources().items() if {"mesa"} & {word.partition(".")[0] for word in imported(tree)}}
    assert found == WITH_MESA


@pytest.mark.parametrize("name", sorted(WITH_MESA))
def test_mesa_is_used_as_3_3_and_3_5_both_allow(name: str) -> None:
    tree = sources()[name]
    assert not {word for word in imported(tree) if word.startswith("mesa.")}
    attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert not attributes & {"steps", "time", "scenario", "batch_run", "space", "experimental", "random"}
    assert not {word.arg for node in ast.walk(tree) if isinstance(node, ast.Call) for word in node.keywords} & {"seed"}
