"""Words and numbers of the report: cards, likelihood, sentences and tables say what the runs say."""

import math
from pathlib import Path

import numpy as np
import pytest

from sim.calendar import month_index
from sim.charts.data import COUNTERFACTUAL, MAIN, RunRecord, open_record
from sim.compare import paired_difference, quantiles
from sim.measures import CATALOGUE
from sim.report.cards import HEADLINES, card_month, cards, includes_zero
from sim.report.likelihood import SCALE, likelihood, scale_note
from sim.report.messages import CLAIMS, Claim, effect_sentence, key_messages
from sim.report.numbers import MINUS, percent, plain, scale_of, signed
from sim.report.outcomes import CHAIN, CHINA_LESS, OUTCOMES, dates_of, outcome_table, share_better
from sim.results import Results
from tests.report_folders import RUNS, comparison_folder, run_folder

CLAIM = Claim("token_share_abroad.CN", "more", "less")


def the_run(*sets: str) -> RunRecord:
    return open_record(run_folder("deepseek_shock", *sets), ["main", "counterfactual"])


@pytest.mark.parametrize(
    ("share", "word"),
    [
        (1.0, "virtually certain"), (0.99, "virtually certain"), (0.98, "extremely likely"), (0.95, "extremely likely"),
        (0.949, "very likely"), (0.9, "very likely"), (0.89, "likely"), (0.66, "likely"),
        (0.65, "about as likely as not"), (0.34, "about as likely as not"), (0.33, "unlikely"), (0.11, "unlikely"),
        (0.1, "very unlikely"), (0.05, "extremely unlikely"), (0.01, "exceptionally unlikely"),
        (0.0, "exceptionally unlikely"), (math.nan, "not known"),
    ],
)  # fmt: skip
def test_words_follow_the_scale(share: float, word: str) -> None:
    assert likelihood(share) == word


def test_few_runs_do_not_give_the_strongest_words() -> None:
    assert [likelihood(1.0, runs) for runs in (1, 8, 64, 256)] == [
        "likely", "very likely", "extremely likely", "virtually certain"
    ]  # fmt: skip
    assert likelihood(0.0, 8) == "very unlikely"


def test_likelihood_refuses_what_is_no_share() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        likelihood(1.2)


def test_the_note_names_every_word() -> None:
    assert all(word in scale_note() for _, word in SCALE)


def test_numbers_are_written_in_few_digits() -> None:
    assert [plain(value) for value in (0, 0.004, 0.13, 0.96, 6.24, 18.46, 146.2, 1234.0, -2.5, math.nan)] == [
        "0", "0.00", "0.13", "0.96", "6.2", "18.5", "146", "1,234", f"{MINUS}2.5", "not reached"
    ]  # fmt: skip
    assert [signed(value) for value in (0.5, -0.5, 0.0, -0.001)] == ["+0.50", f"{MINUS}0.50", "0", "0.00"]
    assert plain(1_624_000.0, large=True) == "1.62M"
    assert [percent(share) for share in (0.5, -0.001, -0.02)] == ["50%", "0%", f"{MINUS}2%"]
    assert scale_of("token_share_abroad").change(-0.011) == f"{MINUS}1.1 points"
    assert scale_of("gap_months").range(math.nan, math.nan) == "not reached"


def test_cards_equal_the_record() -> None:
    record = the_run()
    results = Results(record.results.folder)
    found = cards(record)
    assert [card.column for card in found] == [headline.column for headline in HEADLINES]
    for card in found:
        place = month_index(card.month) - int(record.months[0])
        arm, against = (results.read([card.column])[card.column][name][:, place] for name in ("main", "counterfactual"))
        assert (card.level.low, card.level.median, card.level.high) == tuple(quantiles(arm, (0.05, 0.5, 0.95)))
        assert card.difference == paired_difference(arm, against)
        scale = scale_of(card.column.partition(".")[0])
        assert card.value == scale.text(card.level.median)
        assert card.change == scale.change(card.difference.median)
        assert card.value in card.words
        assert card.change in card.words
        assert ("includes zero" in card.change_interval) == includes_zero(card.difference)


def test_cards_without_counterfactual_have_no_change() -> None:
    record = open_record(run_folder(), ["main"])
    assert all(card.change == card.against == "" and card.difference is None for card in cards(record))


def test_a_world_without_chinese_labs_has_no_lag_and_says_so() -> None:
    record = open_record(run_folder("no_chinese_labs"), ["main"])
    gap = next(card for card in cards(record) if card.key == "gap")
    assert gap.value == "No model yet"
    assert "no released model" in gap.words
    assert "nan" not in gap.words.lower()


def test_cards_wait_for_a_policy_that_starts_later() -> None:
    record = open_record(comparison_folder(), ["tight", "deepseek_shock"])
    assert not np.any(record.difference("compute_owned.CN")[:, record.headline])
    assert card_month(record) == month_index("2026-12")


def test_one_run_gives_no_interval() -> None:
    record = the_run("runs=1")
    assert {card.interval for card in cards(record)} == {"one run, no interval"}
    assert not any("likely" in sentence.text for sentence in key_messages(record, record.headline))


def test_sentences_have_the_sign_of_the_runs() -> None:
    base = np.zeros(100)
    up = effect_sentence(CLAIM, base + 0.01, base)
    assert (up.word, " more " in up.after) == ("virtually certain", True)
    assert "100 of 100" in up.after
    assert "includes zero" not in up.after
    down = effect_sentence(CLAIM, base - 0.01, base)
    assert " less " in down.after
    assert f"{MINUS}1.0 points" in down.after
    mixed = effect_sentence(CLAIM, np.linspace(-1, 1, 100), base)
    assert mixed.word == "about as likely as not"
    assert "includes zero" in mixed.after


def test_sentences_without_a_difference_or_a_value() -> None:
    base = np.zeros(10)
    assert effect_sentence(CLAIM, base, base).text == "Whether more: no run differs."
    assert "No run says" in effect_sentence(CLAIM, base, np.full(10, np.nan)).text


def test_messages_are_four_to_six_and_end_with_what_they_are() -> None:
    record = the_run()
    told = key_messages(record, card_month(record))
    assert 4 <= len(told) <= 6
    assert told[-1].text.endswith("They are not a forecast.")
    alone = key_messages(open_record(run_folder(), ["main"]), month_index("2025-12"))
    assert 4 <= len(alone) <= 6
    assert all("2026-12 than in 2025-12" in sentence.text for sentence in alone[:-1])


def test_the_outcome_table_equals_the_paired_differences() -> None:
    record = the_run()
    dates = dates_of(record)
    table = outcome_table(record, "key", "option", "baseline")
    assert [group.title for group in table.groups] == ["2023-12", "2025-12", "2026-12"]
    for month, group in zip(dates, table.groups, strict=True):
        for outcome, row in zip(OUTCOMES, group.rows, strict=True):
            place = record.months.tolist().index(month)
            arm, against = (record.values(outcome.column, role)[:, place] for role in (MAIN, COUNTERFACTUAL))
            change, scale = paired_difference(arm, against), scale_of(outcome.column.partition(".")[0])
            assert row[:3] == [outcome.name, scale.text(change.median_against), scale.text(change.median_arm)]
            assert row[3] == scale.change(change.median)
            assert getattr(row[4], "text", "") == scale.change_range(change.p05, change.p95)
            better = (arm < against).mean() if outcome.better == CHINA_LESS else (arm > against).mean()
            assert share_better(record, outcome, month) == pytest.approx(better)
            assert getattr(row[6], "text", "").startswith(f"{100 * better:.0f}%")


def test_every_column_that_the_report_speaks_of_is_measured() -> None:
    named = {row.column for row in (*OUTCOMES, *CHAIN, *CLAIMS, *HEADLINES)}
    assert named <= {column for measure in CATALOGUE.values() for column in measure.columns}


def test_dates_stay_within_a_short_horizon() -> None:
    record = open_record(run_folder("deepseek_shock", "end=2023-06", "outputs.at=[]"), ["main", "counterfactual"])
    assert dates_of(record) == [month_index("2022-12"), month_index("2023-06")]
    assert record.runs == RUNS


def test_stated_months_only() -> None:
    folder: Path = run_folder("deepseek_shock", "outputs.monthly=false")
    record = open_record(folder, ["main", "counterfactual"])
    assert set(dates_of(record)) <= set(record.months.tolist())
    assert len(cards(record)) == len(HEADLINES)
