"""A HeteroJob status in which every field of the contract has a value."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from crds import schema_of

NOW = "2026-03-01T12:00:00Z"
LATER = "2026-03-01T13:00:00.250Z"
_TASK_FIELDS = schema_of("HeteroJob")["properties"]["status"]["properties"]["tasks"]["items"]["properties"]
LONGEST_MESSAGE: int = _TASK_FIELDS["message"]["maxLength"]


def a_task_status(name: str) -> dict[str, Any]:
    """The status of one finished task with two workers and a message as long as the schema lets it be."""
    workers = [
        {
            "index": index,
            "node": f"v100-{index}",
            "plannedNode": f"v100-{index}",
            "device": "nvidia-v100",
            "share": 512,
            "gpuIds": [f"GPU-{index}"],
            "cpus": "0-7,16-23",
        }
        for index in range(2)
    ]
    return {
        "name": name,
        "state": "Succeeded",
        "reason": "Finished",
        "message": "m" * LONGEST_MESSAGE,
        "rank": "612.5",
        "onCriticalPath": True,
        "attempt": 1,
        "failures": 1,
        "freeRetries": 0,
        "variant": "nvidia-v100",
        "templateHash": "a" * 64,
        "jobName": f"job-{name}-1",
        "planned": {
            "node": "v100-0",
            "device": "nvidia-v100",
            "start": NOW,
            "finish": LATER,
            "seconds": "3600",
            "energyJoules": "900000",
        },
        "actual": {"start": NOW, "finish": LATER, "seconds": "3600.25"},
        "energyJoules": "900062.5",
        "energySource": "simulated",
        "workers": workers,
    }


def a_full_status(tasks: Iterable[str]) -> dict[str, Any]:
    """The status of a finished job of these tasks."""
    rows = [a_task_status(task) for task in tasks]
    condition = {
        "type": "Planned",
        "status": "True",
        "reason": "Planned",
        "message": "by heft",
        "observedGeneration": 1,
    }
    return {
        "observedGeneration": 1,
        "state": "Planned",
        "progress": f"{len(rows)}/{len(rows)}",
        "startTime": NOW,
        "completionTime": LATER,
        "conditions": [{**condition, "lastTransitionTime": NOW}],
        "deadline": {"at": LATER, "verdict": "Feasible", "message": "done 3 minutes before"},
        "plan": {
            "strategy": "heft",
            "computedAt": NOW,
            "start": NOW,
            "finish": LATER,
            "makespanSeconds": "3600",
            "makespan": "1h00m",
            "energyJoules": "900000",
            "energySource": "estimated",
            "cost": "0.0375",
            "currency": "USD",
            "gapPercent": "2.5",
            "inputsAge": "12.5s",
            "baseline": {"strategy": "fifo", "makespanSeconds": "4000", "energyJoules": "1000000"},
        },
        "tasks": rows,
        "outcome": {
            "seconds": "3600.25",
            "plannedSeconds": "3600",
            "energyJoules": "900062.5",
            "plannedEnergyJoules": "900000",
            "energySource": "simulated",
            "cost": "0.037503",
            "currency": "USD",
            "against": "Fifo",
            "savedSecondsPercent": "10",
            "savedEnergyPercent": "-0.5",
            "verdict": "Better",
        },
    }
