"""The desk in a real browser: what moves, what is shared, what is saved, what stays on this machine."""

import csv
import io
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sim.app.files import command_of
from sim.app.links import state_of
from sim.app.look import THEME
from sim.app.state import DeskState
from sim.charts.style import AFTER_RECORD, PAPER, SOFT
from sim.commands.app import free_port
from sim.interactive.theme import TEXT_CONTRAST, contrast
from sim.results import Results
from tests.browser_page import Watch, browser, listens, page_of
from tests.source_code import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("desk")]
LEVER = "Enforcement"
PATIENCE = 90_000
"""Milliseconds: the machine may be busy with other tests."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    port = free_port(8700, 200)
    command = [sys.executable, "-m", "sim", "app", "--no-browser", "--port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    while not listens(port):
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.1)
    yield f"http://localhost:{port}/"
    process.terminate()
    told = process.communicate(timeout=30)[0]
    assert "Traceback" not in told, told[-6000:]
    assert "Warning" not in told, told


@pytest.fixture(scope="module")
def opened() -> "Iterator[Browser]":
    with browser() as found:
        yield found


@pytest.fixture
def tab(opened: "Browser") -> "Iterator[tuple[Page, Watch]]":
    with page_of(opened) as (page, watch):
        yield page, watch
        assert not watch.outside
        assert not watch.errors


def settle(page: "Page", runs: int = 64) -> "Page":
    page.locator(f"[data-runs='{runs}'][data-settled='True']").wait_for(timeout=PATIENCE)
    page.wait_for_timeout(500)
    return page


def go(page: "Page", address: str, query: str = "?v=1&n=64") -> "Page":
    page.goto(address + query)
    settle(page)
    page.locator(".st-key-panel_labs svg.marks").wait_for(timeout=PATIENCE)
    page.wait_for_timeout(500)
    return page


def drawn(page: "Page") -> dict[str, str]:
    """What each panel draws, and the cards."""
    names = ("main", "chain", "channels", "labs")
    found = {name: page.locator(f".st-key-panel_{name} svg.marks").inner_html() for name in names}
    return found | {"cards": page.locator(".desk-cards").inner_text()}


def until_changed(page: "Page", before: dict[str, str], *names: str) -> dict[str, str]:
    for _ in range(300):
        now = drawn(page)
        if all(now[name] != before[name] for name in names):
            return now
        page.wait_for_timeout(200)
    raise AssertionError(f"{names} did not change")


def slide(page: "Page", label: str, key: str = "End") -> None:
    page.locator(f'input[type=range][aria-label="{label}"]').press(key)


def linked(page: "Page") -> DeskState:
    from urllib.parse import parse_qsl, urlsplit

    state, problems = state_of(dict(parse_qsl(urlsplit(page.url).query)))
    assert not problems
    return state


def test_a_slider_moves_cards_and_all_charts(tab: "tuple[Page, Watch]", address: str) -> None:
    page = go(tab[0], address, "?v=1&n=64&l.purchase_veto=0")
    before = drawn(page)
    slide(page, LEVER)
    until_changed(page, before, "main", "chain", "channels", "labs", "cards")
    assert linked(page).levers["enforcement"].value == 1.0


def test_views_move_the_main_chart_alone(tab: "tuple[Page, Watch]", address: str) -> None:
    page = go(tab[0], address)
    before = drawn(page)
    for choice in ("By lab", "Revenue", "Abroad", "Difference made"):
        page.get_by_role("radio", name=choice).click()
        now = until_changed(page, before, "main")
        assert {name: now[name] for name in now if name != "main"} == {n: before[n] for n in before if n != "main"}
        before = now
    page.get_by_role("radio", name="Open and closed").click()
    page.get_by_role("radio", name="At home").click()
    page.get_by_text("not at home").wait_for(timeout=PATIENCE)


def test_question_parameters_and_mechanisms_move_the_charts(tab: "tuple[Page, Watch]", address: str) -> None:
    page = go(tab[0], address)
    before = drawn(page)
    page.get_by_role("combobox", name="Held against").click()
    page.get_by_role("option", name="Tight controls from July 2026").click()
    before = until_changed(page, before, "main", "chain", "cards")
    page.get_by_text("Mechanisms").click()
    page.get_by_text("Distillation", exact=True).click()
    before = until_changed(page, before, "main", "labs", "cards")
    assert linked(page).channels == {"distillation": False}
    page.get_by_text("Advanced parameters").click()
    settle(page)
    chooser = page.get_by_role("combobox", name="Parameters")
    chooser.fill("no_control_share_early")
    page.get_by_role("option", name="no_control_share_early").wait_for(timeout=PATIENCE)
    chooser.press("Enter")
    until_changed(page, before, "channels", "cards")
    assert list(linked(page).world) == ["chip_market.no_control_share_early"]


def test_reset_and_a_shared_link(tab: "tuple[Page, Watch]", opened: "Browser", address: str) -> None:
    page = go(tab[0], address, "?v=1&n=64&l.purchase_veto=0")
    new = drawn(page)
    slide(page, LEVER)
    until_changed(page, new, "cards")
    moved = drawn(settle(page))
    page.get_by_role("button", name="Share", exact=True).click()
    link = page.locator("[data-testid=stCode]").first.inner_text().strip()
    assert link.startswith("http://localhost")
    with page_of(opened) as (other, watch):
        other.goto(link)
        settle(other)
        other.locator(".st-key-panel_labs svg.marks").wait_for(timeout=PATIENCE)
        other.wait_for_timeout(800)
        assert drawn(other)["cards"] == moved["cards"]
        assert linked(other) == linked(page)
        assert not watch.errors
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Reset", exact=True).click()
    settle(page, 256)
    assert linked(page) == DeskState()


def test_two_people_at_once_do_not_mix(opened: "Browser", address: str) -> None:
    with page_of(opened) as (one, _), page_of(opened) as (other, _):
        one.goto(address + "?v=1&n=64&l.enforcement=0&l.purchase_veto=0")
        other.goto(address + "?v=1&n=64&l.enforcement=1&l.purchase_veto=0")
        settle(one), settle(other)
        texts = [page.locator(".desk-cards").inner_text() for page in (one, other)]
        assert texts[0] != texts[1]
        before = drawn(other)
        slide(one, LEVER)
        settle(one)
        until = one.locator(".desk-cards")
        for _ in range(100):
            if until.inner_text() == texts[1]:
                break
            one.wait_for_timeout(200)
        assert until.inner_text() == texts[1]
        assert drawn(other) == before


def test_keyboard_alone(tab: "tuple[Page, Watch]", address: str) -> None:
    page = go(tab[0], address, "?v=1&n=64&l.purchase_veto=0")
    before = drawn(page)
    for _ in range(80):
        page.keyboard.press("Tab")
        label = page.evaluate("document.activeElement.getAttribute('aria-label')")
        if label == LEVER:
            break
    assert label == LEVER
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    until_changed(page, before, "main", "cards")
    assert linked(page).levers["enforcement"].value == pytest.approx(0.5)


@pytest.mark.parametrize("width", [1440, 1024, 390])
def test_no_page_is_wider_than_its_window(opened: "Browser", address: str, width: int, tmp_path: Path) -> None:
    with page_of(opened, width) as (page, watch):
        go(page, address)
        page.screenshot(path=tmp_path / f"desk-{width}.png")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        boxes = [element.bounding_box() for element in page.locator(".desk-card").all()]
        assert all(box is not None and box["x"] >= 0 and box["x"] + box["width"] <= width for box in boxes)
        if width == 390:
            page.get_by_test_id("stExpandSidebarButton").click()
            slide(page, LEVER)
            page.wait_for_url("**enforcement**", timeout=PATIENCE)
        assert not watch.errors


def test_a_bad_link_is_told_in_words(tab: "tuple[Page, Watch]", address: str) -> None:
    page = go(tab[0], address, "?v=1&n=64&l.enforcment=0.4&b=tigth&zz=1")
    told = page.locator("[data-testid=stAlert]").all_inner_texts()
    assert any("enforcement" in text for text in told)
    assert any("Did you mean tight" in text for text in told)
    assert "Traceback" not in page.content()


def test_what_is_saved_has_the_numbers_of_the_command_line(
    tab: "tuple[Page, Watch]", address: str, tmp_path: Path
) -> None:
    query = "?v=1&n=64&b=history_hold&l.enforcement=0.8&l.purchase_veto=0.2&view=lab.tokens.abroad.level"
    page = go(tab[0], address, query)
    state = linked(page)
    saved: dict[str, Path] = {}
    for name in ("YAML", "CSV", "PNG"):
        with page.expect_download(timeout=PATIENCE) as told:
            page.get_by_role("button", name=name, exact=True).click()
        saved[name] = tmp_path / told.value.suggested_filename
        told.value.save_as(saved[name])
    assert saved["PNG"].read_bytes()[:4] == b"\x89PNG"
    page.get_by_role("button", name="Command line", exact=True).click()
    page.locator("[data-testid=stCode]").nth(1).wait_for(timeout=PATIENCE)
    assert command_of(state) in page.locator("[data-testid=stCode]").nth(1).inner_text()
    words = [sys.executable, "-m", "sim", *shlex.split(command_of(state))[1:], "--quiet", "--no-report"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True,
                          env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin"})  # fmt: skip
    folder = Path(tmp_path / done.stdout.strip().splitlines()[-1])
    assert len(Results(folder).runs) == 64
    theirs = list(csv.reader(io.StringIO((folder / "differences.csv").read_text(encoding="utf-8"))))
    mine = list(csv.reader(io.StringIO(saved["CSV"].read_text(encoding="utf-8"))))
    assert len(mine) > 100
    assert all(row in theirs for row in mine)


def test_the_memos_claims_can_be_tried(tab: "tuple[Page, Watch]", address: str) -> None:
    page = go(tab[0], address)
    page.get_by_role("button", name="Try the claims").click()
    page.locator(".desk-memo tr").nth(12).wait_for(timeout=3 * PATIENCE)
    assert "H1a" in page.locator(".desk-memo").inner_text()
    assert "% of 64 runs" in page.locator(".desk-memo").inner_text()


def test_texts_have_contrast() -> None:
    for ground in (PAPER, AFTER_RECORD, "#FBF7EA", THEME["theme.secondaryBackgroundColor"]):
        assert contrast(SOFT, str(ground)) >= TEXT_CONTRAST
        assert contrast(str(THEME["theme.textColor"]), str(ground)) >= TEXT_CONTRAST
    assert contrast(str(THEME["theme.primaryColor"]), PAPER) >= TEXT_CONTRAST
