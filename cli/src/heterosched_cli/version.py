"""`heterosched version`: this program, what the cluster runs and serves, and the extender."""

from __future__ import annotations

from importlib.metadata import version as installed
from pathlib import Path
from typing import TYPE_CHECKING, Any

from heterosched.constants import API_VERSION, GROUP
from heterosched.errors import HeteroSchedError
from heterosched_cli.doctor.registry import INSTALL
from heterosched_cli.output import Format, note, write_data
from heterosched_cli.places import Extenders

if TYPE_CHECKING:
    from heterosched.kube.client import Kube


def print_version(
    client_only: bool, extenders: Extenders, kubeconfig: Path | None, context: str, format: Format
) -> None:
    """Print the versions. A cluster or extender that does not answer is a remark, not a failure."""
    data: dict[str, Any] = {"client": {"heterosched": installed("heterosched-cli"), "api": API_VERSION}}
    if not client_only:
        data["server"] = _server(kubeconfig, context)
        data["extender"] = _extender(extenders)
    if format in (Format.JSON, Format.YAML):
        write_data(data, format)
        return
    print(f"client       heterosched {data['client']['heterosched']} ({API_VERSION})")
    server = data.get("server")
    if server:
        print(f"kubernetes   {server['kubernetes']}")
        print(f"api          {', '.join(server['api']) or f'{GROUP} is not installed: {INSTALL}'}")
        for name in server["kinds"]:
            print(f"             {name}")
    if data.get("extender"):
        print(f"extender     heterosched {data['extender']}")


def _server(kubeconfig: Path | None, context: str) -> dict[str, Any] | None:
    from heterosched_cli.live import ask

    try:
        return ask(_questions, kubeconfig, context)
    except HeteroSchedError as error:
        note(f"no cluster: {error}")
        return None


def _extender(extenders: Extenders) -> str | None:
    from heterosched_cli.devices import ask_devices

    try:
        return ask_devices({"limit": "1"}, extenders)[1].version or "(an older version, which does not tell)"
    except HeteroSchedError as error:
        note(f"no extender: {error}")
        return None


async def _questions(kube: Kube) -> dict[str, Any]:
    from heterosched.kube.errors import NotFound

    kubernetes = (await kube.get("/version"))["gitVersion"]
    try:
        versions = [v["groupVersion"] for v in (await kube.get(f"/apis/{GROUP}"))["versions"]]
        served = (await kube.get(f"/apis/{API_VERSION}"))["resources"] if API_VERSION in versions else []
    except NotFound:
        versions, served = [], []
    kinds = sorted(f"{r['name']}.{GROUP} ({r['kind']})" for r in served if "/" not in r["name"])
    return {"kubernetes": kubernetes, "api": versions, "kinds": kinds}
