"""Headline numbers move only on purpose: `python -m sim.golden --update --reason TEXT`."""

import json
from pathlib import Path

import numpy as np
import pytest

from sim import golden


@pytest.fixture(scope="module")
def recorded() -> dict[str, list[float]]:
    read: dict[str, list[float]] = json.loads(golden.FILE.read_text(encoding="utf-8"))
    return read


@pytest.mark.slow
def test_headline_numbers_have_not_moved(recorded: dict[str, list[float]]) -> None:
    assert golden.differences(golden.headline_numbers(), recorded) == []


def test_the_record_is_worth_having(recorded: dict[str, list[float]]) -> None:
    assert len(recorded) == 3 * len(golden.COLUMNS)
    assert all(np.isfinite(values).all() and len(values) == len(golden.MONTHS) for values in recorded.values())
    controlled, free = (recorded[f"{arm}: scarcity_premium.CN"] for arm in ("main", "counterfactual"))
    assert max(controlled) > 0.1
    assert max(free) < 1e-9


def test_a_change_in_the_ninth_digit_is_seen(recorded: dict[str, list[float]]) -> None:
    name = "main: gap_months.CN"
    moved = {**recorded, name: [value * (1.0 + 5e-9) for value in recorded[name]]}
    assert len(golden.differences(moved, recorded)) == len(golden.MONTHS)
    assert golden.differences({key: recorded[key] for key in recorded if key != name}, recorded) == [f"{name}: gone"]


def test_an_update_is_recorded_with_its_reason_in_the_newest_section(
    recorded: dict[str, list[float]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = {name: [value + 1.0 for value in values] for name, values in recorded.items()}
    record, changelog = tmp_path / "golden.json", tmp_path / "CHANGELOG.md"
    record.write_text(json.dumps(recorded), encoding="utf-8")
    older = "\n## 0.1.0\n\n- The first.\n"
    changelog.write_text(f"# Changelog\n\n## 0.2.0\n\n- New.\n{older}", encoding="utf-8")
    monkeypatch.setattr(golden, "FILE", record)
    monkeypatch.setattr(golden, "CHANGELOG", changelog)
    monkeypatch.setattr(golden, "headline_numbers", lambda: moved)

    def update(*arguments: str) -> int:
        monkeypatch.setattr("sys.argv", ["golden", *arguments])
        return golden.main()

    assert update() == 1
    assert update("--update") == 2
    assert json.loads(record.read_text(encoding="utf-8")) == recorded
    assert update("--update", "--reason", "a reason") == 0
    assert json.loads(record.read_text(encoding="utf-8")) == moved
    note = f"- Headline numbers moved ({len(moved) * len(golden.MONTHS)}): a reason"
    assert changelog.read_text(encoding="utf-8") == f"# Changelog\n\n## 0.2.0\n\n- New.\n{note}\n{older}"
