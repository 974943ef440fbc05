"""A HeteroJob becomes the graph that it describes, or an error that names job, field and remedy."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusters import a_cluster
from heterosched.api import HeteroJob, ThroughputProfile
from heterosched.api.heterojob import Training
from heterosched.errors import InvalidGraph, InvalidInput
from heterosched.model import Cluster, Demand, Edge, Link, Option, TaskGraph
from heterosched.planning.estimates import CORE_WATTS
from heterosched.planning.graph import build_graph
from heterosched.planning.options import MOST_SIZES, training_seconds
from manifests import JobBuilder, a_fan, a_job, a_profile, a_template

MIXED = a_cluster(cpu=1, t4=2, v100=1)


def graph_of(job: JobBuilder | dict[str, Any], cluster: Cluster = MIXED, *profiles: dict[str, Any]) -> TaskGraph:
    manifest = job if isinstance(job, dict) else job.manifest()
    manifest["metadata"].setdefault("namespace", "ns")
    known = [msgspec.convert(profile, ThroughputProfile) for profile in profiles]
    by_name = {(profile.metadata.namespace, profile.metadata.name): profile for profile in known}
    return build_graph(msgspec.convert(manifest, HeteroJob), cluster, by_name)


def options_of(job: JobBuilder, cluster: Cluster = MIXED, *profiles: dict[str, Any]) -> tuple[Option, ...]:
    graph = graph_of(job, cluster, *profiles)
    return graph.tasks[next(iter(graph.tasks))].options


# --- edges -----------------------------------------------------------------------------------------------------------


def test_dependencies_move_nothing_and_inputs_move_their_output() -> None:
    job = (
        a_job()
        .task("a")
        .output("big", "8Gi", volumeClaim="pvc")
        .output("small", "1Ki", uri="s3://b/k")
        .output("none", "5Gi")
        .task("b")
        .after("a")
        .task("c")
        .input("big", **{"from": "a"})
        .input("small", **{"from": "a"})
        .task("d")
        .after("a")
        .input("none", **{"from": "a"})
        .task("e")
        .input("big", size="1Gi", **{"from": "a"})
    )
    assert set(graph_of(job).edges) == {
        Edge("a", "b", 0.0),
        Edge("a", "c", 8 * 2**30 + 1024),
        Edge("a", "d", 0.0),
        Edge("a", "e", 2**30),
    }


def test_external_data_is_noted_where_a_mechanism_brings_it() -> None:
    job = a_job().task("a").input("x", size="2Gi", volumeClaim="c", **{"from": ""}).input("y", size="1Gi")
    graph = graph_of(job)
    assert (graph.edges, graph.tasks["a"].external_bytes) == ((), 2 * 2**30)


def test_a_graph_of_150_tasks_is_built_whole() -> None:
    graph = graph_of(a_fan(tasks=150, width=100))
    assert len(graph.tasks) == 150
    assert len(graph.parents["join"]) == 100


def change_tasks(change: Callable[[list[dict[str, Any]]], None]) -> dict[str, Any]:
    manifest = a_job("bad", "ns").task("a").output("o", "1Gi", uri="u").task("b").after("a").manifest()
    change(manifest["spec"]["tasks"])
    return manifest


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda tasks: tasks[0].update(dependsOn=["b"]),
            r"spec.tasks: the dependencies form a cycle: . -> . -> .; remove",
        ),
        (
            lambda tasks: tasks[1].update(dependsOn=["x"]),
            r"spec.tasks\[b\].dependsOn: unknown task 'x'; name one of .*a, b",
        ),
        (
            lambda tasks: tasks[1].update(dependsOn=["b"]),
            r"spec.tasks\[b\].dependsOn: task 'b' depends on itself; remove",
        ),
        (lambda tasks: tasks[1].update(name="a"), r"spec.tasks\[a\]: the name is used twice; rename"),
        (lambda tasks: tasks.clear(), r"spec.tasks: there is no task; add"),
        (
            lambda tasks: tasks[1].update(inputs=[{"name": "o", "from": "x"}]),
            r"spec.tasks\[b\].inputs\[o\].from: unknown task 'x'; name",
        ),
        (
            lambda tasks: tasks[0].update(inputs=[{"name": "o", "from": "a"}]),
            r"spec.tasks\[a\].dependsOn: task 'a' depends on itself",
        ),
    ],
)
def test_a_bad_graph_is_refused_with_the_culprit(change: Callable[[list[dict[str, Any]]], None], message: str) -> None:
    with pytest.raises(InvalidGraph, match=f"HeteroJob ns/bad: {message}"):
        graph_of(change_tasks(change))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"templateRef": "gone"}, r"spec.tasks\[b\].templateRef: there is no template 'gone'; add it .*: main"),
        (
            {"inputs": [{"name": "p", "from": "a"}]},
            r"spec.tasks\[b\].inputs\[p\]: task 'a' has no output 'p'; add it .*now: o",
        ),
        (
            {"inputs": [{"name": "o", "from": "a", "size": "big"}]},
            r"spec.tasks\[b\].inputs\[o\].size: 'big' is no quantity",
        ),
        ({"inputs": [{"name": "e", "size": "-1", "uri": "u"}]}, r"spec.tasks\[b\].inputs\[e\].size: '-1' is below 0"),
        ({"workers": {"min": 3, "max": 2}}, r"spec.tasks\[b\].workers: min 3 and max 2 .*; give 1 <= min <= max"),
        ({"workers": {"min": 0}}, r"spec.tasks\[b\].workers: "),
        (
            {"work": {"runtimeOn": [{"device": "cpu", "seconds": math.nan}]}},
            r"spec.tasks\[b\].work.runtimeOn\[cpu\].seconds: nan",
        ),
        (
            {"work": {"runtimeOn": [{"device": "cpu", "seconds": "1", "watts": "-1"}]}},
            r"runtimeOn\[cpu\].watts: '-1' is below 0",
        ),
        (
            {"work": {"training": {"globalBatch": 0, "iterations": 1}}},
            r"work.training: globalBatch or iterations is below 1",
        ),
        (
            {"workers": {"min": 9}, "work": {"training": {"globalBatch": 8, "iterations": 1}}},
            r"work.training.globalBatch: 9 workers cannot share a batch of 8",
        ),
        (
            {
                "work": {
                    "training": {
                        "globalBatch": 8,
                        "iterations": 1,
                        "gradientBytes": "x",
                        "throughputOn": [{"device": "cpu", "samplesPerSecond": 1}],
                    }
                }
            },
            r"spec.tasks\[b\].work.training.gradientBytes: 'x' is no quantity",
        ),
        (
            {"variants": [{"devices": ["cpu"], "resources": {"requests": {"cpu": "many"}}}]},
            r"spec.tasks\[b\].variants\[cpu\].*resources.cpu: 'many' is no quantity",
        ),
    ],
)
def test_a_bad_task_is_refused_with_its_field(change: dict[str, Any], message: str) -> None:
    manifest = change_tasks(lambda tasks: tasks[1].update(change))
    with pytest.raises(InvalidInput, match=f"HeteroJob ns/bad: .*{message}"):
        graph_of(manifest)


KEYS = st.sampled_from(["containers", "nodeSelector", "affinity", "tolerations", "resources", "key"])
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
)


@given(JUNK)
def test_any_pod_template_is_used_or_refused(spec: Any) -> None:
    manifest = a_job().template({"name": "main", "template": {"spec": spec}}).task("t").manifest()
    try:
        assert graph_of(manifest).tasks["t"].options
    except InvalidInput as error:
        assert error.object == "HeteroJob ns/job"


# --- options ---------------------------------------------------------------------------------------------------------


def test_variants_give_each_device_its_own_demand() -> None:
    job = (
        a_job()
        .task("t")
        .cpus(8)
        .gpus(1, "nvidia-t4", "nvidia-v100")
        .runtime({"cpu": 600, "nvidia-t4": 12.5, "nvidia-v100": 6})
    )
    assert options_of(job) == (
        Option("cpu", 600.0, Demand(8), 8 * CORE_WATTS, 1, "cpu", "estimated"),
        Option("nvidia-t4", 12.5, Demand(0, 0, 1), 70.0, 1, "nvidia-t4,nvidia-v100", "estimated"),
        Option("nvidia-v100", 6.0, Demand(0, 0, 1), 300.0, 1, "nvidia-t4,nvidia-v100", "estimated"),
    )


def test_a_variant_is_known_by_its_name() -> None:
    job = a_job().task("t").variant("cpu", name="host").runtime({"cpu": 1})
    assert options_of(job)[0].variant == "host"


def test_allow_restricts_the_variants() -> None:
    job = (
        a_job()
        .task("t")
        .gpus(1, "nvidia-t4", "nvidia-v100")
        .allow("nvidia-v100")
        .runtime({"nvidia-t4": 1, "nvidia-v100": 1})
    )
    assert [option.device for option in options_of(job)] == ["nvidia-v100"]


def test_without_variants_the_template_runs_where_figures_are_known() -> None:
    job = a_job().task("t").runtime({"nvidia-t4": 5, "cpu": 50})
    assert [(option.device, option.demand.cpu, option.variant) for option in options_of(job)] == [
        ("nvidia-t4", 1, ""),
        ("cpu", 1, ""),
    ]


def test_an_allowed_device_without_figure_is_estimated_and_marked() -> None:
    job = a_job().task("t").gpus(1, "nvidia-t4", "nvidia-v100", "cpu").runtime({"nvidia-v100": "5.2"})
    found = options_of(job)
    assert [(option.device, option.origin) for option in found] == [
        ("nvidia-t4", "estimated"),
        ("nvidia-v100", "estimated"),
    ]
    assert found[0].seconds == pytest.approx(10.0)


def test_a_device_that_nobody_names_is_never_estimated() -> None:
    assert [option.device for option in options_of(a_job().task("t").runtime({"nvidia-v100": 5}))] == ["nvidia-v100"]


def test_the_origin_is_that_of_the_weakest_figure() -> None:
    rows = [
        {"device": "nvidia-t4", "seconds": "5", "watts": "50", "origin": "measured"},
        {"device": "nvidia-v100", "seconds": "3", "origin": "measured"},
    ]
    found = options_of(a_job().task("t", work={"profile": "p"}), MIXED, a_profile("p", "ns", devices=rows))
    assert [(option.device, option.origin) for option in found] == [
        ("nvidia-t4", "measured"),
        ("nvidia-v100", "estimated"),
    ]


def test_profiles_are_those_of_the_namespace_and_may_be_absent() -> None:
    graph = graph_of(a_job().task("t", work={"profile": "p"}), MIXED, a_profile("p", "other"))
    assert not graph.tasks["t"].known


@pytest.mark.parametrize(
    ("job", "devices"),
    [
        (a_job().task("t"), ["cpu"]),
        (a_job().task("t").allow("nvidia-v100"), ["nvidia-v100"]),
        (a_job().task("t").gpus(1, "nvidia-k80"), ["nvidia-k80"]),
        (
            a_job()
            .template(a_template("gpu", containers=[{"name": "c", "resources": {"limits": {"nvidia.com/gpu": 1}}}]))
            .task("t")
            .of("gpu"),
            ["nvidia-t4", "nvidia-v100"],
        ),
    ],
)
def test_where_nothing_is_known_the_devices_are_those_that_fit_and_cost_nothing(
    job: JobBuilder, devices: list[str]
) -> None:
    task = graph_of(job).tasks["t"]
    assert not task.known
    assert [option.device for option in task.options] == devices
    assert {option.watts for option in task.options} == {0.0}
    assert len({option.seconds for option in task.options}) == 1


def test_nodes_are_those_that_the_template_selects() -> None:
    job = a_job().template(a_template("main", nodeSelector={"zone": "a"})).task("t")
    assert graph_of(job).tasks["t"].nodes == frozenset()
    assert graph_of(a_job().task("t")).tasks["t"].nodes is None


# --- training --------------------------------------------------------------------------------------------------------


def test_training_has_an_option_per_device_and_number_of_workers() -> None:
    job = a_job().task("t").gpus(1, "nvidia-t4", "nvidia-v100").workers(1, 4).training(
        {"nvidia-t4": 100, "nvidia-v100": 200}, globalBatch=1000, iterations=50, gradientBytes="0"
    )  # fmt: skip
    found = {(option.device, option.workers): option.seconds for option in options_of(job)}
    assert found == {
        ("nvidia-t4", 1): 500.0,
        ("nvidia-t4", 2): 250.0,
        ("nvidia-t4", 3): pytest.approx(500 / 3),
        ("nvidia-t4", 4): 125.0,
        ("nvidia-v100", 1): 250.0,
        ("nvidia-v100", 2): 125.0,
    }


def test_training_pays_for_its_ring_all_reduce() -> None:
    cluster = a_cluster(t4=2, link=Link(0.0, 1e8))
    job = (
        a_job()
        .task("t")
        .gpus(1, "nvidia-t4")
        .workers(4, 4)
        .training({"nvidia-t4": 100}, globalBatch=1000, iterations=10, gradientBytes="100M")
    )
    (option,) = options_of(job, cluster)
    assert option.seconds == pytest.approx(10 * (1000 / 400 + 2 * 3 / 4 * 1e8 / 1e8))


@given(st.integers(1, 64), st.floats(0.1, 1e5), st.floats(0, 10))
def test_one_worker_communicates_nothing_and_more_never_double_the_gradients(
    workers: int, rate: float, transfer: float
) -> None:
    training = Training(global_batch=512, iterations=3)
    compute = 3 * 512 / (workers * rate)
    seconds = training_seconds(training, workers, rate, transfer)
    assert compute * 0.999999 <= seconds <= (compute + 3 * 2 * transfer) * 1.000001
    if workers == 1:
        assert seconds == pytest.approx(compute)


def test_a_wide_range_of_workers_is_covered_in_steps_that_the_cluster_holds() -> None:
    cluster = a_cluster(t4=10, gpus=8)
    job = a_job().task("t").gpus(1, "nvidia-t4").workers(2, 1000).training({"nvidia-t4": 100})
    sizes = [option.workers for option in options_of(job, cluster)]
    assert (sizes[0], sizes[-1]) == (2, 80)
    assert len(sizes) <= MOST_SIZES
    assert sizes == sorted(set(sizes))


def test_no_worker_is_without_a_sample() -> None:
    job = a_job().task("t").gpus(1, "nvidia-t4").workers(1, 4).training({"nvidia-t4": 100}, globalBatch=2)
    assert [option.workers for option in options_of(job)] == [1, 2]


def test_without_known_scaling_the_fewest_workers_are_taken() -> None:
    job = a_job().task("t").gpus(1, "nvidia-t4").workers(2, 4).runtime({"nvidia-t4": 60})
    assert [option.workers for option in options_of(job)] == [2]
