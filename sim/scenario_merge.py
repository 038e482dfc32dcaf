"""One tree from a scenario, its parents and values set from outside.

Mappings merge deep, lists and single values replace, null takes away, `keep_until` splices a parent's steps with the
child's. A distribution, a lever's policy and `counterfactual` are single values: each replaces the parent's whole.
`name`, `title`, `storyline`, `sources` and `experiment` say what a file is and is for, and are not inherited.
"""

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sim.calendar import BASE_YEAR, last_day, parse_date
from sim.errors import InputError, Problem, nearest_name
from sim.places import SUFFIXES, find_preset, preset_folder, preset_names
from sim.scenario_names import EVENTS, LAB_ALIASES, Catalogues
from sim.scenario_report import field_names
from sim.scenario_schema import Channels, CommunityGraph, Header, ModelBlock, OutputsBlock
from sim.yamlfile import BROKEN, Node, node_of, parse_value, read_yaml

MAX_PARENTS = 8
SET = "--set"
OWN_KEYS = ("schema", "name", "title", "storyline", "sources", "experiment")

Keys = tuple[str, ...]


@dataclass
class Merged:
    """The merged tree, the parents' files (nearest first) and the problems on the way."""

    root: Node
    parents: list[Path] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def merge_files(path: Path) -> Merged:
    """Read a scenario and what it extends. Raises InputError when the file itself cannot be read."""
    root, problems = read_yaml(path)
    merged = Merged(_normal(root), problems=problems)
    chain = [merged.root]
    current, folder, seen = path, path.resolve().parent, [path.resolve()]
    while (extends := chain[-1].entries.pop("extends", None)) is not None and extends.value not in (None, BROKEN):
        try:
            current, folder = _parent(extends, current, folder, seen)
            parent, found = read_yaml(current)
        except InputError as error:
            merged.problems.extend(error.problems)
            break
        merged.parents.append(current)
        merged.problems.extend([*found, *_format_problems(parent)])
        chain.append(_normal(parent))
    for child in reversed(chain[:-1]):
        chain[-1] = _inherited(chain[-1])
        chain[-1] = merge(chain[-1], child, (), merged.problems)
    merged.root = chain[-1]
    return merged


def merge(parent: Node, child: Node, path: Keys, problems: list[Problem]) -> Node:
    """Return the child laid over the parent, both standing at `path`."""
    if _is_policy(path) and "keep_until" in child.entries:
        return _spliced(parent, child, path, problems)
    if _is_single(path) or not (isinstance(parent.value, dict) and isinstance(child.value, dict)):
        return child
    entries = dict(parent.entries)
    for key, node in child.entries.items():
        entries[key] = merge(entries[key], node, (*path, key), problems) if key in entries else node
    return Node(entries, child.file, child.line)


def apply_sets(root: Node, sets: Sequence[str], paths: Mapping[str, Keys], problems: list[Problem]) -> Node:
    """Return the tree with every `path=value` of the command line laid over it, in order."""
    values: list[tuple[str, Node]] = []
    for text in sets:
        path, equals, value = text.partition("=")
        if not equals or not value.strip():
            remedy = "Write --set path=value; null takes a key away"
            problems.append(Problem(f"'{text}' has no value", SET, path=path.strip() or None, remedy=remedy))
            continue
        try:
            values.append((path.strip(), parse_value(value, SET)))
        except InputError as error:
            found = (Problem(p.message, SET, path=path.strip(), remedy=p.remedy) for p in error.problems)
            problems.extend(found)
    return apply_values(root, values, paths, problems)


def apply_values(
    root: Node, values: Iterable[tuple[str, Node]], paths: Mapping[str, Keys], problems: list[Problem]
) -> Node:
    """Return the tree with nodes laid over it at dotted paths, of which a tail is enough where it is unique."""
    for path, node in values:
        keys = resolve_path(path, paths)
        if isinstance(keys, tuple):
            overlay = node
            for key in reversed(keys):
                overlay = Node({key: overlay}, node.file, node.line)
            root = merge(root, _normal(overlay), (), problems)
        else:
            problems.append(Problem(keys.message, node.file, node.line, path, keys.nearest, keys.remedy))
    return root


def resolve_path(path: str, paths: Mapping[str, Keys]) -> Keys | Problem:
    """Return the keys of a dotted path or of its only completion; a Problem without a place where there is none."""
    if path in paths:
        return paths[path]
    full = [known for known in paths if known.endswith("." + path)]
    if len(full) == 1:
        return paths[full[0]]
    if full:
        listed = ", ".join(full[:6]) + (" ..." if len(full) > 6 else "")
        return Problem("the path is not unique", remedy=f"Write one of {listed}")
    depth = path.count(".") + 1
    tails = {".".join(known.split(".")[-depth:]): known for known in paths}
    near = nearest_name(path, tails) or nearest_name(path, paths)
    return Problem("no scenario has this path", nearest=near and tails.get(near, near), remedy="Correct the path")


def known_paths(catalogues: Catalogues) -> dict[str, Keys]:
    """Return every dotted path that can be set, with its keys (a key may itself have dots)."""
    found: list[Keys] = [(key,) for key in field_names(Header) if key not in ("schema", "extends", "experiment")]
    found += [("world", key) for key in ("base", "fitted_to", "correlations", "events")]
    blocks: tuple[tuple[Keys, Any], ...] = (
        (("model",), ModelBlock),
        (("model", "channels"), Channels),
        (("model", "community_graph"), CommunityGraph),
        (("outputs",), OutputsBlock),
    )
    found += [(*keys, name) for keys, model in blocks for name in field_names(model)]
    found += [("world", "events", event) for event in EVENTS]
    found += [("world", "events", event, key) for event, keys in EVENTS.items() for key in keys]
    found += [("world", name) for name in sorted(catalogues.world_names)]
    found += [("world", f"labs.{lab}.{alias}") for lab in catalogues.labs for alias in LAB_ALIASES]
    found += [("policies", "dials"), *(("policies", "dials", dial) for dial in catalogues.dials)]
    for government in catalogues.governments:
        found += [("policies", government), *(("policies", government, x) for x in catalogues.levers_of(government))]
    return {".".join(keys): keys for keys in found}


def _is_policy(path: Keys) -> bool:
    return len(path) == 3 and path[0] == "policies" and path[1] != "dials"


def _is_single(path: Keys) -> bool:
    """Whether what stands at `path` is one value although it may be written as a mapping."""
    parameter = len(path) == 2 and path[0] == "world" and path[1] != "events"
    gain = len(path) == 4 and path[:2] == ("world", "events")
    return parameter or gain or _is_policy(path) or path == ("counterfactual",)


def _normal(root: Node) -> Node:
    """Write out the shorthand `world: prior` and the aliases of lab columns."""
    world = root.entries.get("world")
    if world is not None and isinstance(world.value, str):
        root.entries["world"] = Node({"base": world}, world.file, world.line)
    elif world is not None and isinstance(world.value, dict):
        names = {key: _without_alias(key) for key in world.value}
        if len(set(names.values())) == len(names):
            world.value = {names[key]: node for key, node in world.value.items()}
    return root


def _without_alias(key: str) -> str:
    head, _, column = key.rpartition(".")
    return f"{head}.{LAB_ALIASES[column]}" if head.startswith("labs.") and column in LAB_ALIASES else key


def _inherited(parent: Node) -> Node:
    entries = {key: node for key, node in parent.entries.items() if key not in OWN_KEYS}
    return Node(entries, parent.file, parent.line)


def _format_problems(parent: Node) -> list[Problem]:
    node = parent.entries.get("schema")
    if node is not None and node.value == 1:
        return []
    line = None if node is None else node.line
    return [Problem("the parent has no `schema: 1`", parent.file, line, "schema", remedy="Write `schema: 1` in it")]


def _parent(extends: Node, child: Path, folder: Path, seen: list[Path]) -> tuple[Path, Path]:
    """Return the file that `extends` names and the folder tree it may refer to; note it in `seen`."""

    def refuse(message: str, remedy: str, nearest: str | None = None) -> InputError:
        return InputError(Problem(message, extends.file, extends.line, "extends", nearest, remedy))

    if not isinstance(extends.value, str) or not extends.value.strip():
        raise refuse("it must be one name of a preset or one ./file.yaml", "Extend a single parent")
    text = extends.value.strip()
    try:
        parent = _parent_file(text, child, folder, refuse)
        resolved = parent.resolve()
        is_preset = resolved.is_relative_to(preset_folder().resolve())
    except (OSError, RuntimeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise refuse("the parent cannot be found", "Check the path") from None
    if resolved in seen:
        cycle = " -> ".join(path.stem for path in [*seen, resolved])
        raise refuse(f"the files extend each other in a circle: {cycle}", "Take one `extends` out")
    if len(seen) > MAX_PARENTS:
        raise refuse(f"there are more than {MAX_PARENTS} parents", "Merge some of the files")
    seen.append(resolved)
    return parent, preset_folder().resolve() if is_preset else folder


def _parent_file(text: str, child: Path, folder: Path, refuse: Any) -> Path:
    path = Path(text)
    if path.suffix not in SUFFIXES and len(path.parts) == 1:
        preset = find_preset(text)
        if preset is None:
            raise refuse(
                "there is no such preset", "Name a preset or write ./file.yaml", nearest_name(text, preset_names())
            )
        return preset
    parent = child.parent / path
    if path.is_absolute() or not parent.resolve().is_relative_to(folder):
        raise refuse(f"{text} lies outside the folder of the scenario", "Put the parent in the scenario's folder tree")
    if not parent.exists():
        siblings = [f"./{file.name}" for file in parent.parent.glob("*.y*ml")] if parent.parent.is_dir() else []
        raise refuse(
            f"there is no file {text}", "Check the path, which starts at this file", nearest_name(text, siblings)
        )
    return parent


def _spliced(parent: Node, child: Node, path: Keys, problems: list[Problem]) -> Node:
    """Return the parent's steps that start up to `keep_until`, then the child's."""

    def report(node: Node, message: str, remedy: str, *below: str) -> None:
        problems.append(Problem(message, node.file, node.line, ".".join((*path, *below)), remedy=remedy))

    keep, steps = child.entries["keep_until"], child.entries.get("steps")
    for key in child.entries.keys() - {"keep_until", "steps"}:
        report(child.entries[key], "unknown key", "Write keep_until and steps only", key)
    if steps is None or not isinstance(steps.value, list):
        report(steps or child, "keep_until needs a list of steps", "Add `steps: [...]`")
        return parent
    try:
        last = last_day(str(keep.value))
    except ValueError as error:
        report(keep, str(error), "Write YYYY-MM-DD", "keep_until")
        return steps
    dates = [date for step in steps.items if (date := _date(step, "from")) is not None]
    if dates and min(dates) <= last:
        report(steps, f"its first step starts before keep_until ({keep.value}) is over", "Start later or keep less")
    kept = [step for step in _as_steps(parent) if (_date(step, "from") or datetime.date.min) <= last]
    if dates:
        kept = [_cut(step, min(dates)) for step in kept]
    return Node([*kept, *steps.items], child.file, child.line)


def _as_steps(policy: Node) -> list[Node]:
    """Return a policy as dated steps; a whole-horizon value becomes a step from the first month."""
    if isinstance(policy.value, list):
        return policy.items
    if policy.value is None:
        return []
    start = Node(f"{BASE_YEAR}-01", policy.file, policy.line)
    entries = policy.entries or {"value": policy}
    return [Node({"from": start, **entries}, policy.file, policy.line)]


def _cut(step: Node, start: datetime.date) -> Node:
    """Return a kept step that ends at the latest on the day before the child's first step."""
    until = step.entries.get("until")
    try:
        if until is None or until.value is None or last_day(str(until.value)) < start:
            return step
    except ValueError:
        return step
    end = (start - datetime.timedelta(days=1)).isoformat()
    return Node({**step.entries, "until": node_of(end, until.file, until.line)}, step.file, step.line)


def _date(step: Node, key: str) -> datetime.date | None:
    node = step.entries.get(key)
    try:
        return None if node is None else parse_date(str(node.value))
    except ValueError:
        return None
