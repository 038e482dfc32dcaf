"""The data tables: they load, they say what the sources say, and a table with a fault is refused."""

import csv
import math
import shutil
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from sim.calendar import month_index
from sim.data import BLOCS, GOVERNMENTS, NO_END, REGIONS, SCHEMAS, SEGMENTS, Table, Tables, load_tables, path_series
from sim.errors import InputError
from sim.places import data_folder

NVIDIA_BY_YEAR = (289_697, 1_097_538, 3_329_129, 8_919_575)
NVIDIA_2025_FIRST_HALF = 3_588_943
ALL_VENDORS_BY_QUARTER = (813_913, 1_020_602, 1_290_956, 1_881_887, 2_574_238, 2_879_884, 3_796_015, 4_453_918)
CHINESE_VENDORS_BY_YEAR = {2024: 180_112 + 6_468, 2025: 527_856 + 28_457}
LABS = ["OpenAI", "GoogleDeepMind", "Anthropic", "Meta", "xAI", "Microsoft", "Mistral", "DeepSeek", "AlibabaQwen",
        "ByteDance", "Moonshot", "Zhipu", "Tencent", "FringeUS", "FringeCN", "FringeOther"]
ONE_PARAMETER = """name,central,dist,low,high,hard_min,hard_max,unit,phrase,source,grade,changed_by
group.name,0.5,two_piece,0.2,0.8,0,inf,share,A stand-in,project judgement,judgement,A measurement
"""


@pytest.fixture(scope="module")
def tables() -> Tables:
    return load_tables()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the tables that a test may spoil, with a stand-in for the parameters."""
    copy = Path(shutil.copytree(data_folder(), tmp_path / "data"))
    (copy / "parameters.csv").write_text(ONE_PARAMETER)
    return copy


def all_tables(tables: Tables) -> list[Table]:
    return [getattr(tables, name) for name in SCHEMAS]


def edit(folder: Path, table: str, row: int, column: str, value: str) -> None:
    """Write `value` into a cell; row 0 is the header."""
    path = folder / f"{table}.csv"
    with path.open(newline="") as stream:
        rows = list(csv.reader(stream))
    rows[row][rows[0].index(column)] = value
    with path.open("w", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows(rows)


def column_of(tables: Tables, name: str, key: str, value: str) -> dict[str, float]:
    table: Table = getattr(tables, name)
    return dict(zip(table.text(key), table.number(value).tolist(), strict=True))


def test_every_table_has_rows_in_the_order_of_its_schema(tables: Tables) -> None:
    for table in all_tables(tables):
        assert table.rows, table.name
        assert all(list(row) == list(SCHEMAS[table.name].columns) for row in table.rows), table.name


def test_every_row_has_a_source_and_a_grade(tables: Tables) -> None:
    for table in all_tables(tables):
        for row in table.rows:
            assert len(str(row["source"])) > 4, (table.name, row)
            assert row["grade"] in {"measured", "proxy", "judgement"}


def test_rows_named_measured_point_somewhere(tables: Tables) -> None:
    for table in all_tables(tables):
        if table.name not in {"parameters"}:
            bare = [row for row in table.rows if row["grade"] == "measured" and "http" not in str(row["source"])]
            assert not bare, (table.name, bare)


def test_nothing_names_a_machine_or_a_package_index() -> None:
    for path in (path for path in data_folder().rglob("*") if path.is_file()):
        text = path.read_text(encoding="utf-8")
        for word in ("/work/", "/tmp/", "/root/", "pypi.", "pythonhosted", "referee", "mechanisms.md"):
            assert word not in text, (path.name, word)


def test_the_page_beside_the_tables_counts_their_rows(tables: Tables) -> None:
    page = (data_folder() / "README.md").read_text(encoding="utf-8")
    for table in all_tables(tables):
        line = next(line for line in page.splitlines() if line.startswith(f"| `{table.name}.csv`"))
        if table.name != "parameters":
            assert line.endswith(f"| {len(table.rows)} |"), line


def test_a_spoilt_copy_loads_before_it_is_spoilt(folder: Path) -> None:
    assert load_tables(folder).parameters.number("hard_max").tolist() == [math.inf]


def test_the_sets_are_complete(tables: Tables) -> None:
    assert tables.labs.text("lab") == LABS
    assert tables.governments.text("government") == list(GOVERNMENTS)
    assert tables.blocs.text("bloc") == list(BLOCS)
    cells = list(zip(tables.communities.text("region"), tables.communities.text("segment"), strict=True))
    assert cells == [(region, segment) for region in REGIONS for segment in SEGMENTS]
    assert len(tables.chips.rows) >= 18
    assert tables.world_supply.months("month").tolist() == list(range(48))


def test_labs_and_governments_agree_on_blocs(tables: Tables) -> None:
    bloc = dict(zip(tables.governments.text("government"), tables.governments.text("bloc"), strict=True))
    for row in tables.labs.rows:
        assert bloc[str(row["government"])] == row["bloc"], row["lab"]


def test_lab_compute_grows(tables: Tables) -> None:
    path = np.array([tables.labs.number(name) for name in
                     ("compute_start", "compute_2023", "compute_2024", "compute_2025")])
    assert (np.diff(path, axis=0) > 0).all()
    assert column_of(tables, "labs", "lab", "compute_2025")["OpenAI"] == 1_743_440


def test_no_bloc_holds_fewer_chips_than_its_labs(tables: Tables) -> None:
    owned = {"US": 15_750_000, "CN": 1_155_114 + 662_048}
    for bloc, stock in owned.items():
        held = sum(float(row["compute_2025"]) for row in tables.labs.rows if row["bloc"] == bloc)
        assert 0.3 < held / stock < 0.45, bloc


def test_shares_sum_to_one(tables: Tables) -> None:
    assert tables.communities.number("spend_share_2025").sum() == pytest.approx(1, abs=1e-9)
    assert tables.blocs.number("rest_supply_share").sum() == pytest.approx(1, abs=1e-9)
    by_segment: dict[str, float] = defaultdict(float)
    for row in tables.communities.rows:
        by_segment[str(row["segment"])] += float(row["spend_share_2025"])
    expected = dict(zip(SEGMENTS, (0.06, 0.27, 0.13, 0.02, 0.52), strict=True))
    assert by_segment == pytest.approx(expected, abs=1e-9)


def test_users_of_china_are_those_counted(tables: Tables) -> None:
    rows = [row for row in tables.communities.rows if (row["region"], row["segment"]) == ("CN", "consumer_app")]
    assert rows[0]["users_2025"] == 602
    assert (tables.communities.number("users_2022") < 0.1 * tables.communities.number("users_2025")).all()


def test_nvidia_output_meets_its_yearly_sums(tables: Tables) -> None:
    output = tables.world_supply.number("nvidia_h100e")
    assert tuple(output.reshape(4, 12).sum(axis=1)) == NVIDIA_BY_YEAR
    assert output[36:42].sum() == NVIDIA_2025_FIRST_HALF
    assert (np.diff(output) > 0).all()


def test_all_vendors_meet_the_quarterly_sums(tables: Tables) -> None:
    supply = tables.world_supply
    total = (supply.number("nvidia_h100e") + supply.number("other_h100e"))[24:].reshape(8, 3).sum(axis=1)
    chinese = np.array(ALL_VENDORS_BY_QUARTER) - total
    assert (np.diff(chinese) > 0).all()
    assert [chinese[:4].sum(), chinese[4:].sum()] == pytest.approx(list(CHINESE_VENDORS_BY_YEAR.values()), abs=3)
    assert (np.diff(supply.number("other_h100e")) > 0).all()


def test_prices_meet_their_yearly_means(tables: Tables) -> None:
    price = tables.world_supply.number("price_usd_per_h100e")
    assert price.reshape(4, 12).mean(axis=1) == pytest.approx([36_700, 34_600, 26_300, 23_200], abs=1)
    assert (np.diff(price) < 0).all()


def test_work_of_a_chip_follows_from_its_arithmetic(tables: Tables) -> None:
    """TPP is operations times bits, so an 8-bit rate of 1,979 is TPP 15,832; 4-bit arithmetic only adds TPP."""
    for row in tables.chips.rows:
        on_paper = float(row["tpp"]) / 15_832
        ratio = float(row["h100e"]) / on_paper
        if row["chip"] in {"B300", "GB300"}:
            assert ratio < 0.7
        else:
            assert ratio == pytest.approx(1, abs=0.07 if row["role"] == "domestic" else 0.002), row["chip"]


def blocked(chip: dict[str, str | float], rule: dict[str, float]) -> bool:
    tpp, link = float(chip["tpp"]), float(chip["interconnect_gbs"])
    dense = float(chip["performance_density"]) >= rule["density_ceiling"] and tpp >= rule["density_tpp_floor"]
    wide = float(chip["memory_bandwidth_gbs"]) >= rule["memory_bandwidth_ceiling"]
    return (tpp >= rule["tpp_ceiling"] and link >= rule["interconnect_floor"]) or dense or wide


@pytest.mark.parametrize(("date", "free", "held"), [
    ("2022-09-30", {"A100", "H100"}, set()),
    ("2022-11-30", {"A800", "H800", "H20"}, {"A100", "H100", "H200", "MI250X"}),
    ("2023-11-30", {"H20"}, {"A100", "A800", "H100", "H800", "MI300X", "B200"}),
    ("2025-04-30", set(), {"H20", "A800", "H200"}),
])
def test_the_rules_block_what_they_blocked(tables: Tables, date: str, free: set[str], held: set[str]) -> None:
    prefix = "export_controls."
    rule = {str(row["name"]).removeprefix(prefix): float(row["default"]) for row in tables.levers.rows}
    for row in sorted(tables.controls.rows, key=lambda row: str(row["date"])):
        if str(row["date"]) <= date:
            rule[str(row["lever"]).removeprefix(prefix)] = float(row["value"])
    chips = {str(row["chip"]): row for row in tables.chips.rows}
    assert {name for name in free | held if blocked(chips[name], rule)} == held


def test_lever_settings_lie_within_range(tables: Tables) -> None:
    low, high = tables.levers.number("low"), tables.levers.number("high")
    for name in ("default", "weak", "moderate", "strong", "maximal"):
        setting = tables.levers.number(name)
        assert ((low <= setting) & (setting <= high)).all(), name
    for row in tables.levers.rows:
        if row["kind"] in {"share", "switch"}:
            assert (row["low"], row["high"]) == (0, 1), row["name"]
        if math.isinf(float(row["default"])):
            assert row["kind"] == "threshold", f"{row['name']} cannot be ramped"


def test_four_named_efforts_are_ordered(tables: Tables) -> None:
    for row in tables.levers.rows:
        steps = [float(row[name]) for name in ("weak", "moderate", "strong", "maximal")]
        assert steps in (sorted(steps), sorted(steps, reverse=True)), row["name"]
        assert len(set(steps)) == 4, row["name"]


def test_controls_stay_within_their_years_and_do_not_overlap(tables: Tables) -> None:
    last: dict[tuple[str, str], str] = {}
    for row in tables.controls.rows:
        assert "2022-10-01" <= str(row["date"]) <= "2026-05-31"
        key = (str(row["government"]), str(row["lever"]))
        assert last.get(key, "") < str(row["date"])
        last[key] = str(row["until"]) or str(row["date"])


def test_nothing_observed_after_2025(tables: Tables) -> None:
    assert tables.observed.months("month").max() <= month_index("2025-12")
    assert tables.world_supply.months("month").max() == month_index("2025-12")


def test_observed_shares_are_shares(tables: Tables) -> None:
    for row in tables.observed.rows:
        if row["unit"] == "share":
            assert 0 <= float(row["value"]) <= 1, row


@pytest.mark.parametrize(("measure", "entity", "month", "value"), [
    ("legal_share_stock", "", "2022-12", 0.115), ("legal_share_stock", "", "2025-12", 0.030),
    ("leakage_rate", "", "2024-07", 0.048), ("frontier_capability", "US", "2025-12", 153.8),
    ("frontier_capability", "CN", "2025-01", 139.9), ("enterprise_share", "Anthropic", "2025-07", 0.32),
    ("consumer_share", "OpenAI", "2025-01", 0.867), ("hub_share", "CN", "2025-03", 0.52),
    ("developer_token_share", "CN", "2024-11", 0.012), ("token_price", "closed", "2025-07", 1.86),
])
def test_observed_facts(tables: Tables, measure: str, entity: str, month: str, value: float) -> None:
    found = [row["value"] for row in tables.observed.rows
             if (row["measure"], row["entity"], row["month"]) == (measure, entity, month)]
    assert value in found


@pytest.mark.parametrize(("series", "first", "last", "total"), [
    ("packages_capacity", "2024-01", "2024-12", 450_000), ("packages_capacity", "2025-01", "2025-12", 798_000),
    ("foreign_dies", "2022-01", "2025-01", 2_900_000), ("hbm_base", "2022-01", "2024-07", 6_000_000),
    ("cambricon", "2024-01", "2024-12", 6_468), ("cambricon", "2025-01", "2025-12", 28_457),
])
def test_paths_meet_the_published_sums(tables: Tables, series: str, first: str, last: str, total: float) -> None:
    path = path_series(tables.paths, series, 72)
    assert path[month_index(first):month_index(last) + 1].sum() == pytest.approx(total, rel=1e-4)


def test_a_path_is_straight_between_points_and_flat_outside() -> None:
    rows: list[dict[str, str | float]] = [
        {"series": "s", "month": "2022-06", "value": 3.0}, {"series": "s", "month": "2022-02", "value": 1.0},
        {"series": "other", "month": "2022-01", "value": 9.0}]
    path = path_series(Table("paths", rows), "s", 8)
    assert path.tolist() == [1, 1, 1.5, 2, 2.5, 3, 3, 3]


def test_an_unknown_path_names_the_nearest(tables: Tables) -> None:
    with pytest.raises(KeyError, match="hbm_base"):
        path_series(tables.paths, "hbm_bas", 12)


def test_empty_cells_read_as_nan_and_no_end(tables: Tables) -> None:
    assert np.isnan(tables.observed.number("low")).any()
    assert set(tables.access.months("until").tolist()) == {month_index("2025-04"), NO_END}
    assert tables.chips.months("release").min() < 0


@pytest.mark.parametrize(("table", "column", "value", "told"), [
    ("labs", "compute_2025", "many", "not a number"),
    ("labs", "compute_2025", "nan", "not a finite number"),
    ("labs", "compute_2025", "inf", "not a finite number"),
    ("labs", "compute_2025", "-5", "lies outside"),
    ("labs", "compute_2025", "", "the cell is empty"),
    ("labs", "entry", "2023-13", "does not exist"),
    ("labs", "entry", "2023-01-05", "not a month"),
    ("labs", "stance_start", "open", "not allowed"),
    ("labs", "grade", "measurd", "did you mean measured"),
    ("labs", "source", " ", "the cell is empty"),
    ("communities", "spend_share_2025", "0.9", "sum to"),
    ("blocs", "rest_supply_share", "0.1", "sum to"),
    ("controls", "lever", "export_controls.tpp_cieling", "did you mean export_controls.tpp_ceiling"),
    ("controls", "government", "IN", "does not hold"),
    ("controls", "value", "-1", "outside the range"),
    ("controls", "announced", "2030-01-01", "announced <= date"),
    ("controls", "date", "2026-06-01", "later than 2026-05-31"),
    ("observed", "month", "2026-01", "later than 2025-12"),
    ("observed", "low", "1e9", "low <= value <= high"),
    ("levers", "default", "-3", "default outside"),
    ("levers", "holders", "US MARS", "unknown holder MARS"),
    ("parameters", "central", "1e99", "does not hold"),
    ("parameters", "low", "", "needs low and high"),
])
def test_a_fault_is_refused_and_named(folder: Path, table: str, column: str, value: str, told: str) -> None:
    edit(folder, table, 1, column, value)
    with pytest.raises(InputError) as caught:
        load_tables(folder)
    message = str(caught.value)
    assert told in message
    assert f"{table}.csv" in message
    assert len(caught.value.problems) == 1
    assert caught.value.problems[0].remedy


def test_a_fault_is_placed_in_its_line(folder: Path) -> None:
    edit(folder, "chips", 7, "tpp", "fast")
    with pytest.raises(InputError) as caught:
        load_tables(folder)
    problem = caught.value.problems[0]
    assert (problem.line, problem.path) == (8, "tpp")
    assert str(folder / "chips.csv") in str(problem)


def test_all_faults_of_all_files_come_at_once(folder: Path) -> None:
    edit(folder, "labs", 1, "entry", "soon")
    edit(folder, "labs", 2, "compute_2023", "x")
    edit(folder, "chips", 1, "price_usd", "0")
    (folder / "blocs.csv").unlink()
    with pytest.raises(InputError) as caught:
        load_tables(folder)
    assert len(caught.value.problems) == 4


@pytest.mark.parametrize(("old", "new", "told"), [
    ("bloc,", "blok,", "unknown column 'blok'"), ("bloc,", "", "the column 'bloc' is missing"),
    ("bloc,", "bloc,bloc,", "appears twice"),
])
def test_a_wrong_header_is_refused(folder: Path, old: str, new: str, told: str) -> None:
    path = folder / "governments.csv"
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(InputError, match=told):
        load_tables(folder)


@pytest.mark.parametrize(("content", "told"), [
    (b"", "the table is empty"), (b"\xff\xfe\x00", "cannot be read"),
    (b"government,bloc,role,hawkishness_start,source,grade,note\nUS,US,a sender\n", "the row has 3 cells"),
    (b'government,bloc,role,hawkishness_start,source,grade,note\nUS,US,"open\n', "cannot be read"),
])
def test_a_broken_file_is_refused(folder: Path, content: bytes, told: str) -> None:
    (folder / "governments.csv").write_bytes(content)
    with pytest.raises(InputError, match=told):
        load_tables(folder)


def test_a_repeated_row_is_refused(folder: Path) -> None:
    path = folder / "labs.csv"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*lines, lines[1]]))
    with pytest.raises(InputError, match="repeats line 2"):
        load_tables(folder)


def test_a_missing_parameter_table_is_refused(folder: Path) -> None:
    (folder / "parameters.csv").unlink()
    with pytest.raises(InputError, match=r"parameters\.csv"):
        load_tables(folder)
