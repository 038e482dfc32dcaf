"""The report in a real browser: charts that answer, stills without a script, print, and nothing from the network."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sim.report.build import write_report
from tests import browser_page
from tests.report_folders import comparison_folder, page_of, run_folder

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.slow
LARGEST = 6_000_000


@pytest.fixture(scope="module")
def opened() -> Iterator["Browser"]:
    with browser_page.browser() as found:
        yield found


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report([run_folder()], out=tmp_path_factory.mktemp("report") / "report.html")


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report([comparison_folder()], out=tmp_path_factory.mktemp("report") / "comparison.html")


def test_charts_are_drawn_without_errors_and_without_a_network(opened: "Browser", path: Path) -> None:
    page = opened.new_page(viewport={"width": 1280, "height": 900})
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url) if request.url.startswith("http") else None)
    page.goto(path.as_uri())
    page.wait_for_function("document.querySelectorAll('figure[data-drawn]').length >= 3")
    for place in range(page.locator(".choices button").count()):
        page.locator(".choices button").nth(place).click()
    page.wait_for_function("!document.querySelector('figure[data-chart]:not([data-drawn])')")
    assert page.locator("figure:visible .live svg").count() >= 3
    assert page.locator(".still:visible").count() == 0
    assert page.locator(".choices button[aria-pressed=true]").count() == 1
    assert (said, asked) == ([], [])
    page.close()


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_is_wider_than_the_window(opened: "Browser", path: Path, width: int) -> None:
    page = opened.new_page(viewport={"width": width, "height": 900})
    page.goto(path.as_uri())
    page.wait_for_function("document.querySelectorAll('figure[data-drawn]').length >= 3")
    assert page.evaluate("document.documentElement.scrollWidth") == width
    page.close()


def test_stills_show_where_scripts_are_off(opened: "Browser", path: Path) -> None:
    context = opened.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(path.as_uri())
    stills = page.locator(".still:visible")
    assert stills.count() == page.locator("figure[data-chart]").count() >= 6
    assert all(box is not None and box["height"] > 100 for box in (one.bounding_box() for one in stills.all()))
    assert not page.locator(".choices").first.is_visible()
    context.close()


def test_it_prints_on_pages(opened: "Browser", path: Path, tmp_path: Path) -> None:
    page = opened.new_page()
    page.goto(path.as_uri())
    page.wait_for_function("document.querySelectorAll('figure[data-drawn]').length >= 3")
    page.emulate_media(media="print")
    figures = page.locator("figure[data-chart]").count()
    assert page.locator(".still:visible").count() == figures
    assert page.locator(".live:visible").count() == 0
    printed = page.pdf(path=tmp_path / "report.pdf", prefer_css_page_size=True)
    assert printed.startswith(b"%PDF")
    assert 6 <= printed.count(b"/Type /Page\n") + printed.count(b"/Type /Page ") <= 40
    page.close()


def test_every_chart_has_words_and_numbers(path: Path) -> None:
    page = page_of(path.read_text(encoding="utf-8"))
    charts = [known for tag, known in page.tags if tag == "figure"]
    saved = [known["download"] for tag, known in page.tags if tag == "a" and "download" in known]
    assert {f"{known['id']}.csv" for known in charts} <= set(saved)
    assert all(known["alt"] for tag, known in page.tags if tag == "img")
    assert len(page.ids) == len(set(page.ids))
    assert (page.wrong, page.stack) == ([], [])


def test_files_are_small_enough(path: Path, large: Path) -> None:
    assert path.stat().st_size < LARGEST
    assert large.stat().st_size < LARGEST


def test_the_same_folder_gives_the_same_bytes_with_charts(path: Path, tmp_path: Path) -> None:
    assert write_report([run_folder()], out=tmp_path / "again.html").read_bytes() == path.read_bytes()


def test_without_the_extra_the_charts_are_still(monkeypatch: pytest.MonkeyPatch) -> None:
    import sim.report.figures
    import sim.report.run_sections
    from sim.report.build import report

    for module in (sim.report.figures, sim.report.run_sections):
        monkeypatch.setattr(module, "answering", lambda: False)
    page = page_of(report([run_folder()]))
    assert "darkhorse[report]" in " ".join(page.text)
    assert sum(tag == "img" for tag, _ in page.tags) == 6
    assert not any("data-chart" in known for _, known in page.tags)
