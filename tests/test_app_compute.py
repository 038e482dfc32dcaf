"""What computes for the desk: branches, workers, ensembles. The numbers are the command line's, bit for bit."""

import csv
import io
import json
import os
import shlex
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from sim.app.branches import Branches, Stopped, first_difference, world_key
from sim.app.compute import MEASURES, Answer, Desk, Question
from sim.app.files import FILE, command_of, worlds_of, yaml_of
from sim.app.labs import network_of
from sim.app.memo import AT_ONCE, holdings, parts_of
from sim.app.staff import Staff
from sim.app.state import BLOCK, WHOLE, DeskState, Setting
from sim.app.takeaway import differences_csv
from sim.calendar import month_index
from sim.cli import app
from sim.ensemble import simulate_block
from sim.interactive.network import network_at
from sim.memo.claims import CLAIMS
from sim.memo.play import compute_part
from sim.results import OutputError, Results

ROWS = (0, 1, 2)
FEW = ("token_share", "frontier_capability", "compute_inflow")
TIGHTER = {"enforcement": Setting(1.0, ("US", "TW", "GULF")), "purchase_veto": Setting(0.0, ("CN",))}


def never() -> bool:
    return False


@pytest.fixture(scope="module")
def staff() -> Iterator[Staff]:
    staff = Staff()
    yield staff
    staff.close()


@pytest.fixture(scope="module")
def desk(staff: Staff) -> Desk:
    return Desk(staff)


def answered(question: Question, month: str = "2027-12") -> Answer:
    while not question.wait(1.0):
        pass
    return question.answer(month_index(month))


@pytest.mark.parametrize(
    ("levers", "since", "dials"),
    [
        (TIGHTER, "2026-07", {}),
        (TIGHTER, "2024-04", {}),
        ({"export_controls.tpp_ceiling": Setting(1600.0, ("US",))}, "2025-01", {}),
        ({"export_controls.hbm_control": Setting(0.2, ("US", "KR"))}, "2026-01", {}),
        ({"open_restriction": Setting("maximal", ("CN",)), "subsidy": Setting(1.0, ("CN",))}, "2027-01", {}),
        (TIGHTER, WHOLE, {}),
        ({}, "2026-07", {"compute.constraint": 0.4}),
    ],
)
def test_a_branch_has_the_bits_of_a_whole_run(levers: dict[str, Setting], since: str, dials: dict[str, float]) -> None:
    worlds = worlds_of(DeskState(levers=levers, since=since, dials=dials))
    branches = Branches()
    branches.play(worlds.untouched, ROWS, FEW, True, never)
    played = branches.play(worlds.alternative, ROWS, FEW, False, never)
    whole = simulate_block(worlds.alternative, np.array(ROWS), list(FEW))
    assert np.array_equal(played.record.values, whole.values, equal_nan=True)
    if since not in (WHOLE,) and levers:
        assert played.months_played <= 72 - month_index(since) + 12
    else:
        assert played.months_played == 72
    alone = Branches().play(worlds.alternative, ROWS, FEW, False, never)
    assert np.array_equal(played.lead, alone.lead)
    assert np.array_equal(played.compute, alone.compute)


def test_worlds_part_at_the_news() -> None:
    history, tight, loose = (worlds_of(DeskState(start=n)).alternative for n in ("history_hold", "tight", "loose"))
    assert first_difference(history, tight) == month_index("2026-06")
    assert first_difference(history, history) == history.months
    assert 0 < first_difference(tight, loose) <= month_index("2026-07")
    other = worlds_of(DeskState(start="history_hold", channels={"slack": True})).alternative
    assert first_difference(history, other) == 0
    assert first_difference(history, worlds_of(DeskState(start="no_controls")).alternative) == 0


def test_a_world_is_the_same_under_any_name_and_number_of_runs() -> None:
    state = DeskState()
    key = world_key(worlds_of(state).alternative)
    assert key == world_key(worlds_of(state).untouched) == world_key(worlds_of(DeskState(runs=64)).alternative)
    assert key != world_key(worlds_of(DeskState(levers=TIGHTER)).alternative)
    assert key != world_key(worlds_of(DeskState(world={"chip_market.no_control_share": 0.2})).alternative)
    assert key != world_key(worlds_of(DeskState(dials={"compute.constraint": 0.01})).alternative)


def test_what_is_not_wanted_any_more_stops() -> None:
    count = iter(range(100))
    with pytest.raises(Stopped):
        Branches().play(worlds_of(DeskState()).alternative, ROWS, FEW, False, lambda: next(count) >= 3)
    assert next(count) == 4


def test_a_first_answer_then_more_runs_and_no_number_changes(desk: Desk) -> None:
    question = desk.ask(worlds_of(DeskState(levers=TIGHTER, runs=256)), 64)
    first = answered(question)
    assert (first.runs, first.asked, first.nothing_moved) == (64, 256, False)
    assert question.go_on()
    end = time.monotonic() + 120
    while question.blocks < 2:
        assert time.monotonic() < end
        time.sleep(0.05)
    more = question.answer(71)
    assert more.runs >= 128
    for column in ("token_share_abroad.CN", "compute_owned.CN"):
        for role in ("main", "counterfactual"):
            assert np.array_equal(first.record.values(column, role), more.record.values(column, role)[:64])
    assert list(more.results.runs) == list(range(more.runs))
    question.close()


def test_equal_worlds_differ_by_exactly_nothing(desk: Desk) -> None:
    question = desk.ask(worlds_of(DeskState(baseline="history_hold", start="history_hold")))
    answer = answered(question)
    assert answer.nothing_moved
    assert not np.nan_to_num(answer.record.difference("token_share.CN")).any()
    question.close()


def test_a_lever_that_does_not_bind_is_known_by_exact_zeros(desk: Desk) -> None:
    """A licence for chips of no performance at all frees none."""
    lever = {"export_controls.licence_tpp_ceiling": Setting(0.0, ("US",)),
             "export_controls.licence_share": Setting(0.0, ("US",))}  # fmt: skip
    idle = {"export_controls.licence_share": Setting(0.0, ("US",))}
    both, one = (answered(desk.ask(worlds_of(DeskState(start="tight", levers=levers)))) for levers in (lever, idle))
    assert one.nothing_moved
    assert both.nothing_moved
    assert not answered(desk.ask(worlds_of(DeskState(levers=TIGHTER)))).nothing_moved


def test_two_sessions_at_once_do_not_mix(desk: Desk) -> None:
    states = [DeskState(levers={"enforcement": Setting(value, ("US",))}) for value in (0.1, 0.9)]
    found: dict[int, np.ndarray] = {}

    def ask(place: int) -> None:
        question = desk.ask(worlds_of(states[place]))
        found[place] = answered(question).record.values("compute_owned.CN")
        question.close()

    threads = [threading.Thread(target=ask, args=(place,)) for place in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for place in (0, 1):
        whole = simulate_block(worlds_of(states[place]).alternative, np.arange(4), ["compute_owned"])
        assert np.array_equal(found[place][:4], whole.values[:, :, whole.columns.index("compute_owned.CN")])
    assert not np.array_equal(found[0], found[1])


def test_a_worker_that_dies_is_replaced(staff: Staff, desk: Desk) -> None:
    worlds = worlds_of(DeskState(levers={"enforcement": Setting(0.123, ("US",))}, since=WHOLE))
    question = desk.ask(worlds)
    old = staff.lanes[0].pid
    os.kill(old, signal.SIGKILL)
    answer = answered(question)
    assert staff.lanes[0].pid != old
    whole = simulate_block(worlds.alternative, np.arange(3), ["token_share"])
    column = whole.columns.index("token_share.CN")
    assert np.array_equal(answer.record.values("token_share.CN")[:3], whole.values[:, :, column])
    question.close()


def test_answers_are_forgotten_when_there_is_no_room(staff: Staff) -> None:
    small = Desk(staff, most_bytes=1)
    first, second = (DeskState(levers={"cloud_kyc": Setting(value, ("US",))}) for value in (0.31, 0.32))
    question = small.ask(worlds_of(first))
    answered(question)
    key = (world_key(worlds_of(first).alternative), 0)
    assert small.played(key) is not None
    question.close()
    assert small.played(key) is None
    with pytest.raises(OutputError, match=r"missing|not there"):
        question.answer(71)
    again = small.ask(worlds_of(second))
    assert answered(again).runs == 64
    again.close()


@pytest.mark.slow
def test_the_command_line_gives_the_same_numbers(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = DeskState(baseline="tight", start="history_hold", levers={"enforcement": Setting("strong", ("US", "TW")),
                      "export_controls.tpp_ceiling": Setting(np.inf, ("US",))}, since="2026-10", end="2028-12",
                      month="2028-12", world={"chip_market.no_control_share": 0.17}, channels={"peers": True},
                      dials={"open_source.diffusion": 0.65}, runs=64)  # fmt: skip
    question = desk.ask(worlds_of(state))
    answer = answered(question, "2028-12")
    assert answer.runs == answer.asked == 64
    monkeypatch.chdir(tmp_path)
    (tmp_path / FILE).write_text(yaml_of(state), encoding="utf-8")
    words = shlex.split(command_of(state))
    done = CliRunner().invoke(app, [*words[1:], "--json", "--no-report", "--out", str(tmp_path), "--jobs", "1"])
    assert done.exit_code == 0, done.output
    results = Results(Path(json.loads(done.stdout)["folder"]))
    assert len(results.runs) == 64
    columns = answer.results.columns
    mine, theirs = answer.results.read(columns), results.read(columns)
    for column in columns:
        for arm in results.arms:
            assert np.array_equal(mine[column][arm], theirs[column][arm], equal_nan=True), (column, arm)
    written = list(csv.reader(io.StringIO((results.folder / "differences.csv").read_text(encoding="utf-8"))))
    saved = list(csv.reader(io.StringIO(differences_csv(answer))))
    assert saved[0] == written[0]
    assert {row[3] for row in saved[1:]} == set(MEASURES)
    assert saved[1:] == [row for row in written[1:] if row[3] in MEASURES]
    question.close()


def test_the_network_is_the_one_that_is_played_by_itself(desk: Desk) -> None:
    state = DeskState(levers=TIGHTER)
    question = desk.ask(worlds_of(state))
    answer = answered(question)
    for month in (14, 59, 71):
        assert network_of(answer, month) == network_at(worlds_of(state).alternative, month, range(BLOCK))
    question.close()


@pytest.mark.slow
def test_the_memos_claims_are_those_of_its_main_setting() -> None:
    part = parts_of(DeskState())[0]
    assert len(part.draw) == AT_ONCE
    values = compute_part(part)["main"]
    found = holdings(values)
    assert [holding.key for holding in found] == [claim.key for claim in CLAIMS]
    for holding, claim in zip(found, CLAIMS, strict=True):
        numbers = values[claim.quantity]
        known = numbers[np.isfinite(numbers)]
        assert holding.runs == len(known)
        assert holding.share == pytest.approx(np.mean(claim.sign * known > claim.least), nan_ok=True)
        assert holding.runs == 0 or holding.low <= holding.median <= holding.high
