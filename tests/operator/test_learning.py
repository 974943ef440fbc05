"""Finished tasks correct the profile that they name, each once; what the user wrote is only ever contradicted."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from heterosched.api import ThroughputProfile
from heterosched.api.policy import LearnedRun
from heterosched.api.status import Actual, Worker
from heterosched.kube.errors import Conflict, NotFound, Rejected
from heterosched.model import Cluster
from heterosched.planning.graph import build_graph
from heterosched.units import format_time, parse_time
from heterosched_operator.actions import TeachProfile
from heterosched_operator.advice import planned
from heterosched_operator.learning import CONTRADICTED, lesson, taught
from heterosched_operator.store import Store
from heterosched_operator.teaching import Teacher
from heterosched_operator.world import Rules, TelemetryState
from manifests import JobBuilder, a_job, a_profile
from simulated import START, SimulatedCluster

Profiles = dict[tuple[str, str], ThroughputProfile]
METERED = TelemetryState(True, True)


def profiles(*rows: dict[str, Any], created: float = START - 60.0) -> Profiles:
    manifest = a_profile("p", "ns", devices=list(rows))
    manifest["metadata"].update(uid="uid-p", creationTimestamp=format_time(created), generation=1, resourceVersion="1")
    return {("ns", "p"): msgspec.convert(manifest, ThroughputProfile)}


def a_row(seconds: float, device: str = "nvidia-v100", **fields: Any) -> dict[str, Any]:
    return {"device": device, "seconds": f"{seconds:g}", "watts": "300", **fields}


def one_task(name: str) -> JobBuilder:
    return a_job(name).task("t", work={"profile": "p"}).gpus(2)


def completed(job: JobBuilder, known: Profiles, seconds: float, start: float, **fields: Any) -> SimulatedCluster:
    """A job of which every pod runs for `seconds`; its lessons are in `known`."""
    manifest = job.manifest()
    manifest["metadata"]["uid"] = f"uid-{manifest['metadata']['name']}"
    cluster = SimulatedCluster(manifest, profiles=known, now=start, **fields)
    for _ in range(20):
        cluster.operate()
        cluster.control()
        cluster.run(seconds)
        if cluster.status.is_true("Completed"):
            return cluster
    raise AssertionError(cluster.status)


def predicted(known: Profiles) -> tuple[float, str, str]:
    """What is planned for the next job: seconds, their confidence, and the origin."""
    job = SimulatedCluster(one_task("next").manifest(), profiles=known)
    option = build_graph(job.job, Cluster(job.nodes), known).tasks["t"].options[0]
    return option.seconds, option.confidence, option.origin


def test_predictions_improve_over_three_runs_and_say_how_sure_they_are() -> None:
    known = profiles(a_row(30))
    assert predicted(known) == (30.0, "medium", "estimated")
    errors, told = [], []
    for number, seconds in enumerate((14.0, 12.0, 13.0)):
        before = predicted(known)[0]
        completed(one_task(f"j{number}"), known, seconds, START + 100.0 * number, telemetry=METERED)
        errors.append(abs(before - seconds) / seconds)
        told.append(predicted(known))
    assert errors[0] > 1.0 and max(errors[1:]) < 0.2
    assert told == [(14.0, "medium", "measured"), (13.0, "medium", "measured"), (13.0, "high", "measured")]
    row = known["ns", "p"].status.devices[0]
    assert (row.device, row.seconds, row.samples, row.origin) == ("nvidia-v100", "13", 3, "measured")
    assert row.confidence_percent == 70


def test_watts_are_the_measured_joules_of_one_gpu_second() -> None:
    known = profiles(a_row(30))
    completed(one_task("j"), known, 10.0, START, telemetry=METERED)
    assert known["ns", "p"].status.devices[0].watts == "50"  # 1,000 J, 2 GPUs, 10 s


def test_without_measured_energy_only_time_is_learned() -> None:
    known = profiles(a_row(30))
    completed(one_task("j"), known, 10.0, START)
    row = known["ns", "p"].status.devices[0]
    assert (row.seconds, row.watts) == ("10", None)


def test_what_the_user_gave_is_contradicted_and_never_written() -> None:
    known = profiles(a_row(30, origin="measured", samples=5))
    spec = known["ns", "p"].spec
    for number in range(3):
        assert predicted(known)[0] == 30.0
        completed(one_task(f"j{number}"), known, 10.0, START + 100.0 * number)
        condition = known["ns", "p"].status.conditions[0]
        assert (condition.type, condition.status) == (CONTRADICTED, "True" if number == 2 else "False")
    assert "spec.devices[nvidia-v100].seconds is 30, 3 runs took 10 s" in condition.message
    assert known["ns", "p"].spec == spec
    assert predicted(known)[0] == 10.0


def test_a_run_counts_once_even_if_the_operator_forgets_everything() -> None:
    known = profiles(a_row(30))
    cluster = completed(one_task("j"), known, 10.0, START)
    status = known["ns", "p"].status
    cluster.restart()
    assert not [action for action in cluster.decide().actions if isinstance(action, TeachProfile)]
    cluster.profiles = profiles(a_row(30))
    cluster.operate()
    again = cluster.profiles["ns", "p"].status
    assert (again.devices[0].samples, again.devices[0].recent[0].run) == (1, status.devices[0].recent[0].run)


def test_a_failed_run_and_its_retry_teach_only_what_succeeded() -> None:
    known = profiles(a_row(30))
    rules = Rules(launch_seconds=0.0, retry_base=0.0)
    cluster = SimulatedCluster(one_task("j").retries(2).manifest(), profiles=known, rules=rules)
    for _ in range(10):
        cluster.operate()
        cluster.control()
        cluster.run(3.0, exit_code=0 if len(cluster.attempted) > 1 else 1)
    assert cluster.status.is_true("Completed")
    assert len(cluster.attempted) == 2
    row = known["ns", "p"].status.devices[0]
    assert [(run.run, run.seconds) for run in row.recent] == [("uid-job/t/1", "3")]


@pytest.mark.parametrize(
    ("created", "seconds", "taught"), [(START - 60.0, 10.0, 1), (START + 500.0, 10.0, 0), (START - 60.0, 0.0, 0)]
)
def test_runs_from_before_the_profile_and_runs_below_a_second_teach_nothing(
    created: float, seconds: float, taught: int
) -> None:
    known = profiles(a_row(30), created=created)
    completed(one_task("j"), known, seconds, START)
    assert len(known["ns", "p"].status.devices) == taught


@pytest.mark.parametrize(
    ("changed", "teaches"),
    [
        ({}, True),
        ({"state": "Failed"}, False),
        ({"energy_source": ""}, False),
        ({"done_share": "0.4"}, False),
        ({"workers": [Worker(index=0, device="nvidia-t4"), Worker(index=1, device="nvidia-v100")]}, False),
        ({"actual": Actual(start=format_time(START), finish=format_time(START + 1), seconds="0.9")}, False),
        ({"actual": Actual(start=format_time(START), finish=format_time(START + 1), seconds="1")}, True),
        ({"actual": Actual(start=format_time(START), seconds="9")}, False),
    ],
)
def test_a_run_that_says_nothing_of_one_devices_speed_teaches_nothing(changed: dict[str, Any], teaches: bool) -> None:
    known = profiles(a_row(30))
    cluster = completed(one_task("j"), known, 10.0, START)
    observations, _, _ = planned(cluster.world())
    (observation,) = observations.values()
    record = msgspec.structs.replace(cluster.task("t"), **changed)
    (profile,) = profiles(a_row(30)).values()
    told = lesson(observation, cluster.job.spec.tasks[0], record, profile, cluster.world())
    assert (told is not None) is teaches


def test_a_device_without_a_row_gets_one_from_its_first_run() -> None:
    known = profiles(a_row(30, device="nvidia-t4"))
    completed(one_task("j"), known, 10.0, START)
    assert predicted(known)[0] == 10.0
    assert {row.device for row in known["ns", "p"].status.devices} == {"nvidia-v100"}


def test_training_teaches_the_throughput_of_one_worker() -> None:
    known = profiles({"device": "nvidia-v100", "samplesPerSecond": "1000"})
    work = {"profile": "p", "training": {"globalBatch": 64, "iterations": 100}}
    job = a_job("j").task("t", work=work).gpus(1).workers(2, 2, gang=True)
    completed(job, known, 40.0, START)
    row = known["ns", "p"].status.devices[0]
    assert (row.seconds, row.samples_per_second) == (None, "80")  # 64 x 100 samples by 2 workers in 40 s


@pytest.mark.parametrize(("gpus", "way"), [(1, 0.0), (4, 20.0)], ids=["on one node", "on two nodes"])
def test_the_way_of_the_gradients_is_taken_off_only_where_they_had_one(gpus: int, way: float) -> None:
    known = profiles({"device": "nvidia-v100", "samplesPerSecond": "1000"})
    training = {"globalBatch": 64, "iterations": 100, "gradientBytes": "250M"}  # 0.2 s an iteration over the network
    job = a_job("j").task("t", work={"profile": "p", "training": training}).gpus(gpus).workers(2, 2, gang=True)
    cluster = completed(job, known, 40.0, START)
    assert len({worker.node for worker in cluster.task("t").workers}) == (2 if way else 1)
    (row,) = known["ns", "p"].status.devices
    assert float(row.samples_per_second or 0) == pytest.approx(64 * 100 / 2 / (40.0 - way))


def test_run_times_and_throughputs_that_come_together_do_not_mix() -> None:
    profile = profiles()["ns", "p"]
    finished = format_time(START)
    runs = [
        ("nvidia-v100", LearnedRun(run="a", finished_at=finished, seconds="100")),
        ("nvidia-v100", LearnedRun(run="b", finished_at=finished, samples_per_second="5")),
    ]
    (row,) = taught(profile, runs, "measured", START).devices
    assert (row.seconds, row.samples_per_second, row.samples) == ("100", None, 1)
    assert [run.run for run in row.recent] == ["a"]


def test_a_profile_of_throughputs_learns_nothing_from_run_times() -> None:
    known = profiles({"device": "nvidia-v100", "samplesPerSecond": "1000"})
    job = one_task("j").runtime({"nvidia-v100": 10})
    completed(job, known, 10.0, START)
    assert known["ns", "p"].status.devices == []


# --- writing ---------------------------------------------------------------------------------------------------------


class Server:
    """Answers a patch and a read as it is told."""

    def __init__(self, patched: Any, fresh: Any = None) -> None:
        self.patched, self.fresh, self.asked = patched, fresh, list[tuple[str, Any]]()

    async def patch(self, path: str, body: Any, kind: str, params: Any) -> Any:
        self.asked.append((path, body))
        if isinstance(self.patched, Exception):
            raise self.patched
        return self.patched

    async def get(self, path: str) -> Any:
        return self.fresh


def raw(version: str, **status: Any) -> dict[str, Any]:
    manifest = a_profile("p", "ns", devices=[a_row(30)])
    manifest["metadata"].update(uid="uid-p", resourceVersion=version, generation=1)
    return {**manifest, "status": status}


def a_teacher(server: Server) -> tuple[Teacher, Store]:
    kube: Any = server
    store = Store(kube, Rules(), lambda: None)
    store.profiles.put(raw("5"))
    return Teacher(kube, store, {}), store


@pytest.fixture
def taught_run() -> TeachProfile:
    known = profiles(a_row(30))
    cluster = completed(one_task("j"), known, 10.0, START)
    cluster.profiles = profiles(a_row(30))
    return next(action for action in cluster.decide().actions if isinstance(action, TeachProfile))


async def test_the_patch_is_about_the_status_alone_and_tests_uid_and_version(taught_run: TeachProfile) -> None:
    server = Server(raw("6"))
    teacher, store = a_teacher(server)
    await teacher.teach(taught_run)
    path, body = server.asked[0]
    assert path.endswith("/namespaces/ns/throughputprofiles/p/status")
    assert [(step["op"], step["path"]) for step in body] == [
        ("test", "/metadata/uid"),
        ("test", "/metadata/resourceVersion"),
        ("add", "/status"),
    ]
    assert body[2]["value"]["devices"][0]["seconds"] == "10"
    assert store.profiles.items["uid-p"].metadata.resource_version == "6"


@pytest.mark.parametrize("refusal", [Conflict("PATCH", 409, "Conflict", ""), Rejected("PATCH", 422, "Invalid", "")])
async def test_a_profile_that_changed_meanwhile_is_read_anew(taught_run: TeachProfile, refusal: Exception) -> None:
    teacher, store = a_teacher(Server(refusal, raw("9")))
    with pytest.raises(Conflict, match="changed meanwhile"):
        await teacher.teach(taught_run)
    assert store.profiles.items["uid-p"].metadata.resource_version == "9"


async def test_a_status_that_the_api_server_refuses_is_told(taught_run: TeachProfile) -> None:
    teacher, _ = a_teacher(Server(Rejected("PATCH", 422, "Invalid", "nonsense"), raw("5")))
    with pytest.raises(Rejected, match="nonsense"):
        await teacher.teach(taught_run)


async def test_a_profile_that_is_gone_needs_no_lesson(taught_run: TeachProfile) -> None:
    teacher, store = a_teacher(Server(NotFound("PATCH", 404, "NotFound", "")))
    await teacher.teach(taught_run)
    assert store.profiles.items == {}


async def test_what_the_profile_knows_already_is_not_written_again(taught_run: TeachProfile) -> None:
    server = Server(raw("6"))
    teacher, store = a_teacher(server)
    known = msgspec.to_builtins(taught_run.runs[0][1])
    store.profiles.put(raw("7", devices=[{"device": "nvidia-v100", "recent": [known]}]))
    await teacher.teach(taught_run)
    assert server.asked == []
    assert parse_time(known["finishedAt"]) > START
