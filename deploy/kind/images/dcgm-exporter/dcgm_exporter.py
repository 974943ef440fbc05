"""DCGM exporter's series for GPUs that do not exist: for nodes whose `nvidia.com/gpu` was patched into their status.

Runs on a node as the real one does, asks the API server which of the node's pods hold GPUs, and says so at the real
interface: the names, labels and units of dcgm-exporter's default counters, a series for each GPU, with the pod that
holds it. What the GPUs draw is simulated: idle watts when nobody holds one, busy watts while somebody's containers run.
Annotations of the node steer it: `sim.heterosched.io/` with `idle-watts`, `busy-watts`, `gpu-temp`, `throttle-reasons`,
`xid`. It needs nothing but Python.
"""

from __future__ import annotations

import json
import os
import signal
import ssl
import sys
import threading
import time
import urllib.request
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
RESOURCE = "nvidia.com/gpu"
STEERING = "sim.heterosched.io/"
PORT = 9400
MEMORY_MIB = 16384
Holder = tuple[str, str, str]
"""Namespace, pod and container that hold a GPU."""

HELP = {
    "DCGM_FI_DEV_SM_CLOCK": ("gauge", "SM clock frequency (in MHz)."),
    "DCGM_FI_DEV_GPU_TEMP": ("gauge", "GPU temperature (in C)."),
    "DCGM_FI_DEV_POWER_USAGE": ("gauge", "Power draw (in W)."),
    "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION": ("counter", "Total energy consumption since boot (in mJ)."),
    "DCGM_FI_DEV_GPU_UTIL": ("gauge", "GPU utilization (in %)."),
    "DCGM_FI_DEV_XID_ERRORS": ("gauge", "Value of the last XID error encountered."),
    "DCGM_FI_DEV_CLOCK_THROTTLE_REASONS": ("gauge", "Current clock throttle reasons."),
    "DCGM_FI_DEV_FB_FREE": ("gauge", "Frame buffer memory free (in MB)."),
    "DCGM_FI_DEV_FB_USED": ("gauge", "Frame buffer memory used (in MB)."),
}


@dataclass
class Gpu:
    """One GPU: who holds it, and what it has drawn so far."""

    index: int
    uuid: str
    holder: Holder | None = None
    millijoules: float = 0.0


@dataclass
class Board:
    """The GPUs of the node. `update` is called with every look at the API server, `text` by every scrape."""

    node: str
    product: str = ""
    steering: Mapping[str, float] = field(default_factory=dict)
    gpus: list[Gpu] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    since: float = field(default_factory=time.monotonic)

    def update(self, node: Mapping[str, Any], pods: Iterable[Mapping[str, Any]]) -> None:
        """Take over the node's labels and annotations, and hand its GPUs to the pods that run."""
        labels, notes = node["metadata"].get("labels", {}), node["metadata"].get("annotations", {})
        wanted = [(holder, count) for pod in pods for holder, count in held_by(pod)]
        with self.lock:
            self._count()
            self.product = labels.get("nvidia.com/gpu.product", "")
            self.steering = steering_of(notes)
            for index in range(len(self.gpus), int(labels.get("nvidia.com/gpu.count", "0"))):
                self.gpus.append(Gpu(index, f"GPU-{uuid.uuid5(uuid.NAMESPACE_DNS, f'{self.node}/{index}')}"))
            self._hand_out(wanted)

    def _hand_out(self, wanted: list[tuple[Holder, int]]) -> None:
        """A pod keeps the GPUs it has; what is new gets the first that are free."""
        present = {holder for holder, _ in wanted}
        for gpu in self.gpus:
            if gpu.holder not in present:
                gpu.holder = None
        for holder, count in wanted:
            missing = count - sum(gpu.holder == holder for gpu in self.gpus)
            for gpu in [gpu for gpu in self.gpus if gpu.holder is None][: max(0, missing)]:
                gpu.holder = holder

    def _watts(self, gpu: Gpu) -> float:
        return self.steering["idle-watts"] if gpu.holder is None else self.steering["busy-watts"]

    def _count(self) -> None:
        """Advance the energy counters to now, at the draw since the last change."""
        now = time.monotonic()
        for gpu in self.gpus:
            gpu.millijoules += 1000.0 * (now - self.since) * self._watts(gpu)
        self.since = now

    def text(self) -> str:
        """All series in Prometheus' text format."""
        with self.lock:
            self._count()
            rows = [(gpu, self._figures(gpu)) for gpu in self.gpus]
            lines = []
            for name, (kind, told) in HELP.items():
                lines += [f"# HELP {name} {told}", f"# TYPE {name} {kind}"]
                lines += [f"{name}{{{self._labels(gpu)}}} {figures[name]:g}" for gpu, figures in rows]
        return "\n".join(lines) + "\n"

    def _labels(self, gpu: Gpu) -> str:
        namespace, pod, container = gpu.holder or ("", "", "")
        values = {
            "gpu": gpu.index,
            "UUID": gpu.uuid,
            "device": f"nvidia{gpu.index}",
            "modelName": self.product,
            "Hostname": self.node,
            "container": container,
            "namespace": namespace,
            "pod": pod,
        }
        return ",".join(f'{key}="{value}"' for key, value in values.items())

    def _figures(self, gpu: Gpu) -> dict[str, float]:
        busy = gpu.holder is not None
        used = MEMORY_MIB / 2 if busy else 0
        return {
            "DCGM_FI_DEV_SM_CLOCK": 1380 if busy else 300,
            "DCGM_FI_DEV_GPU_TEMP": self.steering["gpu-temp"],
            "DCGM_FI_DEV_POWER_USAGE": self._watts(gpu),
            "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION": round(gpu.millijoules),
            "DCGM_FI_DEV_GPU_UTIL": 95 if busy else 0,
            "DCGM_FI_DEV_XID_ERRORS": self.steering["xid"],
            "DCGM_FI_DEV_CLOCK_THROTTLE_REASONS": self.steering["throttle-reasons"],
            "DCGM_FI_DEV_FB_FREE": MEMORY_MIB - used,
            "DCGM_FI_DEV_FB_USED": used,
        }


DEFAULTS = {"idle-watts": 20.0, "busy-watts": 60.0, "gpu-temp": 45.0, "throttle-reasons": 0.0, "xid": 0.0}


def steering_of(annotations: Mapping[str, str]) -> dict[str, float]:
    """What the node's annotations say; what they do not, or not in figures, is as usual."""
    found = dict(DEFAULTS)
    for key in DEFAULTS:
        try:
            found[key] = float(annotations[STEERING + key])
        except (KeyError, ValueError):
            continue
    return found


def held_by(pod: Mapping[str, Any]) -> list[tuple[Holder, int]]:
    """The containers of a pod that run and hold GPUs, each with how many."""
    running = {
        status["name"] for status in pod["status"].get("containerStatuses", []) if "running" in status.get("state", {})
    }
    found = []
    for container in pod["spec"]["containers"]:
        count = int(container.get("resources", {}).get("limits", {}).get(RESOURCE, "0"))
        if count and container["name"] in running:
            found.append(((pod["metadata"]["namespace"], pod["metadata"]["name"], container["name"]), count))
    return found


def ask(path: str) -> Any:
    """An object of the API server, with the rights of the pod's service account."""
    host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
    headers = {"Authorization": f"Bearer {(ACCOUNT / 'token').read_text()}"}
    request = urllib.request.Request(f"https://{host}:{port}{path}", headers=headers)
    context = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))
    with urllib.request.urlopen(request, timeout=10, context=context) as answer:
        return json.load(answer)


def look(board: Board) -> None:
    """Ask for the node and its pods for ever; while the API server does not answer, what was last seen stands."""
    failing = False
    while True:
        try:
            pods = ask(f"/api/v1/pods?fieldSelector=spec.nodeName%3D{board.node},status.phase%3DRunning")["items"]
            board.update(ask(f"/api/v1/nodes/{board.node}"), pods)
            failing = False
        except (OSError, ValueError, KeyError) as error:
            if not failing:
                print(f"the API server does not say what runs on {board.node}: {error}", file=sys.stderr, flush=True)
            failing = True
        time.sleep(1.0)


def serve(board: Board, port: int) -> None:
    """Answer scrapes until SIGTERM."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = board.text().encode()
            self.send_response(200 if board.gpus else 503)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Scrapes are not news."""

    server = ThreadingHTTPServer(("", port), Handler)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever()


def main() -> None:
    """Begin to look, then serve."""
    board = Board(os.environ["NODE_NAME"], steering=DEFAULTS)
    threading.Thread(target=look, args=(board,), daemon=True).start()
    serve(board, PORT)


if __name__ == "__main__":
    main()
