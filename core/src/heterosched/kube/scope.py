"""The namespaces that a program acts in: all of them, or those that it was given, each with a role of its own."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scope:
    """`names`: the namespaces; none stands for all. `"lab" in scope` says whether one is meant."""

    names: tuple[str, ...] = ()

    def __contains__(self, namespace: str) -> bool:
        return not self.names or namespace in self.names

    def paths(self, api: str, plural: str) -> dict[str, str]:
        """The collections to list and watch of a namespaced kind, by namespace; the whole cluster's is "".

        `api` is `/api/v1` or `/apis/GROUP/VERSION`. A path for each namespace, since a namespace's Role allows no more.
        """
        if not self.names:
            return {"": f"{api}/{plural}"}
        return {name: f"{api}/namespaces/{name}/{plural}" for name in self.names}
