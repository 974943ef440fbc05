"""Matches: every entrant plays by the rules on every trace, repeatably, and ours do what they are for."""

import numpy as np
import pytest

from heterosched_lab.gavel.entrants import FAIR, LP, OURS, OURS_BLIND, OURS_MAKESPAN, STATIC_ENTRANTS
from heterosched_lab.gavel.play import Match, Result, play
from heterosched_lab.simulate.types import Action, SimJob, View


def some_jobs(seed: int, count: int = 60, gap: float = 200.0) -> tuple[SimJob, ...]:
    rng = np.random.default_rng(seed)
    arrivals = np.cumsum(rng.exponential(gap, count)) if gap else np.zeros(count)
    found = []
    for index in range(count):
        hours = rng.uniform(0.2, 2.0)
        seconds = {"v100": 3600 * hours, "p100": 3600 * hours * rng.uniform(0.7, 3.0), "k80": 36000 * hours}
        found.append(SimJob(f"j{index}", float(arrivals[index]), seconds, workers=int(rng.choice([1, 2, 4]))))
    return tuple(found)


def match(scheduler: str, jobs: tuple[SimJob, ...], switch: float = 20.0) -> Result:
    return play(Match("some", jobs, scheduler, 1, switch))


@pytest.mark.parametrize("name", STATIC_ENTRANTS)
def test_every_entrant_ends_all_jobs_and_plays_alike_again(name: str) -> None:
    jobs = some_jobs(3, count=8)
    first, again = match(name, jobs), match(name, jobs)
    assert np.isfinite(first.jct).all() and (first.rho > 0).all()
    assert first.jct.tolist() == again.jct.tolist() and first.utilisation.tolist() == again.utilisation.tolist()
    assert first.makespan >= max(min(job.seconds.values()) for job in jobs) / 3600


def test_an_interrupted_match_has_no_result(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the figures of half a simulation would stand in a run that calls itself complete."""

    class Interrupted:
        name, round_seconds = "interrupted", 360.0

        def decide(self, view: View) -> list[Action]:
            raise KeyboardInterrupt

    monkeypatch.setattr("heterosched_lab.gavel.play.entrant", lambda *_: Interrupted())
    with pytest.raises(KeyboardInterrupt):
        match(FAIR, some_jobs(3, count=8))


@pytest.mark.slow
def test_ours_ends_jobs_sooner_on_average_and_treats_none_worse_than_max_min_fairness_does() -> None:
    jobs = some_jobs(4)
    own, peer = match(OURS, jobs), match(FAIR, jobs)
    assert own.mean_jct < peer.mean_jct
    assert own.worst_rho <= peer.worst_rho
    assert own.switches < peer.switches


def test_without_known_sizes_ours_still_ends_jobs_sooner() -> None:
    jobs = some_jobs(5)
    assert match(OURS_BLIND, jobs).mean_jct < match(FAIR, jobs).mean_jct


def test_where_switches_cost_the_round_plan_ends_before_the_linear_programme() -> None:
    jobs = some_jobs(7, gap=0.0)
    assert match(OURS_MAKESPAN, jobs).makespan < match(LP, jobs).makespan


def test_utilisation_is_the_work_over_the_capacity() -> None:
    jobs = (SimJob("a", 0.0, {"v100": 7200.0}, workers=4),)
    own = match(OURS, jobs)
    assert own.utilisation[0] == pytest.approx(0.5)
    assert own.utilisation[1:].max() == 0.0
