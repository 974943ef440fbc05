"""The run on openb places soundly and repeatably, and its checker finds what is broken and sums what is drawn."""

from __future__ import annotations

import csv
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from heterosched.algorithms.packing import Ask, packing, packings, typical
from heterosched.errors import InvalidInput
from heterosched_lab.openb import plots
from heterosched_lab.openb.benchmark import Openb
from heterosched_lab.openb.check import MEASURED, STEP, Course, check, saving
from heterosched_lab.openb.figures import Found, figures
from heterosched_lab.openb.run import Placements, arrivals, place
from heterosched_lab.openb.sweep import policy_of, priced, tasks
from heterosched_lab.openb.traces import NODES, PEERS, TRACES, Machines, Trace, machines, published, trace
from heterosched_lab.progress import Quiet
from heterosched_lab.runs.types import Context
from heterosched_lab.simulate.log import Broken

DATA = Path(os.environ.get("HETEROSCHED_DATA", Path(__file__).parents[4] / "shared" / "data"))
public = pytest.mark.skipif(not (DATA / "openb" / NODES).exists(), reason="the public data is not here")

ASKS = (Ask(4000, 500, 1), Ask(8000), Ask(8000, 1000, 1), Ask(16000, 1000, 2, ("G3",)))
WEIGHTED = typical(ASKS)


def small() -> tuple[Machines, Trace]:
    """Six nodes and a short list of pods."""
    gpus = np.array([2, 2, 4, 4, 2, 1])
    cores, memory = np.array([64000, 32000, 96000, 96000, 64000, 32000]), np.full(6, 10**6)
    fleet = Machines(("T4", "T4", "G2", "G2", "G3", "P100"), cores, memory, gpus)
    return fleet, Trace("small", ASKS, np.array([0, 0, 0, 1, 2, 2, 3]))


def test_arrivals_are_all_pods_once_and_then_draws_until_the_demand_is_there() -> None:
    fleet, pods = small()
    drawn = arrivals(fleet, pods, 42)
    sizes = pods.milli()[drawn.pods]
    assert sorted(drawn.pods[: len(pods.pods)].tolist()) == sorted(pods.pods.tolist())
    assert sizes.sum() >= 1.3 * fleet.milli > sizes[:-1].sum()
    assert sorted(drawn.nodes.tolist()) == list(range(6))
    assert not np.array_equal(arrivals(fleet, pods, 43).pods, drawn.pods)


def test_pods_without_gpus_alone_end_the_draws() -> None:
    fleet, _ = small()
    only = Trace("cpu", (Ask(1000),), np.zeros(3, dtype=np.int64))
    assert len(arrivals(fleet, only, 42).pods) == 3


@pytest.mark.parametrize("name", sorted(packings()))
def test_every_policy_places_soundly_and_the_same_again(name: str) -> None:
    fleet, pods = small()
    drawn = arrivals(fleet, pods, 42)
    placed = place(fleet, pods, packing(name), drawn, 42)
    course = check(fleet, pods, placed, WEIGHTED)
    again = place(fleet, pods, packing(name), drawn, 42)
    assert (placed.nodes.tolist(), placed.gpus) == (again.nodes.tolist(), again.gpus)
    assert 50.0 < course.allocation(130) <= 100.0
    assert course.dropped == int((placed.nodes < 0).sum()) > 0


NEVER = (Ask(10**6), Ask(16000, 1000, 2, ("V100M16",)))
"""Asks that nothing of the fleet has room for: without GPUs, and with two."""


def with_some_that_never_fit(pods: Trace) -> Trace:
    """The asks of `NEVER` are the numbers 4 and 5."""
    return replace(pods, asks=(*pods.asks, *NEVER))


def one_by_one(nodes: list[int], gpus: list[tuple[int, ...]], pods: list[int]) -> Placements:
    return Placements("fake", np.array(pods), np.array(nodes), tuple(gpus))


@pytest.mark.parametrize(
    ("nodes", "gpus", "pods", "problem"),
    [
        ([0, 0], [(0,), (0,)], [2, 2], "a GPU is used twice"),
        ([0], [(0, 0)], [3], "may not use T4"),
        ([4], [(0, 0)], [3], "was given the GPUs"),
        ([5], [(1,)], [2], "was given the GPUs"),
        ([1] * 5, [()] * 5, [1] * 5, "cores or memory are used twice"),
        ([-1], [()], [1], "is dropped, and node 0 has room"),
        ([4, -1], [(0, 1), ()], [3, 2], "is dropped, and node 0 has room"),
    ],
)
def test_a_policy_that_breaks_a_rule_is_named(
    nodes: list[int], gpus: list[tuple[int, ...]], pods: list[int], problem: str
) -> None:
    fleet, trace_ = small()
    with pytest.raises(Broken, match=f"fake.*{problem}"):
        check(fleet, trace_, one_by_one(nodes, gpus, pods), WEIGHTED)


def test_the_checker_sums_what_is_drawn_and_allocated() -> None:
    """Half a T4 and 4 cores: 60 W more by the step model and a socket (105 W); by the measured curve 0.706 x 60 W."""
    fleet, pods = small()
    pods = with_some_that_never_fit(pods)
    before = check(fleet, pods, one_by_one([-1], [()], [4]), WEIGHTED)
    after = check(fleet, pods, one_by_one([0, -1, -1], [(1,), (), ()], [0, 5, 5]), WEIGHTED)
    assert before.watts[STEP][0] == before.watts[MEASURED][0]
    assert after.watts[STEP][0] - before.watts[STEP][0] == pytest.approx(165.0)
    assert after.watts[MEASURED][0] - before.watts[STEP][0] == pytest.approx(105.0 + 60.0 * (301 - 46) / (407 - 46))
    assert after.allocation(130) == pytest.approx(100 * 500 / 15000)
    assert after.granted(130) == pytest.approx(100 * 500 / 4500)
    assert after.first_dropped == pytest.approx(100 * 2500 / 15000)


def test_fragmentation_is_what_the_expected_pod_cannot_use() -> None:
    fleet, pods = small()
    pods = with_some_that_never_fit(pods)
    course = check(fleet, pods, one_by_one([-1], [()], [4]), [(Ask(1, 1000, 4), 0.5), (Ask(1, 1000, 2), 0.5)])
    assert course.fragmented[0] == pytest.approx(1 - (0.5 * 8 + 0.5 * 14) / 15)


def test_saving_is_the_mean_over_demand_of_what_is_not_drawn() -> None:
    fleet, pods = small()
    drawn = arrivals(fleet, pods, 42)
    course = check(fleet, pods, place(fleet, pods, packing("pwr"), drawn, 42), WEIGHTED)
    half = replace(course, watts={model: 0.5 * watts for model, watts in course.watts.items()})
    assert saving(half, course, STEP) == pytest.approx(50.0)
    assert saving(course, course, MEASURED) == 0.0


def test_a_label_may_carry_a_price() -> None:
    assert policy_of("fgd").name == "fgd"
    assert policy_of(priced(300.0)).name == "frugal"
    assert {task.trace for task in tasks((42,), short=False)} == set(TRACES)


def write(folder: Path, name: str, *rows: str) -> None:
    (folder / "openb").mkdir(exist_ok=True)
    (folder / "openb" / name).write_text("\n".join(rows) + "\n", encoding="utf-8")


HEADER = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec"


def test_a_pod_list_keeps_models_and_amounts_and_names_a_broken_row(tmp_path: Path) -> None:
    rows = "p,1000,2,1,500,T4|P100", "q,500,3,0,0,T4"
    write(tmp_path, "openb_pod_list_own.csv", HEADER, *rows)
    found = trace(tmp_path, "own")
    assert [found.asks[ask] for ask in found.pods] == [Ask(1000, 500, 1, ("P100", "T4"), 2), Ask(500, memory=3)]
    write(tmp_path, "openb_pod_list_own.csv", HEADER, *rows, "r,x,1,1,1000,")
    with pytest.raises(InvalidInput, match=r"openb_pod_list_own.csv.*4.*cpu_milli"):
        trace(tmp_path, "own")


def test_a_node_with_an_unknown_model_is_refused(tmp_path: Path) -> None:
    write(tmp_path, NODES, "sn,cpu_milli,memory_mib,gpu,model", "n,1,1,1,X9")
    with pytest.raises(InvalidInput, match="unknown GPU 'X9'"):
        machines(tmp_path)


def context(folder: Path, data: Path, **options: str) -> Context:
    return Context(folder, data, (42,), True, Quiet(), options)


def test_the_benchmark_says_what_is_missing_and_refuses_what_it_does_not_know(tmp_path: Path) -> None:
    assert Openb().run(context(tmp_path, tmp_path)).skipped.keys() == {"openb"}
    with pytest.raises(InvalidInput, match="no such option"):
        Openb().run(context(tmp_path, tmp_path, colour="blue"))


@public
def test_the_public_fleet_and_traces_are_as_published() -> None:
    fleet = machines(DATA)
    assert (len(fleet.gpus), fleet.milli) == (1213, 6_212_000)
    pods = trace(DATA, "default")
    assert (len(pods.pods), len(typical(pods.asks[ask] for ask in pods.pods.tolist()))) == (8152, 35)
    idle = check(fleet, replace(pods, asks=NEVER), one_by_one([-1], [()], [0]), [])
    assert idle.watts[STEP][0] == pytest.approx(230_100, rel=1e-3)
    assert {name: rows.shape for name, rows in published(DATA, "default").items()} == dict.fromkeys(PEERS, (10, 131))


def a_course(watts: float, allocated: float) -> Course:
    demand = np.linspace(0, 1.3, 131) * 6_212_000
    drawn = {STEP: np.full(131, watts), MEASURED: np.full(131, watts)}
    return Course(np.minimum(demand, allocated * 62_120), demand, drawn, np.zeros(131), 3, 90.0, 6_212_000)


@pytest.mark.slow
@public
def test_a_full_run_has_its_goals_peers_and_pictures(tmp_path: Path) -> None:
    known = {"frugal": (85.0, 95.2), "pwr_fgd": (87.0, 93.2), "fgd": (100.0, 95.4)}
    courses = {task: a_course(*known.get(task.policy, (95.0, 91.0))) for task in tasks((42, 43), short=False)}
    found = Found(courses)
    told = {figure.name: figure for figure in figures(found, DATA, short=False)}
    assert told["goal/saving"].value == pytest.approx(15.0)
    assert told["goal/saving"].peer == pytest.approx(13.0)
    assert all(told[name].met for name in ("goal/saving", "goal/allocation", "stretch/saving", "stretch/allocation"))
    assert told["default/fgd/allocation"].peer == pytest.approx(95.39, abs=0.01)
    assert (told["default/fgd/allocation"].met, told["default/random/allocation"].met) == (True, False)
    assert told["gpushare40/frugal-pwr_fgd/allocation"].value == pytest.approx(2.0)
    assert told["gpushare40/frugal-pwr_fgd/saving/measured"].met
    plots.draw(tmp_path, found)
    assert all((tmp_path / name).stat().st_size > 10_000 for name, _ in plots.PLOTS)


@pytest.mark.slow
@public
def test_the_short_form_saves_power_and_writes_its_pictures(tmp_path: Path) -> None:
    found = Openb().run(context(tmp_path, DATA))
    told = {figure.name: figure for figure in found.figures}
    assert told["default/frugal/saving/step"].value > told["default/pwr_fgd/saving/step"].value > 10.0
    assert all(figure.goal is None for figure in found.figures)
    assert all((tmp_path / name).stat().st_size > 10_000 for name, _ in found.plots)
    assert csv.Sniffer().has_header(
        ",".join(found.tables[0].columns) + "\n" + ",".join(map(str, found.tables[0].rows[0]))
    )
