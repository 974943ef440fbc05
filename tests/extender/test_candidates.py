"""Names become rows, and the decision on them is pure: few are turned down, all others scored, twice alike."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extender_calls import NOW, a_pod_manifest, a_snapshot, pod_object, telemetry_of
from heterosched.api import PlanNote
from heterosched.constants import ANNOTATION_NUMA
from heterosched.kube.convert import Problems
from heterosched.policy.decide import Asked, Case, reject, score
from heterosched.policy.inputs import provenance
from heterosched.policy.record import case_of, decode_record, encode_record
from heterosched_extender.asked import asked_of
from heterosched_extender.candidates import candidates_of
from heterosched_extender.snapshot import Snapshot

HOT = telemetry_of(gpu_temperature={"t4-0": 95.0, "t4-1": 50.0}, gpu_throttling={"t4-1": 1.0, "v100-0": 0.0})


def asked_by(snapshot: Snapshot, **pod: object) -> Asked:
    found = asked_of(pod_object(a_pod_manifest("p", **pod)), snapshot, Problems())  # type: ignore[arg-type]
    assert found is not None
    return found


def every_row(snapshot: Snapshot) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.arange(len(snapshot.nodes))


def test_names_become_rows_once_each_and_unknown_ones_are_set_apart() -> None:
    snapshot = a_snapshot(t4=3)
    found = candidates_of(["t4-2", "new-1", "t4-0", "t4-2"], snapshot.roster)
    assert found.rows.tolist() == [0, 2]
    assert found.unknown == ("new-1",)


def test_devices_that_the_plan_does_not_allow_are_turned_down_with_the_reason() -> None:
    snapshot = a_snapshot(t4=1, v100=1, k80=1)
    note = PlanNote(device="nvidia-t4", seconds={"nvidia-t4": 1.0, "nvidia-v100": 0.5})
    rejected = reject(snapshot, asked_by(snapshot, plan=note), every_row(snapshot), False, NOW)
    assert rejected == {"k80-0": "offers nvidia-k80, the plan allows nvidia-t4, nvidia-v100"}


def test_a_cpu_task_may_run_beside_any_gpu() -> None:
    snapshot = a_snapshot(t4=1, cpu=1)
    note = PlanNote(device="cpu", seconds={"cpu": 1.0})
    assert reject(snapshot, asked_by(snapshot, plan=note, gpus=0), every_row(snapshot), True, NOW) == {}


def test_hot_gpus_are_turned_down_by_the_strict_entry_alone_and_only_for_gpu_pods() -> None:
    snapshot = a_snapshot(HOT, t4=2, v100=1)
    rows = every_row(snapshot)
    assert reject(snapshot, asked_by(snapshot), rows, False, NOW) == {}
    assert reject(snapshot, asked_by(snapshot, gpus=0), rows, True, NOW) == {}
    assert reject(snapshot, asked_by(snapshot), rows, True, NOW) == {
        "t4-0": "a GPU is at 95 degrees Celsius, the limit is 90",
        "t4-1": "a GPU throttles for heat or a power brake",
    }


def test_faults_turn_nodes_down_where_the_policy_leaves_them_no_headroom() -> None:
    faults = telemetry_of(gpu_xid={"t4-0": 79.0, "t4-1": 0.0}, exporters_down={"t4-0": 0.0, "t4-1": 1.0})
    snapshot = a_snapshot(faults, t4=2, v100=1)
    rows, asked = every_row(snapshot), asked_by(snapshot)
    xid = {"t4-0": "a GPU reported a hardware error (XID 79)"}
    unreachable = {"t4-1": "Prometheus cannot reach an exporter of the node"}

    def refused(xid_headroom: float, unreachable_headroom: float, strict: bool = True) -> dict[str, str]:
        row = replace(asked.ask.row, xid_headroom=xid_headroom, unreachable_headroom=unreachable_headroom)
        return reject(snapshot, replace(asked, ask=replace(asked.ask, row=row)), rows, strict, NOW)

    assert reject(snapshot, asked, rows, True, NOW) == xid
    assert refused(0.0, 0.0) == {**xid, **unreachable}
    assert refused(0.5, 0.0) == unreachable
    assert refused(0.5, 0.5) == {}
    assert refused(0.0, 0.0, strict=False) == {}
    assert reject(snapshot, asked_by(snapshot, gpus=0), rows, True, NOW) == {}


def test_heat_that_is_too_old_turns_nobody_down() -> None:
    snapshot = a_snapshot(HOT, t4=2, v100=1)
    assert reject(snapshot, asked_by(snapshot), every_row(snapshot), True, NOW + 1000) == {}


def test_required_numa_alignment_is_refused_by_the_strict_entry_while_topology_is_unknown() -> None:
    snapshot = a_snapshot(t4=1)
    pod = asked_by(snapshot, annotations={ANNOTATION_NUMA: "Required"})
    assert reject(snapshot, pod, every_row(snapshot), False, NOW) == {}
    assert "topology is not known" in reject(snapshot, pod, every_row(snapshot), True, NOW)["t4-0"]


def test_a_hot_planned_node_loses_to_a_cool_one_of_its_type() -> None:
    cool = telemetry_of(gpu_temperature={"t4-0": 60.0, "t4-1": 50.0})
    note = PlanNote(device="nvidia-t4", nodes=("t4-0",), seconds={"nvidia-t4": 9.0})
    for telemetry, winner in ((cool, 0), (telemetry_of(gpu_temperature={"t4-0": 95.0, "t4-1": 50.0}), 1)):
        snapshot = a_snapshot(telemetry, t4=2)
        assert score(snapshot, asked_by(snapshot, plan=note).ask, every_row(snapshot), None, NOW).best == winner


def test_a_contended_host_is_avoided_and_hints_count_as_contention() -> None:
    snapshot = a_snapshot(telemetry_of(host_load={"t4-0": 0.1, "t4-1": 0.4}), t4=2)
    pod, rows = asked_by(snapshot), every_row(snapshot)
    assert score(snapshot, pod.ask, rows, None, NOW).best == 0
    assert score(snapshot, pod.ask, rows, np.array([16.0, 0.0]), NOW).best == 1


@pytest.mark.parametrize("policy, winner", [("Performance", "v100-0"), ("Energy", "t4-0")])
def test_policies_choose_different_devices(policy: str, winner: str) -> None:
    snapshot = a_snapshot(t4=1, v100=1)
    figures = {"seconds": {"nvidia-t4": 20.0, "nvidia-v100": 10.0}, "watts": {"nvidia-t4": 70.0, "nvidia-v100": 300.0}}
    note = PlanNote(policy=policy, **figures)  # type: ignore[arg-type]
    best = score(snapshot, asked_by(snapshot, plan=note).ask, every_row(snapshot), None, NOW).best
    assert snapshot.roster.names[best] == winner


names = st.sampled_from(["t4-0", "t4-1", "v100-0", "cpu-0", "k80-0", "nowhere-7"])


@given(
    st.lists(names, max_size=9),
    st.sampled_from(["Performance", "Balanced", "Energy", "Unknown"]),
    st.dictionaries(st.sampled_from(["nvidia-t4", "nvidia-v100", "cpu"]), st.floats(0.1, 100.0)),
    st.lists(names, max_size=2),
    st.integers(0, 4),
    st.booleans(),
)
def test_any_pod_gets_a_subset_and_scores_and_asking_twice_gives_the_same(
    asked_names: list[str], policy: str, seconds: dict[str, float], planned: list[str], gpus: int, strict: bool
) -> None:
    snapshot = a_snapshot(HOT, t4=2, v100=1, cpu=1, k80=1)
    note = PlanNote(policy=policy, device="nvidia-t4", nodes=tuple(planned), seconds=seconds)
    pod = asked_by(snapshot, plan=note, gpus=gpus)
    candidates = candidates_of(asked_names, snapshot.roster)
    rejected = reject(snapshot, pod, candidates.rows, strict, NOW)
    assert set(rejected) <= set(asked_names)
    first = score(snapshot, pod.ask, candidates.rows, None, NOW)
    second = score(snapshot, pod.ask, candidates.rows, None, NOW)
    np.testing.assert_array_equal(first.integers, second.integers)
    assert len(first.integers) == len(candidates.rows)
    assert ((first.integers >= 0) & (first.integers <= 10)).all()
    if len(candidates.rows):
        assert first.integers.max() == 10


def test_an_explanation_names_the_exporters_and_a_record_keeps_them() -> None:
    known = replace(HOT, origins=("dcgm-exporter",), origin={metric: np.zeros(3, np.int16) for metric in HOT.values})
    snapshot = a_snapshot(known, t4=2, v100=1)
    case = Case(snapshot, asked_by(snapshot), every_row(snapshot), scored_at=NOW)
    again = case_of(decode_record(encode_record(case, "1"), "r"))
    for one in (case, again):
        assert provenance(one)["thermal"].origin == "telemetry of dcgm-exporter"
        assert provenance(one)["load"].origin == "telemetry"
