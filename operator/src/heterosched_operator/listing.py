"""Our own kinds by full lists, page by page: the start, and what makes good whatever a watch has missed.

A namespace or a kind that a role does not let us list is left as it was and named in `refused`: the others go on.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from heterosched.constants import API_VERSION
from heterosched.kube.client import Kube
from heterosched.kube.errors import ApiError, ApiUnavailable, NotFound
from heterosched.kube.scope import Scope
from heterosched_operator.cache import Cache

logger = logging.getLogger(__name__)

OURS = f"/apis/{API_VERSION}"
POLICIES = f"{OURS}/schedulingpolicies"


class Lists:
    """The caches of our kinds and the paths that fill them. `refused`: what the API server says no to, by path."""

    def __init__(self, kube: Kube, scope: Scope, caches: Mapping[str, Cache[Any]]) -> None:
        self._kube = kube
        self._collections = [
            (path, namespace, cache)
            for plural, cache in caches.items()
            for namespace, path in (Scope() if plural == "schedulingpolicies" else scope).paths(OURS, plural).items()
        ]
        self.refused: dict[str, ApiError] = {}

    async def fill(self) -> None:
        """List everything. Raises NotFound where the CRDs are not installed, ApiUnavailable where nobody answers."""
        for path, namespace, cache in self._collections:
            try:
                raws, at = await self._list(path)
            except (NotFound, ApiUnavailable):
                raise
            except ApiError as error:
                if path not in self.refused:
                    logger.warning("%s; what depends on it is left alone, and it is tried again", error)
                self.refused[path] = error
                continue
            if self.refused.pop(path, None) is not None:
                logger.info("%s: answering again", path)
            cache.replace(raws, at, namespace)

    async def _list(self, path: str) -> tuple[list[dict[str, Any]], int]:
        """All objects of a collection and the version of the list: that of its first page holds for the later ones."""
        found: list[dict[str, Any]] = []
        token, at = "", 0
        while True:
            page = await self._kube.get(path, {"limit": 500, "continue": token})
            at = at or int(page["metadata"].get("resourceVersion") or 0)
            found.extend(page.get("items") or ())
            token = page["metadata"].get("continue") or ""
            if not token:
                return found, at
