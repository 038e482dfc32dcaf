"""The YAML reader: lines, plain values only, and everything that a hostile or broken file may hold."""

import math
from pathlib import Path
from typing import Any

import pytest

from sim.errors import InputError, Problem
from sim.yamlfile import BROKEN, MAX_BYTES, MAX_DEPTH, node_of, parse_value, parse_yaml, read_yaml


def plain(text: str) -> Any:
    node, problems = parse_yaml(text, "f.yaml")
    assert problems == []
    return node.plain()


def problems_in(text: str) -> list[Problem]:
    try:
        return parse_yaml(text, "f.yaml")[1]
    except InputError as error:
        return error.problems


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1), ("-3", -3), ("+3", 3), ("0", 0), ("1.5", 1.5), (".5", 0.5), ("1e5", 1e5), ("-2.5E-3", -2.5e-3),
        ("true", True), ("False", False), ("null", None), ("~", None), ("", None), (".inf", math.inf),
        ("-.inf", -math.inf), ("on", "on"), ("off", "off"), ("yes", "yes"), ("no", "no"), ("y", "y"),
        ("2022-01", "2022-01"), ("2022-01-15", "2022-01-15"), ("2022", 2022), ("010", "010"), ("1_000", "1_000"),
        ("0x10", "0x10"), ("1:30", "1:30"), ("nan", "nan"), ("'1'", "1"), ('"true"', "true"), ("1.", 1.0),
    ],
)  # fmt: skip
def test_scalars(text: str, value: object) -> None:
    assert plain(f"a: {text}\n") == {"a": value}
    assert type(plain(f"a: {text}\n")["a"]) is type(value)


def test_blocks_flows_and_folded_text() -> None:
    text = "a:\n  b: [1, {c: x}]\n  d: >\n    two\n    words\n? e\n: 2\n"
    assert plain(text) == {"a": {"b": [1, {"c": "x"}], "d": "two words\n"}, "e": 2}


def test_keys_stay_text() -> None:
    assert plain("on: 1\n2025: 2\nnull: 3\n") == {"on": 1, "2025": 2, "null": 3}


def test_every_node_knows_its_line() -> None:
    node, _ = parse_yaml("a:\n  b:\n    - 1\n    - c: 2\n\nd: 3\n", "f.yaml")
    assert node.locate(("a", "b", 0)).line == 3
    assert node.locate(("a", "b", 1, "c")).line == 4
    assert node.locate(("a", "b")).line == 2
    assert node.locate(("d",)).line == 6
    assert node.locate(("a", "missing", "deeper")).line == 1, "the last node that exists"


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "second time"),
        ("a: 1\nb: !!python/object:os.system x\n", 2, "tag"),
        ("a: !mine {b: 1}\n", 1, "tag"),
        ("a: &x 1\nb: *x\n", 2, "alias"),
        ("a: 1\n---\nb: 2\n", 2, "second document"),
        ("a: .nan\n", 1, "NaN"),
        ("a: 1\nb: 1e999\n", 2, "too large"),
        ("[a, b]: 1\n", 1, "key"),
        ("!!str a: 1\n", 1, "key"),
        ("a: [1,\n", 2, "not YAML"),
        ("a: 1\n\tb: 2\n", 2, "not YAML"),
        ("a: 1\nb: 'open\n", 2, "not YAML"),
        ("a: 1\nb: \x07\n", 2, "not YAML"),
        ("a: 1\nb: c: d\n", 2, "not YAML"),
    ],
)
def test_what_is_refused_has_its_line(text: str, line: int, message: str) -> None:
    found = problems_in(text)
    assert [problem.line for problem in found] == [line]
    assert message in found[0].message
    assert found[0].remedy


def test_all_faults_of_a_file_come_at_once() -> None:
    found = problems_in("a: 1\na: 2\nb: !t 1\nc: .nan\nd: *x\ne: [1,\n")
    assert [problem.line for problem in found] == [2, 3, 4, 5, 7]


def test_a_fault_leaves_a_broken_node_and_keeps_the_rest() -> None:
    node, problems = parse_yaml("a: .nan\nb: [1, *x, 3]\nc: 1\nc: 2\n", "f.yaml")
    assert node.plain() == {"a": BROKEN, "b": [1, BROKEN, 3], "c": 1}
    assert len(problems) == 3


def test_an_alias_bomb_costs_nothing() -> None:
    lines = ["l0: &l0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 9)}]" for i in range(1, 10)]
    found = problems_in("\n".join(lines))
    assert len(found) == 81
    assert all("alias" in problem.message for problem in found)


@pytest.mark.parametrize("text", ["[" * 100_000, "- " * 100_000, "{a: " * 50_000, "? " * 100_000, "[?" * 50_000])
def test_deep_nesting_is_refused_without_recursing_into_it(text: str) -> None:
    found = problems_in(text)
    assert any(f"deeper than {MAX_DEPTH}" in problem.message for problem in found)


def test_the_number_of_problems_is_bounded() -> None:
    assert len(problems_in("a: *x\n" * 20_000)) == 100


def file_problem(path: Path) -> Problem:
    with pytest.raises(InputError) as caught:
        read_yaml(path)
    (problem,) = caught.value.problems
    assert problem.file == str(path)
    assert problem.remedy
    return problem


def test_files_that_hold_no_mapping(tmp_path: Path) -> None:
    for text, message in (("", "is empty"), ("# note\n\n", "is empty"), ("- 1\n", "mapping"), ("text\n", "mapping")):
        file = tmp_path / "f.yaml"
        file.write_text(text)
        assert message in file_problem(file).message


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    assert "no such file" in file_problem(tmp_path / "absent.yaml").message
    assert "directory" in file_problem(tmp_path).message
    assert "cannot be read" in file_problem(tmp_path / ("x" * 300)).message
    assert "cannot be read" in file_problem(Path("a\0b.yaml")).message
    assert "not a regular file" in file_problem(Path("/dev/null")).message


def test_text_that_is_not_utf8_names_the_line(tmp_path: Path) -> None:
    file = tmp_path / "f.yaml"
    file.write_bytes(b"a: 1\nb: caf\xe9\n")
    assert file_problem(file).line == 2
    file.write_bytes("a: 1\n".encode("utf-16"))
    assert "UTF-8" in file_problem(file).message


def test_a_byte_order_mark_is_fine(tmp_path: Path) -> None:
    file = tmp_path / "f.yaml"
    file.write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert read_yaml(file)[0].plain() == {"a": 1}


def test_a_huge_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    file = tmp_path / "f.yaml"
    with file.open("wb") as stream:
        stream.truncate(50 * 1024 * 1024)
    problem = file_problem(file)
    assert "52,428,800" in problem.message
    file.write_text("#" * (MAX_BYTES - 6) + "\na: 1\n")
    assert "bytes" not in str(read_yaml(file)[0].plain())
    file.write_text("#" * MAX_BYTES + "\na: 1\n")
    assert "bytes" in file_problem(file).message


def test_values_from_the_command_line() -> None:
    assert parse_value("{level: strong}", "--set").plain() == {"level": "strong"}
    assert parse_value("[{from: 2026-01, value: 1}]", "--set").plain() == [{"from": "2026-01", "value": 1}]
    assert parse_value("0.5", "--set").line is None
    with pytest.raises(InputError):
        parse_value("[1", "--set")
    with pytest.raises(InputError):
        parse_value(".nan", "--set")


def test_plain_data_becomes_nodes_and_back() -> None:
    data = {"a": [1, {"b": None}], "c": "x"}
    node = node_of(data, "origin", 7)
    assert node.plain() == data
    assert node.locate(("a", 1, "b")).line == 7
