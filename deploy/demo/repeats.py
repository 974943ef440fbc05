"""The same work again and again by a profile that guesses: what is predicted comes near to what is measured.

Each repeat is applied once the one before it has ended and its profile has learned of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.table import Table

from fleet import short_name
from jobs import GUESSED_FROM, NAMESPACE, PROFILE, REPEATED_ON
from report import note
from watch import Job, condition, ended

Row = dict[str, Any]


class Repeats:
    """Give `look` to `watch.follow`; `rows` has a row for each repeat that has ended, `known` what the next one would
    be planned with.

    `apply` applies a manifest, `profile` reads the profile as it is now.
    """

    def __init__(self, manifests: list[Job], apply: Callable[[Job], None], profile: Callable[[], Job]) -> None:
        self._waiting, self._apply, self._profile = list(manifests), apply, profile
        self._running = ""
        self.known: Row = {}
        self.rows: list[Row] = []

    def look(self, jobs: list[Job]) -> bool:
        """Take in what has ended and apply what is next; False once nothing more is to come."""
        if self._running:
            (job,) = [one for one in jobs if one["metadata"]["name"] == self._running]
            if not ended(job):
                return True
            done = condition(job, "Completed") is not None
            fresh = knowledge(self._profile())
            if done and fresh["remembered"] <= self.known["remembered"]:
                return True
            self.rows.append(build_row(job, self.known))
            self.known, self._running = fresh, ""
            if not done:
                self._waiting.clear()
        if not self._waiting:
            return False
        self.known = self.known or knowledge(self._profile())
        manifest = self._waiting.pop(0)
        self._apply(manifest)
        self._running = manifest["metadata"]["name"]
        return True

    def sources(self) -> dict[str, str]:
        """Where the run time and the power of each repeat came from, for people."""
        return {row["job"]: source_of(row["predicted"], row["confidencePercent"]) for row in self.rows}


def knowledge(profile: Job) -> Row:
    """What a profile's status says of the repeats' device: the runs that agree and those that it remembers, odd ones
    included; confidence in percent, seconds, watts, origin.
    """
    rows = profile.get("status", {}).get("devices", [])
    row: Row = next((own for own in rows if own["device"] == REPEATED_ON), {})
    return {
        "runs": row.get("samples", 0),
        "remembered": len(row.get("recent", ())),
        "confidencePercent": row.get("confidencePercent"),
        "origin": row.get("origin", "estimated"),
        "seconds": row.get("seconds"),
        "watts": row.get("watts"),
    }


def build_row(job: Job, known: Row) -> Row:
    """Predicted and measured figures of a repeat, the error of the prediction in percent of what was measured."""
    (task,) = job["status"]["tasks"]
    planned, actual = task.get("planned", {}), task.get("actual", {})
    measured = {
        "seconds": actual.get("seconds"),
        "energyJoules": task.get("energyJoules"),
        "source": task.get("energySource"),
    }
    predicted = {name: planned.get(name) for name in ("seconds", "energyJoules")}
    return {
        "job": job["metadata"]["name"],
        "device": planned.get("device", ""),
        "predicted": {**predicted, "source": known["origin"], "runs": known["runs"]},
        "confidencePercent": known["confidencePercent"],
        "measured": measured,
        "errorPercent": {name: _error(predicted[name], measured[name]) for name in predicted},
    }


def _error(predicted: str | None, measured: str | None) -> float | None:
    if not predicted or not measured or not float(measured):
        return None
    return round(100.0 * (float(predicted) / float(measured) - 1.0), 1)


def source_of(predicted: Row, sure: int | None) -> str:
    """`profile: 2 simulated runs, 66 % sure`."""
    runs = predicted["runs"]
    if not runs:
        return "profile: a guess; power: device table"
    return f"profile: {runs} {predicted['source']} run{'s' if runs > 1 else ''}, {sure} % sure"


def show(repeats: Repeats, console: Console) -> None:
    """A row for each repeat, and what is known after the last."""
    table = Table()
    for header in ("repeat", "predicted from"):
        table.add_column(header, overflow="fold")
    for header in ("run time, s\npredicted / measured", "error", "energy, kJ\npredicted / measured", "error"):
        table.add_column(header, justify="right", overflow="fold")
    for row in [*repeats.rows, *_coming(repeats.known)]:
        table.add_row(*cells(row))
    console.print(table)
    note(
        console,
        f"one task on a {short_name(REPEATED_ON)}, by ThroughputProfile {PROFILE}: it guesses the run time from a "
        f"{short_name(GUESSED_FROM)}'s and leaves the power to the device table; finished runs correct it. "
        "Runs differ by about 2 % and are stamped in whole seconds: so much error stays",
    )


def _coming(known: Row) -> list[Row]:
    """What one more repeat would be planned with."""
    if not known.get("seconds") or not known.get("watts"):
        return []
    joules = float(known["seconds"]) * float(known["watts"])
    predicted = {"seconds": known["seconds"], "energyJoules": f"{joules:.3f}"}
    empty = dict.fromkeys(predicted)
    told = {**predicted, "source": known["origin"], "runs": known["runs"]}
    sure = known["confidencePercent"]
    return [{"job": "the next", "predicted": told, "confidencePercent": sure, "measured": empty, "errorPercent": empty}]


def cells(row: Row) -> tuple[str, ...]:
    """A row of the table as text."""
    predicted, measured, error = row["predicted"], row["measured"], row["errorPercent"]
    return (
        row["job"],
        source_of(predicted, row["confidencePercent"]),
        f"{_number(predicted['seconds'])} / {_number(measured['seconds'])}",
        _percent(error["seconds"]),
        f"{_number(predicted['energyJoules'], 1e3, 2)} / {_number(measured['energyJoules'], 1e3, 2)}",
        _percent(error["energyJoules"]),
    )


def _number(text: str | None, unit: float = 1.0, digits: int = 1) -> str:
    return "-" if not text else f"{float(text) / unit:.{digits}f}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:+.0f} %"


def read_profile(kubectl: Callable[..., str]) -> Job:
    """The profile as the API server has it."""
    own = ("get", "throughputprofile", PROFILE, f"--namespace={NAMESPACE}", "--output=json")
    found: Job = json.loads(kubectl(*own))
    return found
