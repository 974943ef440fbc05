"""A PriorityClass that the cluster does not have is named with its field, wherever a job may name one."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from heterosched.api import HeteroJob
from heterosched.errors import InvalidInput
from heterosched.planning.priorities import check_priority_classes
from manifests import a_job


def job_of(pod: Any, **spec: Any) -> HeteroJob:
    manifest = a_job("j").spec(**spec).task("t").manifest()
    manifest["spec"]["templates"][0]["template"]["spec"] = pod
    return msgspec.convert(manifest, HeteroJob)


def test_the_templates_own_counts_where_the_job_names_none() -> None:
    job = job_of({"priorityClassName": "urgent"})
    with pytest.raises(
        InvalidInput, match=r"\]\.template\.spec\.priorityClassName: there is no PriorityClass 'urgent'"
    ):
        check_priority_classes(job, {"calm"})
    check_priority_classes(job_of({"priorityClassName": "urgent"}, priorityClassName="calm"), {"calm"})


@pytest.mark.parametrize("pod", [None, [], {}, {"priorityClassName": "calm"}])
def test_what_names_none_or_one_that_is_there_is_left_alone(pod: Any) -> None:
    check_priority_classes(job_of(pod), {"calm"})
    with pytest.raises(InvalidInput, match=r"spec\.priorityClassName: .* create it or name one of: none yet"):
        check_priority_classes(job_of(pod, priorityClassName="calm"), ())
