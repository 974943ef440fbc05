"""Whatever the operator's process goes through, no task ever has two live Jobs or pods, and in the end all have run."""

from __future__ import annotations

import copy
from collections import Counter

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from heterosched_operator.actions import DryRun, PatchStatus
from manifests import a_job
from simulated import SimulatedCluster

pytestmark = pytest.mark.slow

TASKS = ("first", "gang", "last")


def a_cluster() -> SimulatedCluster:
    job = a_job("job").retries(100).task("first").runtime({"cpu": 1})
    job.task("gang").after("first").cpus(1).workers(2, 2, gang=True).runtime({"cpu": 1})
    return SimulatedCluster(job.task("last").after("gang").runtime({"cpu": 1}).manifest())


class Crashes(RuleBasedStateMachine):
    """The operator dies between any two actions, sees old states, and acts on decisions that are out of date."""

    def __init__(self) -> None:
        super().__init__()
        self.cluster = a_cluster()
        self.past = copy.deepcopy(self.cluster)
        self.ran: Counter[str] = Counter()

    @rule()
    def operate(self) -> None:
        self.cluster.operate()

    @rule(count=st.integers(0, 4))
    def crash_after_some_actions(self, count: int) -> None:
        decision = self.cluster.decide()
        self.cluster.obey(decision.actions[:count])
        self.cluster.restart()

    @rule()
    def act_on_what_the_watches_showed_before(self) -> None:
        self.cluster.obey(self.cluster.decide(self.past).actions)

    @rule()
    def remember_this_state(self) -> None:
        self.past = copy.deepcopy(self.cluster)

    @rule()
    def carry_a_decision_out_twice(self) -> None:
        version = str(self.cluster.manifest["metadata"]["resourceVersion"])
        actions = self.cluster.decide().actions
        self.cluster.obey(actions, version)
        if any(isinstance(action, PatchStatus) for action in actions):
            self.cluster.obey(actions, version)
        else:
            self.cluster.obey([action for action in actions if isinstance(action, DryRun)])

    @rule()
    def job_controller(self) -> None:
        self.cluster.control()

    @rule(data=st.data())
    def a_pod_starts(self, data: st.DataObject) -> None:
        waiting = [pod for pod in self.cluster.pods.values() if pod["status"]["phase"] == "Pending"]
        if waiting:
            self.cluster.bind(data.draw(st.sampled_from(waiting)))

    @rule(data=st.data(), code=st.sampled_from([0, 0, 0, 1]), disrupted=st.sampled_from([False, False, True]))
    def a_pod_ends(self, data: st.DataObject, code: int, disrupted: bool) -> None:
        running = [pod for pod in self.cluster.pods.values() if pod["status"]["phase"] == "Running"]
        if running:
            self.cluster.end(data.draw(st.sampled_from(running)), code, disrupted)

    @rule(seconds=st.sampled_from([0.1, 1.0, 15.0, 400.0]))
    def time_passes(self, seconds: float) -> None:
        self.cluster.now += seconds

    @rule(suspend=st.booleans())
    def suspend_or_resume(self, suspend: bool) -> None:
        if self.cluster.manifest["spec"].get("suspend", False) != suspend:
            self.cluster.edit(suspend=suspend)

    @invariant()
    def no_task_has_two_live_jobs(self) -> None:
        for task in TASKS:
            assert len(self.cluster.live_jobs(task)) <= 1

    @invariant()
    def no_index_has_two_live_pods(self) -> None:
        for task, workers in zip(TASKS, (1, 2, 1), strict=True):
            assert len(self.cluster.live_pods(task)) <= workers

    @invariant()
    def no_attempt_is_created_twice(self) -> None:
        tried = Counter((task, attempt) for task, attempt, _ in self.cluster.attempted)
        assert all(count == 1 for count in tried.values()), tried

    def teardown(self) -> None:
        """From any state on, if things go well, the job completes (or had used up its bounded free retries)."""
        self.cluster.edit(suspend=False)
        for _ in range(5):
            self.cluster.now += 400
            self.cluster.to_the_end()
        done, lost = self.cluster.status.is_true("Completed"), self.cluster.status.is_true("Failed")
        assert done or (lost and any(task.free_retries > 5 for task in self.cluster.status.tasks)), self.cluster.status
        if done:
            assert all(record.state == "Succeeded" for record in self.cluster.status.tasks)


TestCrashes = Crashes.TestCase
TestCrashes.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
