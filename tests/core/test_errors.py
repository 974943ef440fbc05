"""Errors name the object, the field and the remedy, and their class says whether trying again helps."""

from __future__ import annotations

import pytest

from heterosched.errors import HeteroSchedError, InvalidGraph, InvalidInput, InvalidQuantity, Unavailable, Unplaceable


def test_invalid_input_spells_out_object_field_problem_and_remedy() -> None:
    error = InvalidInput("HeteroJob ns/a", "spec.tasks[t].dependsOn", "unknown task 'b'", "name another")
    assert str(error) == "HeteroJob ns/a: spec.tasks[t].dependsOn: unknown task 'b'; name another"
    assert (error.object, error.field, error.problem, error.remedy) == (
        "HeteroJob ns/a",
        "spec.tasks[t].dependsOn",
        "unknown task 'b'",
        "name another",
    )


def test_invalid_input_leaves_out_what_is_empty() -> None:
    assert str(InvalidInput("nodes.yaml", "", "it is empty")) == "nodes.yaml: it is empty"


def test_unplaceable_names_the_task_and_what_is_missing() -> None:
    error = Unplaceable("train", "no node offers nvidia-h100")
    assert str(error) == "task train: no node offers nvidia-h100"
    assert (error.task, error.missing) == ("train", "no node offers nvidia-h100")


@pytest.mark.parametrize("kind", [InvalidQuantity, InvalidGraph])
def test_everything_that_needs_an_edit_is_invalid_input(kind: type[InvalidInput]) -> None:
    assert issubclass(kind, InvalidInput)


@pytest.mark.parametrize("kind", [Unplaceable, Unavailable])
def test_what_may_mend_itself_is_no_invalid_input(kind: type[HeteroSchedError]) -> None:
    assert issubclass(kind, HeteroSchedError)
    assert not issubclass(kind, InvalidInput)
