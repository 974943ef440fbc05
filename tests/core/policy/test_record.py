"""A record holds all that a decision depended on: read back, it gives the very same explanation, byte for byte."""

from __future__ import annotations

import json
from dataclasses import replace

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases import NAMES, a_case, a_scene, a_sensor, an_ask, some_nodes
from heterosched.errors import InvalidInput
from heterosched.model.topology import Need
from heterosched.policy.decide import Case
from heterosched.policy.explain import explain
from heterosched.policy.hooks import HookEffect
from heterosched.policy.nodes import Roster
from heterosched.policy.record import MOST_NODES, case_of, decode_record, encode_record
from heterosched.policy.table import BUILT_IN, TERMS, PolicyRow
from heterosched.policy.zone_arrays import Reserved, ZoneArrays

NAN = float("nan")


def read_back(case: Case) -> Case:
    return case_of(decode_record(encode_record(case, "1.0"), "record"))


def encoded(case: Case, node: str = "") -> bytes:
    return msgspec.json.encode(explain(case, node))


def test_a_case_that_was_written_and_read_is_explained_byte_for_byte_alike() -> None:
    hook = HookEffect(hook="night-saver", before={"speed": 1}, after={"speed": 2})
    for case in (a_case(), a_case(strict=True, hinted=None, scored_at=0.0), a_case(unknown=("new-0",))):
        assert encoded(read_back(case)) == encoded(case)
    hooked = read_back(a_case(asked=replace(a_case().asked, hook=hook)))
    assert hooked.asked.hook == hook


figure = st.one_of(st.just(NAN), st.floats(0.0, 150.0))
column = st.lists(figure, min_size=5, max_size=5)


@given(
    st.sampled_from(sorted(BUILT_IN)),
    column,
    column,
    st.dictionaries(st.sampled_from(["nvidia-t4", "nvidia-v100"]), st.floats(1e-3, 1e6)),
    st.lists(st.integers(-1, 4), max_size=3).map(tuple),
    st.lists(st.sampled_from([0, 1, 2, 3, 4]), unique=True, min_size=1).map(sorted),
)
def test_any_case_survives_to_the_last_bit(
    policy: str,
    heat: list[float],
    load: list[float],
    seconds: dict[str, float],
    planned: tuple[int, ...],
    rows: list[int],
) -> None:
    sensors = {
        name: a_sensor(values)
        for name, values in (("gpu_temperature", heat), ("host_load", [value / 100 for value in load]))
        if not np.isnan(values).all()
    }
    ask = an_ask(BUILT_IN[policy], seconds=seconds, planned=planned, inputs=planned)
    case = a_case(scene=a_scene(sensors=sensors), ask=ask, rows=np.array(rows), rejected={})
    assert encoded(read_back(case), "t4-0") == encoded(case, "t4-0")


def test_a_record_says_what_wrote_it_and_carries_the_decision_and_all_policies() -> None:
    own = PolicyRow("Own", dict.fromkeys(TERMS, 1))
    found = json.loads(encode_record(a_case(scene=a_scene(policies={**BUILT_IN, "Own": own})), "9.9"))
    assert (found["version"], found["format"]) == ("9.9", 2)
    assert found["decision"]["best"]["node"] == "t4-1"
    assert set(found["policies"]) == {"Performance", "Balanced", "Energy", "Own"}


def test_the_size_of_a_record_is_bounded_by_the_nodes() -> None:
    def of(count: int) -> Case:
        rng = np.random.default_rng(1)
        sensor = a_sensor(list(rng.random(count) * 90))
        nodes = some_nodes(
            **{name: rng.random(count) * 1e11 for name in ("memory", "free_memory")},
            **{name: rng.integers(0, 65, count) / 4 for name in ("cores", "free_cores", "gpus", "free_gpus")},
            device=np.zeros(count, dtype=np.int64),
            asleep=np.zeros(count, dtype=np.bool_),
            idle_watts=np.full(count, 150.0),
        )
        metrics = ("host_load", "host_cpu", "gpu_temperature", "gpu_throttling")
        sensors = dict.fromkeys(metrics, sensor)
        names = [f"a-node-with-a-long-name-{row:05d}" for row in range(count)]
        return a_case(
            scene=a_scene(roster=Roster.of(1, names), nodes=nodes, sensors=sensors), rows=np.arange(count), hinted=None
        )

    assert len(encode_record(of(1000), "1.0")) < 300 * 1000 + 16_000
    with pytest.raises(InvalidInput, match="a record holds"):
        encode_record(of(MOST_NODES + 1), "1.0")


def broken(path: str, value: object) -> bytes:
    record = json.loads(encode_record(a_case(), "1.0"))
    *parents, last = path.split(".")
    place = record
    for parent in parents:
        place = place[parent]
    place[last] = value
    return json.dumps(record).encode()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "it is no record"),
        (b"[]", "it is no record"),
        (b"\xff", "it is no record"),
        (b"{}", "format: is 0"),
        (broken("format", 1), "format: is 1, this program reads 2"),
        (broken("pod.gpus", "many"), "pod.gpus"),
        (broken("nodes.cores", [1.0]), "nodes.cores: has 1 entries for 5 nodes"),
        (broken("nodes.names", list(NAMES[:4])), "for 4 nodes"),
        (broken("sensors.host_load.sampled", []), "sensors.host_load.sampled"),
        (broken("candidates", [7]), "candidates"),
        (broken("candidates", [-1]), "candidates"),
        (broken("pod.planned", [9]), "candidates"),
        (broken("nodes.device", [0, 0, 0, 0, 3]), "nodes.device"),
        (broken("policy.weights", {"speed": 0}), "policy.weights"),
        (broken("hinted", [0.0]), "hinted"),
    ],
)
def test_what_is_no_whole_record_is_refused_with_its_field(text: bytes, words: str) -> None:
    with pytest.raises(InvalidInput, match=words) as caught:
        decode_record(text, "x.json")
    assert str(caught.value).startswith("x.json")


def with_zones() -> Case:
    """Five nodes, one without known zones; the first has lost some of its zone to a pod under way."""
    nodes = len(NAMES)
    size = np.full((2, 2, nodes), 8.0)
    size[1, :, 1] = np.inf
    free = size - 2.0
    zones = ZoneArrays(
        resources={"cpu": 0, "nvidia.com/gpu": 1},
        size=size,
        free=free,
        count=np.array([2] * (nodes - 1) + [0]),
        policy=np.array([3] * (nodes - 1) + [-1]),
        near=np.full(nodes, 0.5),
        unshown=np.zeros(nodes, dtype=np.int64),
        old=np.zeros(nodes, dtype=np.bool_),
        every=np.zeros(nodes, dtype=np.bool_),
        updated=np.array([1_000.0] * (nodes - 1) + [NAN]),
    )
    reserved = Reserved(np.array([0]), np.array([[5.0], [0.0]]), np.array([True]))
    ask = replace(an_ask(), numa=True, need=Need({"cpu": 4.0, "nvidia.com/gpu": 1.0}, True))
    return replace(a_case(scene=replace(a_scene(), zones=zones), ask=ask), reserved=reserved)


def test_zones_and_what_is_reserved_in_them_survive() -> None:
    case = with_zones()
    again = read_back(case)
    for node in NAMES:
        assert encoded(again, node) == encoded(case, node)
    assert again.asked.ask.need == case.asked.ask.need
    assert again.scene.zones is not None and np.isinf(again.scene.zones.size[1, 0, 1])
    (numa,) = [share for share in explain(case, NAMES[0]).asked.terms if share.term == "numa"]  # type: ignore[union-attr]
    assert numa.value == 0.0 and numa.inputs["share"] == 0.25


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("zones", "count"), [1], "zones.count: has 1 entries"),
        (("zones", "size"), [[[1.0]]], "zones.size"),
        (("reserved", "taken"), [[1.0]], "reserved: does not fit"),
        (("reserved", "rows"), [99], "candidates"),
    ],
)
def test_zones_that_do_not_add_up_are_refused(path: tuple[str, str], value: object, words: str) -> None:
    found = json.loads(encode_record(with_zones(), "1.0"))
    found[path[0]][path[1]] = value
    with pytest.raises(InvalidInput, match=words):
        decode_record(json.dumps(found).encode(), "record")
