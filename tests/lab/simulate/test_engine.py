"""The simulator does what its types say: run times, gangs, shares, switches, rounds, losses, and rules that hold."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import numpy as np
import pytest

from heterosched_lab.simulate.check import check
from heterosched_lab.simulate.engine import simulate
from heterosched_lab.simulate.log import Broken, Cause
from heterosched_lab.simulate.metrics import Metrics
from heterosched_lab.simulate.types import Action, Conditions, NodeLoss, SimJob, SimNode, Start, Stop, View
from simulated_worlds import FirstCome

QUIET = Conditions()


class Script:
    """Does what a function of the view says."""

    name = "script"

    def __init__(self, decide: Callable[[View], Iterable[Action]], round_seconds: float = 0.0) -> None:
        self.round_seconds, self._decide = round_seconds, decide

    def decide(self, view: View) -> Iterable[Action]:
        return self._decide(view)


def job(name: str, arrival: float = 0.0, workers: int = 1, share: float = 1.0, **seconds: float) -> SimJob:
    return SimJob(name, arrival, seconds or {"t4": 10.0}, workers=workers, share=share)


def node(name: str = "n", gpus: int = 1, device: str = "t4") -> SimNode:
    return SimNode(name, device, gpus)


def at(*steps: tuple[float, list[Action]]) -> Callable[[View], Iterable[Action]]:
    """A script by time."""
    return lambda view: dict(steps).get(view.now, [])


def run(
    jobs: list[SimJob],
    nodes: list[SimNode],
    decide: Callable[[View], Iterable[Action]] | None = None,
    conditions: Conditions = QUIET,
    rounds: float = 0.0,
) -> Metrics:
    """A run that has passed the checker."""
    scheduler = FirstCome(rounds) if decide is None else Script(decide, rounds)
    return check(simulate(jobs, nodes, scheduler, conditions), jobs, nodes, conditions)


def test_run_times_depend_on_the_device() -> None:
    nodes = [node("slow"), node("fast", device="a100")]
    metrics = run([job("a", t4=50, a100=10), job("b", t4=50, a100=10), job("c", 2, t4=50)], nodes)
    assert metrics.jct.tolist() == [10, 50, 98]
    assert metrics.waiting.tolist() == [0, 0, 48]
    assert metrics.makespan == 100


def test_a_gang_waits_until_all_of_it_fits() -> None:
    metrics = run([job("a"), job("gang", 1, workers=3)], [node("x", 2), node("y", 1)])
    assert metrics.finish.tolist() == [10, 20]


def test_shares_of_a_device_run_side_by_side() -> None:
    jobs = [job("a", share=0.5), job("b", share=0.5), job("c", share=0.5)]
    assert run(jobs, [node()]).finish.tolist() == [10, 10, 20]


def test_shares_do_not_add_up_across_devices() -> None:
    jobs = [job(name, share=0.6) for name in "abc"]
    assert run(jobs, [node(gpus=2)]).finish.tolist() == [10, 10, 20]


def test_a_job_that_comes_back_pays_the_switch_and_keeps_its_work() -> None:
    jobs = [job("a"), job("b", 4, t4=3)]
    steps = at((0, [Start(0, (0,))]), (4, [Stop(0), Start(1, (0,))]), (7, [Start(0, (0,))]))
    metrics = run(jobs, [node()], steps, Conditions(switch_seconds=2))
    assert metrics.finish.tolist() == [7 + 2 + 6, 7]
    assert metrics.switches == 1


def test_a_move_pays_the_switch_and_going_on_in_place_does_not() -> None:
    def decide(view: View) -> Iterable[Action]:
        if view.now == 0:
            return [Start(0, (0,)), Start(1, (1,))]
        return [Stop(0), Start(0, (2,)), Stop(1), Start(1, (1,))] if view.now == 4 else []

    jobs = [job("moved"), job("stays"), job("bell", 4)]
    nodes = [node("x"), node("y"), node("z")]
    log = simulate(
        [*jobs[:2], job("bell", 4, cpu=1)],
        [*nodes, node("c", device="cpu")],
        Script(lambda view: [*decide(view), *(Start(2, (3,)) for _ in range(view.now == 4))]),
        Conditions(switch_seconds=3),
    )
    ends = {int(own): float(end) for own, end in zip(log.job, log.finish, strict=True)}
    assert ends == {0: 13, 1: 10, 2: 5}


def test_a_cap_changes_speed_and_power_and_may_change_in_place() -> None:
    own = SimJob("a", 0, {"t4": 10.0}, {"t4": 100.0}, caps={"t4": ((50.0, 20.0, 40.0),)})
    bell = job("bell", 4, cpu=1)
    nodes = [node(), node("c", device="cpu")]
    steps = at((0, [Start(0, (0,))]), (4, [Stop(0), Start(0, (0,), 50.0), Start(1, (1,))]))
    metrics = run([own, bell], nodes, steps, Conditions(switch_seconds=9))
    assert metrics.finish[0] == 4 + 0.6 * 20
    assert metrics.job_joules[0] == pytest.approx(4 * 100 + 12 * 40)
    assert metrics.switches == 0


def test_energy_by_part() -> None:
    nodes = [SimNode("n", "t4", 2, idle_watts=10, host_watts=100)]
    own = SimJob("a", 0, {"t4": 10.0}, {"t4": 70.0})
    later = SimJob("b", 20, {"t4": 10.0}, {"t4": 70.0}, share=0.5)
    metrics = run([own, later], nodes)
    assert metrics.busy_joules == 2 * 10 * 70
    assert metrics.idle_joules == 2 * 30 * 10 - 10 * 10 - 10 * 5
    assert metrics.host_joules == 30 * 100
    assert metrics.utilisation == (10 + 5) / 60


def test_a_node_that_is_down_draws_nothing() -> None:
    nodes = [SimNode("n", "t4", 1, 10, 100), SimNode("m", "cpu", 1)]
    conditions = Conditions(losses=(NodeLoss(0, 2, 6), NodeLoss(0, 4, 8)))
    metrics = run([job("a", cpu=10)], nodes, None, conditions)
    assert metrics.host_joules == 4 * 100
    assert metrics.idle_joules == 4 * 10


@pytest.mark.parametrize(("every", "left"), [(0.0, 3.0), (4.0, 6.0), (math.inf, 10.0)])
def test_a_lost_node_costs_the_work_since_the_last_checkpoint(every: float, left: float) -> None:
    conditions = Conditions(switch_seconds=1, checkpoint_seconds=every, losses=(NodeLoss(0, 7, 20),))
    metrics = run([job("a")], [node()], None, conditions)
    assert metrics.finish[0] == pytest.approx(20 + 1 + left)
    assert metrics.lost_seconds == pytest.approx(left - 3)


def test_a_loss_ends_the_whole_gang() -> None:
    conditions = Conditions(losses=(NodeLoss(0, 5),))
    nodes = [node("x"), node("y"), node("z")]
    metrics = run([job("gang", workers=2)], nodes, None, conditions)
    assert metrics.finish[0] == 10
    assert metrics.switches == 1


def test_a_node_lost_for_good_strands_what_needs_it() -> None:
    conditions = Conditions(losses=(NodeLoss(0, 5),))
    log = simulate([job("a")], [node()], FirstCome(), conditions)
    assert log.ended == "stranded"
    assert check(log, [job("a")], [node()], conditions).finished == 0


def test_rounds_free_devices_at_their_end_and_complete_jobs_at_their_own_time() -> None:
    jobs = [job("short", t4=4), job("long", t4=25), job("next", 1, t4=3)]
    metrics = run(jobs, [node(gpus=2)], None, QUIET, rounds=10)
    assert metrics.finish.tolist() == [4, 25, 13]


def test_a_round_with_nothing_left_to_run_ends_early() -> None:
    metrics = run([job("a", t4=4), job("b", 1, t4=4)], [node()], None, QUIET, rounds=10)
    assert metrics.finish.tolist() == [4, 8]


def test_after_an_idle_spell_the_round_begins_with_the_arrival() -> None:
    log = simulate([job("a", t4=4), job("b", 17, t4=4)], [node()], FirstCome(10.0))
    assert log.decisions.tolist() == [0, 17]


def test_a_job_that_ends_with_the_round_does_not_take_another() -> None:
    jobs = [job("a", t4=0.1 * 3), job("b", t4=50)]
    log = simulate(jobs, [node(gpus=2)], FirstCome(0.1))
    assert log.finish[log.job == 0].tolist() == [0.1 * 3]
    assert (np.diff(log.decisions) > 0.09).all()


def test_until_cuts_and_keeps_what_was_done() -> None:
    log = simulate([job("a"), job("b", 50)], [node()], FirstCome(), Conditions(until=4))
    assert (log.ended, log.end, log.partial) == ("until", 4, False)
    assert log.after.tolist() == [0.4]
    assert log.cause.tolist() == [Cause.CUT]


def test_an_interrupt_leaves_a_partial_log() -> None:
    jobs = [job("a"), job("b", 3)]

    def decide(view: View) -> Iterable[Action]:
        if view.now:
            raise KeyboardInterrupt
        return [Start(0, (0,))]

    log = simulate(jobs, [node()], Script(decide))
    assert log.partial
    assert (log.end, log.after.tolist()) == (3, [0.3])
    assert check(log, jobs, [node()], QUIET).finished == 0
    with pytest.raises(KeyboardInterrupt):
        log.whole()


RULES: dict[str, tuple[Callable[[View], Iterable[Action]], str]] = {
    "raises": (lambda view: 1 / 0, "raised ZeroDivisionError"),  # type: ignore[dict-item,return-value]
    "twice": (lambda view: [Start(0, (0,)), Start(1, (0,))], "b does not fit"),
    "no gang": (lambda view: [Start(2, (1,))], "gives gang 1 nodes for 2 workers"),
    "two types": (lambda view: [Start(2, (0, 1))], "spreads gang over a100, t4"),
    "no such node": (lambda view: [Start(0, (7,))], "node 7"),
    "no such job": (lambda view: [Start(9, (0,))], "starts job 9"),
    "wrong device": (lambda view: [Start(0, (1,))], "a cannot run on a100"),
    "no such cap": (lambda view: [Start(0, (0,), 77.0)], "no power cap of 77 W"),
    "started twice": (lambda view: [Start(0, (0,)), Start(0, (0,))], "starts a, which is running"),
    "not running": (lambda view: [Stop(0)], "stops a, which is not running"),
    "not there yet": (lambda view: [Start(3, (0,))], "starts late, which is coming"),
    "nonsense": (lambda view: ["start"], "neither Start nor Stop"),  # type: ignore[list-item]
    "a node by name": (lambda view: [Start(0, ("x",))], "neither Start nor Stop"),  # type: ignore[arg-type]
    "no nodes": (lambda view: [Start(0, None)], "neither Start nor Stop"),  # type: ignore[arg-type]
    "half a job": (lambda view: [Stop(0.5)], "neither Start nor Stop"),  # type: ignore[arg-type]
    "a cap in words": (lambda view: [Start(0, (0,), "low")], "neither Start nor Stop"),  # type: ignore[arg-type]
    "lost node": (lambda view: [Start(0, (2,))], "which is down"),
    "idle for ever": (lambda view: [], "on an idle cluster"),
    "writes": (lambda view: view.done.__setitem__(0, 1.0) or [], "read-only"),
    "makes a job shorter": (lambda view: view.jobs[0].seconds.update(t4=0.1) or [], "no attribute 'update'"),  # type: ignore[attr-defined]
    "drops the jobs": (lambda view: view.jobs.clear() or [], "no attribute 'clear'"),  # type: ignore[attr-defined]
}


@pytest.mark.parametrize("rounds", [0.0, 5.0])
@pytest.mark.parametrize("rule", RULES)
def test_a_broken_rule_ends_the_run_by_the_schedulers_name(rule: str, rounds: float) -> None:
    jobs = [job("a"), job("b"), job("gang", workers=2, t4=5, a100=5), job("late", 99)]
    nodes = [node("x"), node("y", 2, "a100"), node("z")]
    decide, problem = RULES[rule]
    conditions = Conditions(losses=(NodeLoss(2, 0, 1),))
    with pytest.raises(Broken, match="scheduler script") as broken:
        simulate(jobs, nodes, Script(decide, rounds), conditions)
    assert problem in str(broken.value)


def test_estimates_are_blurred_without_bias_and_exact_without_noise() -> None:
    seen: list[np.ndarray] = []
    jobs = [job(f"j{i}", t4=100, a100=50) for i in range(4000)]
    nodes = [node(), node("m", device="a100"), node("c", device="cpu")]

    def look(view: View) -> Iterable[Action]:
        seen.append(view.estimates)
        raise KeyboardInterrupt

    for noise in (0.0, 0.3):
        simulate(jobs, nodes, Script(look), Conditions(noise=noise))
    assert (seen[0][:, :2] == [100, 50]).all()
    assert np.isnan(seen[1][:, 2]).all()
    ratio = seen[1][:, :2] / [100, 50]
    assert ratio.mean() == pytest.approx(1, abs=0.02)
    assert ratio.std() == pytest.approx(0.3, rel=0.1)


def test_telemetry_is_late_and_missing_where_nothing_reports() -> None:
    nodes = [SimNode("n", "t4", 1, idle_watts=10, host_watts=90), SimNode("m", "t4", 1, 5)]
    jobs = [SimJob(f"j{i}", float(i), {"t4": 2.5}, {"t4": 70.0}) for i in range(8)]
    seen: dict[float, list[float]] = {}

    class Watching(FirstCome):
        def decide(self, view: View) -> Iterable[Action]:
            seen[view.now] = view.telemetry_watts.tolist()
            return super().decide(view)

    simulate(jobs, nodes, Watching(), Conditions(telemetry_delay=2, losses=(NodeLoss(1, 3.0),)))
    assert all(map(math.isnan, seen[1.0]))
    assert seen[2.0] == [160, 5]
    assert seen[3.0] == [160, 70]
    assert seen[4.0][1] == 70
    assert math.isnan(seen[5.0][1])


def test_progress_counts_finished_jobs() -> None:
    told: list[tuple[str, int]] = []

    class Bar:
        def start(self, what: str, total: int) -> None:
            told.append((what, total))

        def step(self, count: int = 1) -> None:
            told.append(("step", count))

    simulate([job("a"), job("b")], [node()], FirstCome(), progress=Bar())
    assert told == [("simulate first_come", 2), ("step", 1), ("step", 1)]


def test_deadlines_that_pass_are_counted() -> None:
    jobs = [SimJob("in", 0, {"t4": 10.0}, deadline=10), SimJob("out", 0, {"t4": 10.0}, deadline=19)]
    assert run(jobs, [node()]).deadline_misses == 1
