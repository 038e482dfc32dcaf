"""The interactive charts: numbers of the record, words from the data, the same specification each time."""

import itertools
import json
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import numpy as np
import pytest

from sim.calendar import month_label
from sim.charts.data import COUNTERFACTUAL, MAIN, CannotDraw, RunRecord, pairs_of, record_of
from sim.charts.policies import policy_marks
from sim.charts.text import percent, signed
from sim.commands.text import load
from sim.held import HeldResults, held_run
from sim.interactive.chain import LINKS, MEASURES, chain, change_of, links_of
from sim.interactive.compute import channels
from sim.interactive.layers import log_ticks
from sim.interactive.lines import rows_of
from sim.interactive.network import SIZES, drawn_ties, lab_map, network_at
from sim.interactive.outcome import level_line, outcome
from sim.interactive.picture import Picture
from sim.interactive.shares import MOST_LABS, REST, groups_of, shares
from sim.interactive.static import json_of, png_of, runtime_javascript, spec_of, svg_of, vega_lite_version
from sim.interactive.views import (
    BY,
    MARKETS,
    SHOWN,
    UNITS,
    WORDS,
    View,
    columns_of,
    drawn_values,
    label,
    measured,
    values_of,
    why_not,
)
from sim.measures import CATALOGUE, columns
from sim.plan import plan_run
from tests.browser_page import browser, page_of

RUNS = 8
VIEWS = [View(*choice) for choice in itertools.product(BY, UNITS, MARKETS, SHOWN)]
DRAWN = [view for view in VIEWS if not why_not(view)]
COLUMNS = (
    "gap_months.CN", "compute_owned.CN", "token_price.open", "price_fixed_capability.140", "training_compute.US",
    "hhi.labs", "adoption.world", "frontier_capability.CN", "grey_price_ratio",
)  # fmt: skip


def held(sets: list[str], runs: int) -> HeldResults:
    return held_run(plan_run(load("deepseek_shock", sets)), range(runs), None)


@pytest.fixture(scope="module")
def record() -> RunRecord:
    """Eight paired runs of one scenario, with every measure."""
    results = held([], RUNS)
    return record_of(results, pairs_of(results.manifest)[0])


@pytest.fixture(scope="module")
def alone(record: RunRecord) -> RunRecord:
    """The same runs without their counterfactual."""
    return record_of(record.results, [record.arms[MAIN]])


@pytest.fixture(scope="module")
def short() -> RunRecord:
    """One run of fifteen months."""
    results = held(["end=2023-03", "outputs.at=[2023-03]"], 1)
    return record_of(results, pairs_of(results.manifest)[0])


@pytest.mark.parametrize("view", DRAWN, ids=str)
def test_every_view_that_can_be_drawn_is_drawn(record: RunRecord, view: View) -> None:
    """Its specification is valid, and says nothing of the network but the name of its schema."""
    assert why_not(view, record) == ""
    picture = shares(record, view)
    spec = spec_of(picture)
    assert spec["width"] == "container"
    assert "http" not in json_of(picture).replace(spec["$schema"], "")
    groups = groups_of(record, view)
    assert drawn_marks(svg_of(picture, 700), "line mark") == (1 if view.shown == "difference" else 2) * len(groups)


def test_what_cannot_be_drawn_is_said(record: RunRecord, alone: RunRecord) -> None:
    """Openness at home, a difference without a counterfactual, a choice that is none, a measure not on record."""
    assert [view for view in VIEWS if why_not(view)] == [
        View("openness", unit, "home", shown) for unit, shown in itertools.product(UNITS, SHOWN)
    ]
    assert "bloc, lab or openness" in why_not(View(by="planet"))
    assert "no counterfactual" in why_not(View(shown="difference"), alone)
    few = held_run(plan_run(load("deepseek_shock", ["end=2022-03", "outputs.at=[2022-03]"])), range(1), ["hhi"])
    assert "token_share.US" in why_not(View(), record_of(few, ["main"]))
    for view in (View(by="planet"), View("openness", market="home")):
        with pytest.raises(ValueError, match=r"choose|not at home"):
            columns_of(view)
    with pytest.raises(CannotDraw, match="not at home"):
        shares(record, View("openness", market="home"))
    with pytest.raises(CannotDraw, match="no counterfactual"):
        shares(alone, View(shown="difference"))


def test_views_name_columns_of_the_catalogue() -> None:
    """Every column is one that a run can record, every choice has its words, and no two views the same ones."""
    known = set(columns())
    assert {column for view in DRAWN for column in measured(view)} <= known
    assert columns_of(View("openness", market="abroad")) == dict.fromkeys(
        ("open", "closed"), "developer_token_share.open"
    )
    assert columns_of(View("lab", "revenue", "home"))["DeepSeek"] == "revenue_share_home.DeepSeek"
    assert {getattr(view, field.name) for view in VIEWS for field in fields(View)} == set(WORDS)
    assert len({label(view) for view in DRAWN}) == len(DRAWN)


@pytest.mark.parametrize("view", DRAWN, ids=str)
def test_tables_hold_the_fans_of_the_record(record: RunRecord, view: View) -> None:
    """Quantiles over the runs of each entity in each world; a sum of labs is summed run by run first."""
    table: Any = shares(record, view).table
    assert {"month", "entity", "world", "unit", "p05", "p25", "p50", "p75", "p95"} == set(table.columns)
    worlds = ["difference"] if view.shown == "difference" else ["main", "counterfactual"]
    assert list(dict.fromkeys(table["world"])) == worlds
    for key, entities in groups_of(record, view).items():
        for world in worlds:
            role = COUNTERFACTUAL if world == "counterfactual" else MAIN
            values = np.add.reduce([values_of(record, view, entity, role) for entity in entities])
            if world == "difference":
                others = [values_of(record, view, entity, COUNTERFACTUAL) for entity in entities]
                values = 100 * (values - np.add.reduce(others))
            mine = table[(table["entity"] == key) & (table["world"] == world)]
            assert mine["month"].tolist() == [month_label(int(month)) for month in record.months]
            wanted = np.quantile(values, (0.05, 0.25, 0.5, 0.75, 0.95), axis=0).T
            np.testing.assert_allclose(mine[["p05", "p25", "p50", "p75", "p95"]].to_numpy(), wanted, atol=1e-12)


def test_differences_are_paired(record: RunRecord) -> None:
    """They are the record's own, and not the difference of two medians."""
    view = View(market="abroad", shown="difference")
    table: Any = shares(record, view).table
    fan = record.difference_fan("token_share_abroad.CN").scaled(100)
    mine = table[table["entity"] == "CN"]
    np.testing.assert_allclose(mine["p50"], fan.median)
    np.testing.assert_allclose(mine["p95"], fan.bands[0][2])
    medians = record.fan("token_share_abroad.CN").median - record.fan("token_share_abroad.CN", COUNTERFACTUAL).median
    assert not np.allclose(mine["p50"], 100 * medians)


def test_closed_models_abroad_have_what_open_ones_leave(record: RunRecord) -> None:
    """Run by run, so the low end of the one is the high end of the other."""
    table: Any = shares(record, View("openness", market="abroad")).table
    main = table[table["world"] == "main"].set_index("entity")
    np.testing.assert_allclose(main.loc["closed", "p05"].to_numpy(), 1 - main.loc["open", "p95"].to_numpy())
    drawn = drawn_values(record, View("openness", market="abroad"), ["open", "closed"])
    np.testing.assert_allclose(drawn, 1.0)


def test_labs_are_the_largest_and_the_rest_is_summed_only_in_the_world(record: RunRecord) -> None:
    """Abroad each bloc has its own market below the line, and shares of labs do not add up."""
    groups = groups_of(record, View("lab"))
    assert len(groups) == MOST_LABS + 1
    assert sorted(lab for labs in groups.values() for lab in labs) == sorted(columns_of(View("lab")))
    assert "FringeCN" in groups[REST]
    assert REST not in groups_of(record, View("lab", market="abroad"))
    total = np.add.reduce([drawn_values(record, View("lab"), labs) for labs in groups.values()])
    np.testing.assert_allclose(total, 1.0)


@pytest.mark.parametrize("view", DRAWN, ids=str)
def test_words_have_the_numbers_of_the_record(record: RunRecord, view: View) -> None:
    """Title and alternative text name the median in the month of the titles; the text the last ones too."""
    picture = shares(record, view)
    groups = groups_of(record, view)
    key = {"bloc": "CN", "openness": "open"}.get(view.by) or max(
        (lab for lab in groups if lab != REST),
        key=lambda lab: np.median(values_of(record, view, lab)[:, record.headline]),
    )
    values = drawn_values(record, view, groups[key])
    said = [
        signed(100 * float(np.median(some)), 1) if view.shown == "difference" else percent(float(np.median(some)))
        for some in (values[:, record.headline], values[:, -1])
    ]
    assert said[0] in picture.title
    assert picture.title in picture.alt
    assert said[1] in picture.alt
    assert month_label(record.headline) in picture.title


def test_the_same_record_gives_the_same_bytes(record: RunRecord) -> None:
    """However many charts were built before."""
    builds: list[Callable[[], Picture]] = [
        lambda: shares(record, View("lab")),
        lambda: chain(record),
        lambda: channels(record),
    ]
    for build in builds:
        first = json_of(build())
        outcome(record, "hhi.labs")
        assert json_of(build()) == first
        assert len(first) < 200_000
    assert svg_of(shares(record, View())) == svg_of(shares(record, View()))


def drawn_marks(svg: str, kind: str) -> int:
    """How many marks of a kind have a path of two points or more."""
    return len(re.findall(rf'aria-roledescription="{kind}" d="M[^"]*[LCA]', svg))


def rows_in(spec: dict[str, Any], *names: str) -> list[dict[str, Any]]:
    """The inline rows of a specification that have all of these fields."""
    inline = [layer["data"]["values"] for layer in [spec, *spec["layer"]] if "values" in layer.get("data", {})]
    inline += list(spec.get("datasets", {}).values())
    return [row for rows in inline for row in rows if all(name in row for name in names)]


def test_charts_mark_policy_dates_and_observed_points(record: RunRecord) -> None:
    """As the record has them, with words for the tooltip."""
    spec = spec_of(shares(record, View("openness", market="abroad")))
    marks = {row["m"]: row["policy"] for row in rows_in(spec, "policy")}
    assert marks == {mark.month: mark.words for mark in policy_marks(record)}
    points = record.observed("developer_token_share", "open")
    seen = {(row["m"], row["observed"]) for row in rows_in(spec, "observed")}
    assert seen == {
        (int(m), float(f"{v:.5g}")) for some in points for m, v in zip(some.months, some.values, strict=True)
    }
    assert {row["m"] for row in rows_in(spec, "after")} == {record.record_end + 0.5}


def test_what_is_not_defined_is_null_inside_and_left_out_at_the_ends(record: RunRecord) -> None:
    """A price at a capability begins when half of the runs have one, and JSON has no NaN."""
    line = level_line(record, "price_fixed_capability.140")
    rows = rows_of([line])
    known = np.flatnonzero(np.isfinite(line.fan.median) | np.isfinite(line.fan.bands[0][1]))
    assert 0 < rows[0]["m"] == line.fan.months[known[0]]
    assert all(row[f"low{i}"] is None for row in rows for i in (0, 1) if row[f"high{i}"] is None)
    json.loads(json_of(outcome(record, "price_fixed_capability.140")))


@pytest.mark.parametrize("column", COLUMNS)
def test_any_outcome_is_drawn(record: RunRecord, column: str) -> None:
    """As levels and as paired differences, with the fan of the record in its table and the last month in its text."""
    unit = 100.0 if CATALOGUE[column.partition(".")[0]].unit.startswith("share") else 1.0
    level = outcome(record, column)
    mine = level.table[level.table["world"] == "main"]
    np.testing.assert_allclose(mine["p50"], unit * record.fan(column).median)
    assert drawn_marks(svg_of(level), "line mark") == 2
    change = outcome(record, column, "difference")
    np.testing.assert_allclose(change.table["p50"], unit * record.difference_fan(column).median)
    assert set(change.table["world"]) == {"difference"}
    assert drawn_marks(svg_of(change), "line mark") == 1
    assert month_label(int(record.months[-1])) in level.alt


def test_outcomes_that_cannot_be_drawn_say_so(record: RunRecord, alone: RunRecord, short: RunRecord) -> None:
    """No such column, no counterfactual, or nothing defined."""
    with pytest.raises(CannotDraw, match="planet"):
        outcome(record, "planet.CN")
    with pytest.raises(CannotDraw, match="no counterfactual"):
        outcome(alone, "hhi.labs", "difference")
    with pytest.raises(CannotDraw, match="not defined"):
        outcome(short, "price_fixed_capability.158")


def test_the_chain_shows_paired_effects_in_order(record: RunRecord) -> None:
    """Nine links; per cent of the counterfactual for amounts, points for shares."""
    picture = chain(record)
    links = links_of(record)
    assert [link.key for link in links] == [link.key for link in LINKS]
    assert picture.table["link"].drop_duplicates().tolist() == [link.name for link in links]
    main, other = (record.values("compute_owned.CN", role) for role in (MAIN, COUNTERFACTUAL))
    mine = picture.table[picture.table["link"] == "Compute owned"]
    np.testing.assert_allclose(mine["p50"], np.median(100 * (main / other - 1), axis=0))
    shadow = change_of(record, links[2], ("shadow_price.CN",))
    np.testing.assert_allclose(shadow, 100 * np.expm1(record.difference("shadow_price.CN")))
    tokens = change_of(record, links[7], ("token_share_abroad.CN",))
    np.testing.assert_allclose(tokens, 100 * record.difference("token_share_abroad.CN"))
    size = float(np.median(100 * (main / other - 1), axis=0)[record.headline])
    assert f"compute owned {signed(size, 0)}%" in picture.title
    assert {column.partition(".")[0] for link in links for column in link.columns} == set(MEASURES)


def test_the_chain_shows_levels_when_asked(record: RunRecord, alone: RunRecord) -> None:
    """And by itself where there is no counterfactual."""
    assert set(chain(record, "level").table["world"]) == {"main", "counterfactual"}
    assert set(chain(alone).table["world"]) == {"main"}
    with pytest.raises(CannotDraw, match="no counterfactual"):
        chain(alone, "difference")
    few = held_run(plan_run(load("deepseek_shock", ["end=2022-03", "outputs.at=[2022-03]"])), range(1), ["hhi"])
    with pytest.raises(CannotDraw, match="no link"):
        chain(record_of(few, ["main"]))


def test_channels_add_up(record: RunRecord) -> None:
    """Means over the runs, of both worlds, and as much in the chart as in the table."""
    picture = channels(record)
    for world, role in (("main", MAIN), ("counterfactual", COUNTERFACTUAL)):
        mine = picture.table[picture.table["world"] == world]
        total = mine.groupby("month")["mean"].sum().to_numpy()
        parts = [record.values(f"compute_inflow.{c}", role) for c in ("legal", "smuggled", "cloud", "domestic")]
        np.testing.assert_allclose(total, np.add.reduce(parts).mean(axis=0))
    np.testing.assert_allclose(
        picture.table[(picture.table["entity"] == "smuggled") & (picture.table["world"] == "main")]["p95"],
        record.fan("compute_inflow.smuggled").bands[0][2],
    )


def test_one_short_run_and_a_run_alone_are_drawn(short: RunRecord, alone: RunRecord) -> None:
    """Without intervals that are none, and without a dashed line that is not there."""
    for view in DRAWN[::5]:
        picture = shares(short, view)
        assert "(90%" not in picture.title
        assert drawn_marks(svg_of(picture), "line mark") >= len(groups_of(short, view))
        if view.shown == "level":
            assert '"cf"' not in json_of(shares(alone, view))
    assert [drawn_marks(svg_of(channels(some)), "area mark") for some in (short, alone)] == [8, 4]
    assert all(drawn_marks(svg_of(chain(some)), "line mark") >= 9 for some in (short, alone))


def test_the_network_of_a_month_is_played_and_drawn(record: RunRecord) -> None:
    """The labs that have entered, in one place each time, with their strongest teachers."""
    from sim.scenario import scenario_from_resolved

    scenario = scenario_from_resolved(record.scenario)
    network = network_at(scenario, 12, range(2), record.tables)
    assert network == network_at(scenario, 12, range(2), record.tables)
    assert (network.month, network.runs) == (12, 2)
    tokens = record.values("token_share.OpenAI")[:2, 12].mean()
    assert {node.lab: node.tokens for node in network.nodes}["OpenAI"] == pytest.approx(tokens)
    ties = drawn_ties(network)
    assert {tie.learner for tie in ties} <= {node.lab for node in network.nodes}
    for node in network.nodes:
        weights = [tie.weight for tie in network.ties if tie.learner == node.lab]
        assert [tie.weight for tie in ties if tie.learner == node.lab] == sorted(weights, reverse=True)[:2]
    for size in SIZES:
        picture = lab_map(network, size)
        assert svg_of(picture).count("<text") >= len(network.nodes)
        assert json_of(picture) == json_of(lab_map(network, size))
        assert "2023-01" in picture.title
    with pytest.raises(ValueError, match="compute or tokens"):
        lab_map(network, "weight")
    with pytest.raises(ValueError, match="outside"):
        network_at(scenario, 600, range(1), record.tables)


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [(0.02, 30.0, [0.1, 1, 10]), (9e4, 1.1e6, [1e5, 2e5, 5e5, 1e6]), (1e24, 1e27, [1e24, 1e25, 1e26, 1e27])],
)
def test_log_axes_have_few_round_ticks(low: float, high: float, ticks: list[float]) -> None:
    """Powers of ten, and twos and fives where there are few of them."""
    assert log_ticks(low, high) == ticks


def test_pictures_are_drawn_without_network(record: RunRecord) -> None:
    """By the version of Vega-Lite that Altair writes; the runtime is whole."""
    import vl_convert

    assert vega_lite_version() in vl_convert.get_vegalite_versions()
    assert png_of(shares(record, View()), 400, 1.0).startswith(b"\x89PNG")
    assert "vegaEmbed" in runtime_javascript()
    assert "<script" not in runtime_javascript()


def test_pictures_on_one_page_share_no_names(record: RunRecord) -> None:
    """Clips of one are not those of another, and each is there."""
    first, second = (svg_of(shares(record, view)) for view in (View(), View("lab")))
    names = [set(re.findall(r'\bid="([^"]+)"', svg)) for svg in (first, second)]
    assert names[0]
    assert not names[0] & names[1]
    assert set(re.findall(r"url\(#([^)]+)\)", first)) <= names[0]


def test_a_picture_is_an_altair_chart_too(record: RunRecord) -> None:
    """Its specification passes the checks of the schema."""
    few = outcome(record, "hhi.labs")
    again = few.chart.to_dict()
    assert len(again["layer"]) == len(few.spec["layer"])


def test_importing_the_package_is_light() -> None:
    """Altair and pandas wait for the first picture."""
    modules = "chain, compute, effects, network, outcome, shares, static, views"
    code = f"import sys; from sim.interactive import {modules}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"altair", "pandas", "vl_convert", "matplotlib"} & set(done.stdout.split())


@pytest.mark.slow
def test_lines_and_names_answer_the_pointer(record: RunRecord, tmp_path: Any) -> None:
    """In a browser without network: a tooltip with the numbers, bands for the lab that is clicked, links of one lab."""
    from sim.scenario import scenario_from_resolved

    network = network_at(scenario_from_resolved(record.scenario), 24, range(2), record.tables)
    pictures = [shares(record, View()), shares(record, View("lab")), lab_map(network)]
    embeds = "".join(
        f"<div id=c{i} style='width:900px'></div><script>vegaEmbed('#c{i}',{json_of(p)},{{renderer:'svg'}})</script>"
        for i, p in enumerate(pictures)
    )
    page = tmp_path / "page.html"
    page.write_text(f"<!doctype html><meta charset=utf-8><script>{runtime_javascript()}</script>{embeds}", "utf-8")
    with browser() as opened, page_of(opened) as (seen, watch):
        seen.goto(page.as_uri())
        seen.wait_for_selector("#c2 svg.marks")
        box = seen.locator("#c0 svg.marks").bounding_box()
        assert box is not None
        assert box["width"] <= 900
        seen.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 0.7 * box["height"])
        tip = seen.locator("#vg-tooltip-element.visible")
        tip.wait_for()
        assert "China, 202" in tip.inner_text()
        assert "% to" in tip.inner_text()
        assert "undefined" not in tip.inner_text()
        before = seen.locator("#c1").inner_html()
        seen.locator("#c1 svg.marks text", has_text="Anthropic").click()
        seen.wait_for_function("before => document.querySelector('#c1').innerHTML != before", arg=before)
        before = seen.locator("#c2").inner_html()
        seen.locator("#c2 svg.marks text", has_text="Zhipu").click()
        seen.wait_for_function("before => document.querySelector('#c2').innerHTML != before", arg=before)
        assert watch.errors == []
        assert set(watch.outside) <= {page.as_uri()}
