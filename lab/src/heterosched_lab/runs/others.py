"""Results of the benches beside the lab (decision core, extender, live cluster), as figures with their goals.

They are programs of their own, since they need peers in other environments, Go, or a control plane; what they write
into build/bench is merged into the summary where it is there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import msgspec

from heterosched_lab.runs.types import Figure, Origin, Relation


@dataclass(frozen=True, slots=True)
class Other:
    """A result of another bench: where it is from, its figures with a goal, and what it left out."""

    name: str
    title: str
    file: str
    command: str
    figures: tuple[Figure, ...]
    skipped: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Goal:
    """A goal of a bench that does not write goals, and the keys to its figure."""

    name: str
    path: tuple[str, ...]
    relation: Relation
    goal: float
    unit: str
    peer: str = ""


TITLES = {
    "core": "B4, B7: graphs, JPS and planner of the decision core",
    "extender": "The extender against one in Go",
    "live": "B8: the extender in front of a real kube-scheduler",
}
EXTENDER = (
    *(
        _Goal(f"{which}_{names}_names", (which, names), "<=", limit, "x", "extender in Go")
        for which, limits in (("ratio_p50", (0.9, 0.85, 0.45)), ("ratio_p99", (1.0, 1.0, 1.0)))
        for names, limit in zip(("50", "500", "5000"), limits, strict=True)
    ),
    _Goal("cpu_ratio_5000_names", ("cpu_ratio", "5000"), "<=", 0.5, "x", "extender in Go"),
    _Goal("rss_mb", ("rss_mb",), "<=", 100.0, "MB"),
    _Goal("upkeep_core_share", ("upkeep_core_share",), "<=", 0.2, "cores"),
    _Goal("ready_seconds", ("ready_seconds",), "<=", 5.0, "s"),
)
LIVE = tuple(
    _Goal(f"{figure}_{nodes}_nodes", (nodes, figure), cast(Relation, relation), limit, unit, peer)
    for nodes, added, pods in (("500", 1.0, 0.95), ("5000", 2.5, 0.9))
    for figure, relation, limit, unit, peer in (
        ("added_ms_per_pod", "<=", added, "ms", ""),
        ("cpu_ratio", "<=", 1.15, "x", "without the extender"),
        ("ratio", ">=", pods, "x", "without the extender"),
        ("errors", "==", 0.0, "", ""),
    )
)


def others(folder: Path) -> list[Other]:
    """The results of the other benches in this folder; of one that cannot be read, the reason is what it left out."""
    return [_read(folder / f"{name}.json", name) for name in TITLES if (folder / f"{name}.json").is_file()]


def _read(path: Path, name: str) -> Other:
    try:
        found = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
        figures = (
            tuple(_core(found)) if name == "core" else tuple(_figures(found, EXTENDER if name == "extender" else LIVE))
        )
    except (OSError, msgspec.MsgspecError, KeyError, TypeError, ValueError) as error:
        problem = f"it is no result of bench-{name}: {error}; make it again with `make bench-{name}`, or remove it"
        return Other(name, TITLES[name], path.name, "", (), {path.name: problem})
    skipped = {part: str(reason) for part, reason in found.get("left_out", {}).items()}
    return Other(name, TITLES[name], path.name, str(found.get("command", "")), figures, skipped)


def _core(found: Mapping[str, Any]) -> Iterator[Figure]:
    """Those that core.json lists under `goals`, and the published values that must be met exactly."""
    wrong: Sequence[str] = found["exact_wrong"]
    yield Figure("exact_values_that_differ", float(len(wrong)), "", "counted", 0.0, "==", note=", ".join(wrong))
    yield Figure("faults_found_by_the_checker", float(found["checker_faults"]), "", "counted", 0.0, "==")
    for row in found["goals"]:
        if row["value"] is not None:
            origin, relation = cast(Origin, row["origin"]), cast(Relation, row["relation"])
            yield Figure(row["figure"], float(row["value"]), row["unit"], origin, float(row["goal"]), relation)


def _figures(found: Mapping[str, Any], goals: Sequence[_Goal]) -> Iterator[Figure]:
    for goal in goals:
        own: Any = found
        for key in goal.path:
            own = own.get(key) if isinstance(own, Mapping) else None
        if isinstance(own, Mapping):
            yield _bound(goal, float(own["mean"]), float(own["low"]), float(own["high"]))
        elif own is not None:
            yield _figure(goal, float(own))


def _bound(goal: _Goal, mean: float, low: float, high: float) -> Figure:
    """Of an interval the bound that is the worse one decides, so that noise cannot meet a goal."""
    worse = low if goal.relation == ">=" else high
    return replace(_figure(goal, worse), lower=low, upper=high, note=f"the 95 % bound decides; the mean is {mean:g}")


def _figure(goal: _Goal, value: float) -> Figure:
    peer = 1.0 if goal.peer else None
    return Figure(goal.name, value, goal.unit, "measured", goal.goal, goal.relation, peer=peer, peer_name=goal.peer)
