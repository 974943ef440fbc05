"""What happens to single containers of pods: killed on their node, told to stop, watched while they end."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

from kind_cluster import KindCluster
from kind_release import NAMESPACE
from processes import wait_until

Json = dict[str, Any]


def pod_of(cluster: KindCluster, name: str, namespace: str = NAMESPACE) -> Json:
    """The pod as the API server has it."""
    found: Json = json.loads(cluster.kubectl("get", "pod", name, f"--namespace={namespace}", "--output=json"))
    return found


def statuses(pod: Json) -> dict[str, Json]:
    """The statuses of its containers by name, sidecars among them."""
    found = (*pod["status"].get("initContainerStatuses", ()), *pod["status"].get("containerStatuses", ()))
    return {status["name"]: status for status in found}


def kill(cluster: KindCluster, pod: Json, container: str) -> None:
    """SIGKILL a container's process on its node, as a crash would; its pod stays."""
    status, node = statuses(pod)[container], pod["spec"]["nodeName"]
    identity = status["containerID"].rpartition("/")[2]
    pid = cluster.docker(
        "exec", node, "crictl", "inspect", "--output=go-template", "--template={{.info.pid}}", identity
    )
    cluster.docker("exec", node, "kill", "-KILL", pid.strip())


def restarted(cluster: KindCluster, pod: Json, container: str, seconds: float = 90.0) -> bool:
    """Whether the kubelet starts the container of the pod anew and finds it ready."""
    before = statuses(pod)[container]["restartCount"]

    def back() -> bool:
        now = statuses(pod_of(cluster, pod["metadata"]["name"]))[container]
        return bool(now["restartCount"] > before and now["ready"])

    return wait_until(back, seconds, 0.5)


@contextmanager
def watched(cluster: KindCluster, pod: Json) -> Iterator[list[Json]]:
    """Every state of a pod that the API server tells meanwhile, from the one before the block to its end in it;
    complete once the block has been left.
    """
    name = pod["metadata"]["name"]
    command = [str(cluster.bin / "kubectl"), "get", "pod", name, f"--namespace={NAMESPACE}", "--watch", "--output=json"]
    states: list[Json] = []
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(command, env=dict(cluster.environment), stdout=said, text=True)
        try:
            assert wait_until(lambda: bool(_told(said)), 30.0), f"nothing is told of {name}"
            yield states
            wait_until(lambda: _ended(_told(said)), 10.0)  # what others know by now may still be on its way to kubectl
        finally:
            process.terminate()
            process.wait(timeout=10.0)
            states += _objects(_told(said))


def _told(said: IO[str]) -> str:
    """What has been written; the place in the file is kubectl's, which goes on writing there."""
    return os.pread(said.fileno(), os.fstat(said.fileno()).st_size, 0).decode(errors="replace")


def _ended(text: str) -> bool:
    """Whether all containers had ended in the last state."""
    states = list(_objects(text))
    return bool(states) and all("terminated" in status["state"] for status in statuses(states[-1]).values())


def _objects(text: str) -> Iterator[Json]:
    """The JSON objects in a text, one after the other; the last may be torn off."""
    decoder, rest = json.JSONDecoder(), text.lstrip()
    with contextlib.suppress(json.JSONDecodeError):
        while rest:
            found, end = decoder.raw_decode(rest)
            yield found
            rest = rest[end:].lstrip()


def exit_codes(states: list[Json]) -> dict[str, int]:
    """How each container ended: 137 is a SIGKILL at the end of the grace period."""
    return {
        name: status["state"]["terminated"]["exitCode"]
        for state in states
        for name, status in statuses(state).items()
        if "terminated" in status["state"]
    }
