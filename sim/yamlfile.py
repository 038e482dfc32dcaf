"""Plain YAML read into nodes that remember their file and line.

PyYAML serves as an event stream only: its tree builders recurse, and take aliases, tags and duplicate keys in silence.
Accepted is YAML 1.2 without tags, aliases or a second document; only `true` and `false` are booleans, and a date stays
text. Everything wrong in a file is collected; what cannot be used becomes a BROKEN node, so that later checks can go on
without repeating the complaint.
"""

import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Final

import yaml

from sim.errors import InputError, Problem

MAX_BYTES = 256 * 1024
MAX_DEPTH = 16
MAX_PROBLEMS = 100

_INTEGER = re.compile(r"[-+]?(0|[1-9]\d{0,29})", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\.\d+|\d+(\.\d*)?)([eE][-+]?\d+)?", re.ASCII)
_INFINITE = re.compile(r"[-+]?\.(inf|Inf|INF)")
_NOT_A_NUMBER = re.compile(r"\.(nan|NaN|NAN)")
_CONSTANTS: Final[Mapping[str, bool | None]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


class _Broken(Enum):
    BROKEN = "broken"


BROKEN: Final = _Broken.BROKEN
"""The value of a node that has been reported already."""


@dataclass(slots=True)
class Node:
    """One value of a YAML file: a scalar, a list of nodes or a mapping of text keys to nodes.

    `line` counts from 1 and is the line of the key for a value in a mapping; None for what came from no file.
    """

    value: Any
    file: str
    line: int | None

    @property
    def entries(self) -> dict[str, "Node"]:
        """The mapping's entries, empty when the node is no mapping."""
        return self.value if isinstance(self.value, dict) else {}

    @property
    def items(self) -> list["Node"]:
        """The list's items, empty when the node is no list."""
        return self.value if isinstance(self.value, list) else []

    def plain(self) -> Any:
        """Return the value without the nodes: dict, list and scalars; BROKEN stays BROKEN."""
        if isinstance(self.value, dict):
            return {key: child.plain() for key, child in self.value.items()}
        if isinstance(self.value, list):
            return [child.plain() for child in self.value]
        return self.value

    def locate(self, path: Sequence[str | int]) -> "Node":
        """Return the node at `path` (keys and list positions), or the last one on the way that exists."""
        node = self
        for step in path:
            if isinstance(step, str) and step in node.entries:
                node = node.entries[step]
            elif isinstance(step, int) and step < len(node.items):
                node = node.items[step]
            else:
                break
        return node


def node_of(value: Any, file: str, line: int | None = None) -> Node:
    """Return plain data (dict, list, scalars) as nodes that all carry `file` and `line`."""
    if isinstance(value, Mapping):
        return Node({str(key): node_of(child, file, line) for key, child in value.items()}, file, line)
    if isinstance(value, list | tuple):
        return Node([node_of(child, file, line) for child in value], file, line)
    return Node(value, file, line)


def read_yaml(path: Path) -> tuple[Node, list[Problem]]:
    """Return the root mapping of a YAML file and the problems that left BROKEN nodes or were skipped.

    Raises InputError when there is nothing to go on with: no such file, a directory, too large, not UTF-8, not YAML,
    empty, or not a mapping.
    """
    root, problems = parse_yaml(_read_text(path), str(path))
    if not isinstance(root.value, dict):
        found = "is empty" if root.value is None else "does not hold a mapping of keys to values"
        remedy = "Write one `key: value` a line; `darkhorse schema` lists the keys"
        raise InputError([*problems, Problem(f"the file {found}", str(path), root.line, remedy=remedy)])
    return root, problems


def parse_yaml(text: str, file: str) -> tuple[Node, list[Problem]]:
    """Return the value of one YAML text and the problems in it; raises InputError where the text is no YAML."""
    builder = _Builder(text, file)
    try:
        return builder.document(), builder.problems
    except yaml.YAMLError as error:
        raise InputError([*builder.problems, _syntax_problem(error, text, file)]) from None
    except _UnusableError:
        raise InputError(builder.problems) from None


def parse_value(text: str, file: str) -> Node:
    """Return the value of a scalar or flow text, as in `--set path=value`. Raises InputError."""
    node, problems = parse_yaml(text, file)
    if problems:
        raise InputError([Problem(problem.message, file, remedy=problem.remedy) for problem in problems])
    return _without_lines(node)


def _without_lines(node: Node) -> Node:
    return node_of(node.plain(), node.file)


def _read_text(path: Path) -> str:
    file = str(path)
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise InputError(Problem("this is a directory, not a file", file, remedy="Name a YAML file in it"))
        if not stat.S_ISREG(status.st_mode):
            raise InputError(Problem("this is not a regular file", file, remedy="Save the scenario to a file first"))
        content = b""
        if status.st_size <= MAX_BYTES:
            with path.open("rb") as stream:
                content = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise InputError(Problem("there is no such file", file, remedy="Check the path")) from None
    except (OSError, ValueError) as error:
        message = f"the file cannot be read: {error.strerror if isinstance(error, OSError) else error}"
        raise InputError(Problem(message, file, remedy="Check its path and rights")) from None
    if max(status.st_size, len(content)) > MAX_BYTES:
        message = f"the file has {status.st_size:,} bytes; a scenario may have {MAX_BYTES:,}"
        raise InputError(Problem(message, file, remedy="Keep data in tables and only choices in the scenario"))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(Problem("the file is not UTF-8 text", file, line, remedy="Save it as UTF-8")) from None


def _syntax_problem(error: yaml.YAMLError, text: str, file: str) -> Problem:
    remedy = "Check indentation (spaces, no tabs), colons, quotes and brackets near this line"
    if isinstance(error, yaml.MarkedYAMLError):
        mark, begun = error.problem_mark, error.context_mark
        if mark is None or (begun is not None and mark.line >= text.count("\n")):
            mark = begun  # what is open at the end of the file began here
        line = None if mark is None else mark.line + 1
        context = f" {error.context}" if error.context else ""
        return Problem(f"this is not YAML: {error.problem}{context}", file, line, remedy=remedy)
    position = getattr(error, "position", None)
    line = None if position is None else text.count("\n", 0, position) + 1
    reason = getattr(error, "reason", None) or str(error)
    return Problem(f"this is not YAML: {reason}", file, line, remedy="Remove the character")


class _UnusableError(Exception):
    """The problems so far make it pointless to read on."""


class _Builder:
    """Builds nodes from the event stream, one recursive step per level, at most MAX_DEPTH levels."""

    def __init__(self, text: str, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        self._events: Iterator[yaml.Event] = iter(yaml.parse(text, Loader=loader))

    def document(self) -> Node:
        root = Node(None, self.file, None)
        documents = 0
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._report(event, "a second document starts here", "Keep one scenario per file, without `---`")
                    raise _UnusableError
            elif isinstance(event, yaml.NodeEvent):
                root = self._node(event, (), None)
        return root

    def _report(self, event: yaml.Event, message: str, remedy: str, path: Sequence[str | int] = ()) -> None:
        where = dotted(path) or None
        self.problems.append(Problem(message, self.file, _line(event), where, remedy=remedy))
        if len(self.problems) >= MAX_PROBLEMS:
            raise _UnusableError

    def _node(self, event: yaml.Event, path: tuple[str | int, ...], line: int | None) -> Node:
        node = Node(BROKEN, self.file, line or _line(event))
        if len(path) > MAX_DEPTH:
            self._report(event, f"values nest deeper than {MAX_DEPTH} levels", "Flatten this part", path[:MAX_DEPTH])
            raise _UnusableError
        if isinstance(event, yaml.AliasEvent):
            self._report(event, f"the alias *{event.anchor} is not allowed", "Write the value out again", path)
            return node
        tag = getattr(event, "tag", None)
        value = self._value(event, path)
        if tag is None:
            node.value = value
        else:
            self._report(event, f"the tag {_shown(tag)} is not allowed", "Remove it; plain values only", path)
        return node

    def _value(self, event: yaml.Event, path: tuple[str | int, ...]) -> Any:
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(path)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(path)
        assert isinstance(event, yaml.ScalarEvent)
        return self._scalar(event, path) if event.implicit[0] and not event.style else event.value

    def _sequence(self, path: tuple[str | int, ...]) -> list[Node]:
        items: list[Node] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._node(event, (*path, len(items)), None))
        return items

    def _mapping(self, path: tuple[str | int, ...]) -> dict[str, Node]:
        entries: dict[str, Node] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._key(event, path)
            node = self._node(next(self._events), (*path, key or "?"), _line(event))
            if key is None:
                continue
            if key in entries:
                message = f"the key is here a second time; it was first on line {entries[key].line}"
                self._report(event, message, "Keep one of the two", (*path, key))
            else:
                entries[key] = node
        return entries

    def _key(self, event: yaml.Event, path: tuple[str | int, ...]) -> str | None:
        if isinstance(event, yaml.ScalarEvent) and event.tag is None:
            return str(event.value)
        remedy = "Write a plain name before the colon"
        self._report(event, "a key must be plain text, without tag or alias", remedy, path)
        if isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            self._node(event, (*path, "?"), None)
        return None

    def _scalar(self, event: yaml.ScalarEvent, path: tuple[str | int, ...]) -> Any:
        text: str = event.value
        if text in _CONSTANTS:
            return _CONSTANTS[text]
        if _INTEGER.fullmatch(text):
            return int(text)
        if _NOT_A_NUMBER.fullmatch(text):
            self._report(event, "NaN is not a value", "Give a number, or leave the key out", path)
            return BROKEN
        if _INFINITE.fullmatch(text):
            return float(text.replace(".", "", 1))
        if _FLOAT.fullmatch(text) and not re.fullmatch(r"[-+]?0\d+", text):
            number = float(text)
            if number in (float("inf"), float("-inf")):
                self._report(event, f"{_shown(text)} is too large a number", "Give a smaller number", path)
                return BROKEN
            return number
        return text


def dotted(path: Sequence[str | int]) -> str:
    """Return a path as text: keys joined by dots, list positions in brackets (`at[1]`)."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{_shown(step)}" if text else _shown(step)
    return text


def _line(event: yaml.Event) -> int | None:
    return None if event.start_mark is None else event.start_mark.line + 1


def _shown(text: str) -> str:
    return text if len(text) <= 80 else text[:77] + "..."
