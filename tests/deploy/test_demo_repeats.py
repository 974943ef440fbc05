"""The demo's repeats run in turn, each once the profile has learned of the one before, and show how far off it was."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console

import jobs
import repeats
from demo import EXAMPLES, ZEUS

Json = dict[str, Any]


def a_profile(*seconds: float, watts: str = "75", remembered: int | None = None) -> Json:
    """The profile after runs that took so long."""
    if not seconds:
        return {"spec": {}}
    row = {
        "device": jobs.REPEATED_ON,
        "seconds": f"{sum(seconds) / len(seconds):g}",
        "watts": watts,
        "origin": "simulated",
        "samples": len(seconds),
        "confidencePercent": 100 * len(seconds) // (len(seconds) + 1),
        "recent": [{}] * (remembered or len(seconds)),
    }
    return {"status": {"devices": [row]}}


def a_run(name: str, planned: float, actual: float, completed: bool = True) -> Json:
    task = {
        "planned": {"device": jobs.REPEATED_ON, "seconds": f"{planned:g}", "energyJoules": f"{planned * 250:g}"},
        "actual": {"seconds": f"{actual:g}"},
        "energyJoules": f"{actual * 75:g}",
        "energySource": "simulated",
    }
    conditions = [{"type": "Completed" if completed else "Failed", "status": "True"}]
    return {
        "metadata": {"name": name},
        "status": {"conditions": conditions, "outcome": {"seconds": "1"}, "tasks": [task]},
    }


class Cluster:
    """What the repeats see: jobs that end when they are told to, and a profile."""

    def __init__(self) -> None:
        self.applied: list[str] = []
        self.profile = a_profile()
        self.repeats = repeats.Repeats(jobs.build_repeats(), self._apply, lambda: self.profile)

    def _apply(self, manifest: Json) -> None:
        self.applied.append(manifest["metadata"]["name"])

    def to_the_end(self) -> None:
        taken: list[float] = []
        done: list[Json] = []
        for planned, actual in ((12.0, 20.0), (20.0, 21.0), (20.5, 20.0)):
            assert self.repeats.look(done)
            done.append(a_run(self.applied[-1], planned, actual))
            taken.append(actual)
            self.profile = a_profile(*taken)
        assert not self.repeats.look(done)


def test_the_next_is_applied_when_the_profile_has_learned_of_the_last() -> None:
    cluster = Cluster()
    assert cluster.repeats.look([])
    assert cluster.applied == ["repeat-1"]
    open_job = {"metadata": {"name": "repeat-1"}, "status": {}}
    assert cluster.repeats.look([open_job])
    ended = a_run("repeat-1", 12, 20)
    assert cluster.repeats.look([ended])
    assert cluster.applied == ["repeat-1"]
    cluster.profile = a_profile(20)
    assert cluster.repeats.look([ended])
    assert cluster.applied == ["repeat-1", "repeat-2"]


def test_rows_say_what_was_predicted_from_what_and_how_far_off_it_was() -> None:
    cluster = Cluster()
    cluster.to_the_end()
    rows = cluster.repeats.rows
    assert [row["errorPercent"]["seconds"] for row in rows] == [-40.0, -4.8, 2.5]
    assert [row["confidencePercent"] for row in rows] == [None, 50, 66]
    assert [row["predicted"]["runs"] for row in rows] == [0, 1, 2]
    assert cluster.repeats.sources()["repeat-3"] == "profile: 2 simulated runs, 66 % sure"


def test_a_run_that_the_profile_takes_for_odd_counts_as_learned() -> None:
    cluster = Cluster()
    cluster.repeats.look([])
    cluster.profile = a_profile(20)
    cluster.repeats.look([a_run("repeat-1", 12, 20)])
    cluster.profile = a_profile(20, remembered=2)
    assert cluster.repeats.look([a_run("repeat-2", 20, 90)])
    assert cluster.applied[-1] == "repeat-3"


def test_a_repeat_that_fails_ends_the_series() -> None:
    cluster = Cluster()
    cluster.repeats.look([])
    assert not cluster.repeats.look([a_run("repeat-1", 12, 20, completed=False)])
    assert (cluster.applied, len(cluster.repeats.rows)) == (["repeat-1"], 1)


def test_the_table_has_a_row_for_each_and_what_the_next_would_be_planned_with() -> None:
    cluster = Cluster()
    cluster.to_the_end()
    out = io.StringIO()
    repeats.show(cluster.repeats, Console(file=out, width=160))
    text = out.getvalue()
    for part in ("12.0 / 20.0", "-40 %", "3.00 / 1.50", "+100 %", "profile: a guess", "the next", "75 % sure"):
        assert part in text


def test_the_profile_guesses_too_little_and_within_what_one_run_may_correct() -> None:
    table = jobs.read_table(EXAMPLES / ZEUS)
    (row,) = jobs.build_profile(table)["spec"]["devices"]
    seconds, watts = jobs.published(table)
    assert (row["device"], row["origin"], "watts" in row) == ("nvidia-p100", "estimated", False)
    assert 1.2 < seconds / float(row["seconds"]) < 3.0
    assert watts == 75.035
