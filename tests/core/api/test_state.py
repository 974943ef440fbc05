"""The state of a job in one word comes from its conditions, with the reason where it does not go on."""

from __future__ import annotations

import msgspec
import pytest

from heterosched.api.status import HeteroJobStatus, state_of


def conditions(*found: tuple[str, str, str]) -> HeteroJobStatus:
    time = "2026-03-01T12:00:00Z"
    entries = [
        {"type": type, "status": status, "reason": reason, "message": "", "lastTransitionTime": time}
        for type, status, reason in found
    ]
    return msgspec.convert({"conditions": entries}, HeteroJobStatus)


@pytest.mark.parametrize(
    ("found", "word"),
    [
        ([("Failed", "True", "TaskFailed"), ("Running", "True", "TasksRunning")], "Failed: TaskFailed"),
        ([("Completed", "True", "AllSucceeded"), ("Suspended", "False", "NotSuspended")], "Completed"),
        ([("Suspended", "True", "SuspendRequested"), ("Planned", "True", "PlanFound")], "Suspended"),
        ([("Blocked", "True", "PodsMissing"), ("Running", "True", "TasksRunning")], "Blocked: PodsMissing"),
        ([("Accepted", "True", "Valid"), ("Running", "True", "TasksRunning")], "Running"),
        ([("Accepted", "False", "Cycle"), ("Planned", "False", "NotAccepted")], "Rejected: Cycle"),
        ([("Accepted", "True", "Valid"), ("Planned", "False", "Unplaceable")], "Unplanned: Unplaceable"),
        ([("Planned", "True", "EstimatesMissing")], "EstimatesMissing"),
        ([("Planned", "True", "PlanFound")], "Planned"),
    ],
)
def test_the_state_in_one_word(found: list[tuple[str, str, str]], word: str) -> None:
    assert state_of(conditions(*found)) == word
