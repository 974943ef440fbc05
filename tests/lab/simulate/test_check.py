"""Whatever a scheduler does, a true log passes the checker, and one that was tampered with is refused by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heterosched_lab.simulate.check import check
from heterosched_lab.simulate.engine import simulate
from heterosched_lab.simulate.log import Broken, Cause, Log
from heterosched_lab.simulate.types import Conditions, NodeLoss, SimJob, SimNode, Start, Stop
from simulated_worlds import FirstCome, Restless, all_conditions, fleets, traces


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(data=st.data(), nodes=fleets(), jobs=traces(), seed=st.integers(0, 99), rounds=st.sampled_from((0.0, 6.0)))
def test_random_schedulers_pass(
    data: st.DataObject, nodes: list[SimNode], jobs: list[SimJob], seed: int, rounds: float
) -> None:
    conditions = data.draw(all_conditions(len(nodes)))
    log = simulate(jobs, nodes, Restless(seed, rounds), conditions, seed)
    metrics = check(log, jobs, nodes, conditions)
    assert metrics.finished + metrics.rejected <= len(jobs)
    if log.ended == "done":
        assert metrics.finished + metrics.rejected == len(jobs)
    assert metrics.idle_joules >= -1e-6
    assert 0 <= metrics.utilisation <= 1 + 1e-9


@settings(max_examples=20, deadline=None)
@given(nodes=fleets(), jobs=traces(), seed=st.integers(0, 9))
def test_the_same_seed_gives_the_same_log(nodes: list[SimNode], jobs: list[SimJob], seed: int) -> None:
    conditions = Conditions(switch_seconds=2, noise=0.3, telemetry_noise=0.2)
    logs = [simulate(jobs, nodes, Restless(seed, 5.0), conditions, seed) for _ in range(2)]
    for name in ("job", "start", "work", "finish", "cap", "after", "devices", "decisions"):
        assert np.array_equal(getattr(logs[0], name), getattr(logs[1], name))


NODES = [SimNode("big", "a100", 2, 20.0, 5.0), SimNode("other", "a100", 1, 20.0), SimNode("small", "t4", 2, 10.0)]
JOBS = [
    SimJob("gang", 0.0, {"a100": 40.0}, {"a100": 300.0}, workers=2),
    SimJob("single", 1.0, {"a100": 30.0, "t4": 90.0}, {"a100": 250.0, "t4": 70.0}, caps={"t4": ((50.0, 99.0, 45.0),)}),
    SimJob("half", 2.0, {"t4": 50.0}, {"t4": 40.0}, share=0.5),
    SimJob("late", 60.0, {"t4": 10.0}, {"t4": 70.0}),
]
CONDITIONS = Conditions(switch_seconds=3.0, checkpoint_seconds=4.0, losses=(NodeLoss(2, 20.0, 25.0),))


class _Script:
    """Stops the gang when the second job comes, and starts all again where there is room."""

    name = "script"
    round_seconds = 0.0

    def __init__(self) -> None:
        self._rest = FirstCome()

    def decide(self, view):  # type: ignore[no-untyped-def]
        if view.now == 1.0:
            return [Stop(0), Start(1, (1,))]
        return self._rest.decide(view)


def _true() -> Log:
    return simulate(JOBS, NODES, _Script(), CONDITIONS)


def _at(column: str, row: int, value: float) -> Callable[[Log], Log]:
    def change(log: Log) -> Log:
        changed = getattr(log, column).copy()
        changed[row] = value
        return replace(log, **{column: changed})

    return change


def _moved(column: str, row: int, by: float) -> Callable[[Log], Log]:
    return lambda log: _at(column, row, getattr(log, column)[row] + by)(log)


def _without_last(log: Log) -> Log:
    names = ("job", "start", "work", "finish", "freed", "cap", "before", "after", "cause")
    cut = {name: getattr(log, name)[:-1] for name in names}
    return replace(log, **cut, offsets=log.offsets[:-1], devices=log.devices[: log.offsets[-2]])


TAMPERED: dict[str, Callable[[Log], Log]] = {
    "a job that there is not": _at("job", 0, 9),
    "a device that there is not": _at("devices", 0, 99),
    "one device for two workers": lambda log: _at("devices", 1, log.devices[0])(log),
    "another job's device": lambda log: _at("devices", 2, log.devices[int(log.offsets[2])])(log),
    "a gang over two types": _at("devices", 1, 3),
    "a finish too early": _moved("finish", 1, -5.0),
    "a finish too late": _moved("finish", 1, 5.0),
    "a start before the arrival": _at("start", 1, 0.5),
    "a start that nobody decided": lambda log: _moved("start", 1, 0.1)(_moved("work", 1, 0.1)(log)),
    "more work than was done": _moved("after", 0, 0.2),
    "work out of nothing": _moved("before", 2, 0.2),
    "no start-up after a stop": lambda log: _at("work", 2, log.start[2])(log),
    "a cap that there is not": _at("cap", 1, 123.0),
    "a loss without a loss": _at("cause", 1, Cause.LOST),
    "an unknown end": _at("cause", 1, Cause.OPEN),
    "held too long": _moved("freed", 1, 400.0),
    "freed before the end": _moved("freed", 1, -1.0),
    "no number": _at("finish", 1, np.nan),
    "a job left out": _without_last,
    "a job left out for want of a node": lambda log: replace(_without_last(log), ended="stranded"),
    "a rejection of a job that fits": lambda log: replace(log, rejected=(3,)),
    "another begin": lambda log: replace(log, begin=-5.0),
    "another end": lambda log: replace(log, end=log.end + 50),
    "devices of no row": lambda log: replace(log, devices=np.append(log.devices, 0)),
    "columns of different length": lambda log: replace(log, cap=log.cap[:-1]),
    "decisions out of order": lambda log: replace(log, decisions=log.decisions[::-1].copy()),
    "another round length": lambda log: replace(log, round_seconds=7.0),
}


def test_the_true_log_passes() -> None:
    log = _true()
    metrics = check(log, JOBS, NODES, CONDITIONS)
    assert metrics.finished == 4
    assert metrics.switches >= 2
    assert metrics.lost_seconds > 0


@pytest.mark.parametrize("what", TAMPERED)
def test_tampering_is_caught(what: str) -> None:
    with pytest.raises(Broken, match=r"scheduler script.*the log is not true"):
        check(TAMPERED[what](_true()), JOBS, NODES, CONDITIONS)


def test_running_on_a_lost_node_is_caught() -> None:
    quiet = Conditions()
    log = simulate(JOBS, NODES, FirstCome(), quiet)
    with pytest.raises(Broken, match="which is down"):
        check(log, JOBS, NODES, replace(quiet, losses=(NodeLoss(0, 10.0, 12.0),)))


@pytest.mark.parametrize(("by", "what"), [(-3.0, "too short"), (3.0, "too long")])
def test_rounds_of_another_length_are_caught(by: float, what: str) -> None:
    jobs = [SimJob("long", 0.0, {"t4": 100.0}), SimJob("longer", 0.0, {"t4": 120.0})]
    log = simulate(jobs, NODES, FirstCome(10.0), Conditions())
    decisions = log.decisions.copy()
    decisions[3] += by
    with pytest.raises(Broken, match=what):
        check(replace(log, decisions=decisions), jobs, NODES, Conditions())
