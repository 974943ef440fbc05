"""Plain credentials are served by the small client, all others by the large one; either can list and watch."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

from heterosched.kube.access import Access
from heterosched.kube.client import Kube
from heterosched.kube.reader import Reader
from heterosched.settings import load
from heterosched_extender.program import _client
from heterosched_extender.settings import Settings
from http_apiserver import kubeconfig


async def test_the_client_fits_the_credentials(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path, "http://127.0.0.1:1", username="u", password="p")
    settings = load(Settings, {}, None, {"kubeconfig": path})
    async with AsyncExitStack() as stack:
        assert isinstance(await _client(settings, Access("http://127.0.0.1:1"), stack), Reader)
        assert isinstance(await _client(settings, None, stack), Kube)
