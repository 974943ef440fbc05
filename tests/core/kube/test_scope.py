"""A program that acts in some namespaces asks for each of them alone; one that acts in all asks for all at once."""

from __future__ import annotations

import pytest

from heterosched.errors import InvalidInput
from heterosched.kube.scope import Scope
from heterosched.settings import Namespaces, ServiceSettings, load


def test_all_namespaces_are_one_collection() -> None:
    assert Scope().paths("/apis/batch/v1", "jobs") == {"": "/apis/batch/v1/jobs"}
    assert "anything" in Scope()


def test_named_namespaces_are_a_collection_each() -> None:
    scope = Scope(("a", "b"))
    assert scope.paths("/api/v1", "pods") == {"a": "/api/v1/namespaces/a/pods", "b": "/api/v1/namespaces/b/pods"}
    assert "a" in scope and "c" not in scope


class Some(ServiceSettings):
    """Settings with namespaces."""

    namespaces: Namespaces = ()


@pytest.mark.parametrize("given", ["a,b", "a, b", ["a", "b"]])
def test_names_come_as_a_list_or_with_commas_between(given: object) -> None:
    assert load(Some, {}, None, {"namespaces": given}).namespaces == ("a", "b")


def test_a_name_that_no_namespace_can_have_is_refused() -> None:
    with pytest.raises(InvalidInput, match="Team_A"):
        load(Some, {}, None, {"namespaces": "Team_A"})
