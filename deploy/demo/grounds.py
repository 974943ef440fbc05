"""What each decision of the demo rested on: which figures, who published them, how old they were at that moment."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from report import note

Row = dict[str, Any]
Decision = Mapping[str, Any]
SENSED = {"thermal": "celsius", "load": "hostLoad"}
"""Term that reads telemetry -> the figure of it that is shown."""
_NOTHING = 1e-6
"""Share of the score below which two nodes are alike."""


def build_row(pod: Mapping[str, Any], decision: Decision) -> Row:
    """The grounds of a decision, as the extender recorded them; of a term without data the reason for that."""
    terms = {share["term"]: share for share in (decision.get("best") or {}).get("terms", ())}
    return {
        "pod": pod["metadata"]["name"],
        "job": pod["metadata"]["labels"]["heterosched.io/job"],
        "node": decision.get("bound") or (decision.get("best") or {}).get("node", ""),
        "at": decision["at"],
        "planned": decision.get("planned", ""),
        "telemetry": {term: _sensed(terms.get(term, {})) for term in SENSED},
    }


def passed_over(row: Row, decision: Decision) -> Row | None:
    """What kept a pod from the node that `decision` was asked about: its temperature there and the score that it cost.

    None where the node was none of the candidates, or where anything but heat speaks against it: the term plan follows
    it, as plans avoid hot nodes, too.
    """
    best, asked = decision.get("best"), decision.get("asked")
    if not best or not asked or asked["node"] in (best["node"], row["node"]):
        return None
    there = {share["term"]: share for share in asked["terms"]}
    lost = {share["term"]: share["part"] - there.get(share["term"], {}).get("part", 0.0) for share in best["terms"]}
    if {term for term, part in lost.items() if part > _NOTHING} - {"thermal", "plan"} or lost["thermal"] <= _NOTHING:
        return None
    return {
        "job": row["job"],
        "node": asked["node"],
        "celsius": there["thermal"]["inputs"].get("celsius"),
        "score": asked["score"],
        "taken": row["node"],
        "takenCelsius": row["telemetry"]["thermal"].get("inputs", {}).get("celsius"),
        "takenScore": best["score"],
        "lost": {term: round(part, 4) for term, part in lost.items() if part > _NOTHING},
    }


def _sensed(share: Mapping[str, Any]) -> Row:
    if share.get("value") is None:
        return {"absent": share.get("absent", "no data")}
    return {"origin": share["origin"], "ageSeconds": share.get("ageSeconds"), "inputs": share.get("inputs", {})}


def gather(pods: Iterable[Mapping[str, Any]], decide: Callable[[str, str], Decision | None]) -> list[Row]:
    """The grounds of all decisions that the extender still keeps. `decide`: decision by namespace and pod."""
    found = ((pod, decide(pod["metadata"]["namespace"], pod["metadata"]["name"])) for pod in pods)
    return [build_row(pod, decision) for pod, decision in found if decision is not None]


def show(rows: list[Row], sources: Mapping[str, str], avoided: Iterable[Row], console: Console) -> None:
    """A line for each job: the range of its decisions. `sources`: where a job's run times and watts came from;
    `avoided`: which nodes heat kept pods from (`passed_over`).
    """
    avoided = list(avoided)
    table = Table()
    for header in ("job", "pods", "GPU temperature", "load average", "run time and power"):
        table.add_column(header, justify="right" if header == "pods" else "left", overflow="fold")
    for job in dict.fromkeys(row["job"] for row in rows):
        own = [row for row in rows if row["job"] == job]
        heat, load = (_range([row["telemetry"][term] for row in own], SENSED[term]) for term in SENSED)
        hot = "".join(f"; not {one['node']}: {one['celsius']:.0f} °C" for one in avoided if one["job"] == job)
        heat = heat.replace("{}", "°C") + hot
        table.add_row(job, str(len(own)), heat, load.replace(" {}", ""), sources.get(job, ""))
    console.print(table)
    for one in avoided:
        note(console, sentence(one))
    note(
        console,
        "figures as they were when the pod was placed; `heterosched why POD` tells them pod by pod, "
        "report.json holds all",
    )


def sentence(one: Row) -> str:
    """What `passed_over` found, for people."""
    lost = ", ".join(f"{term} {part:.2f}" for term, part in one["lost"].items())
    planned = "; the plan had gone around it, too" if "plan" in one["lost"] else ""
    return (
        f"a decision that telemetry turned: {one['job']} went to {one['taken']} ({one['takenCelsius']:.0f} °C), not to "
        f"{one['node']}, which is as fast and as idle but at {one['celsius']:.0f} °C: score {one['takenScore']} "
        f"against {one['score']} (lost by {lost}){planned}"
    )


def _range(sensed: list[Row], figure: str) -> str:
    """`40 {}, dcgm-exporter, 0.8 to 2.1 s old`; the reason where there is no figure."""
    known = [one for one in sensed if "absent" not in one and figure in one["inputs"]]
    if not known:
        return " or ".join(dict.fromkeys(one.get("absent", "no figure") for one in sensed))
    values = _span([one["inputs"][figure] for one in known], 0 if figure == "celsius" else 2)
    ages = [one["ageSeconds"] for one in known if one["ageSeconds"] is not None]
    by = ", ".join(dict.fromkeys(_publisher(one["origin"]) for one in known))
    age = f", {_span(ages, 1)} s old" if ages else ""
    missing = f" ({len(sensed) - len(known)} without)" if len(known) < len(sensed) else ""
    return f"{values} {{}}, {by}{age}{missing}"


def _publisher(origin: str) -> str:
    """`telemetry of node-exporter, with cores of pods just advised` -> `node-exporter`."""
    return origin.removeprefix("telemetry of ").partition(", with")[0]


def _span(values: list[float], digits: int) -> str:
    low, high = f"{min(values):.{digits}f}", f"{max(values):.{digits}f}"
    return low if low == high else f"{low} to {high}"
