"""Somebody else on the cluster: pods of the default scheduler, one after the other, for as long as the tests last."""

from __future__ import annotations

import json
import subprocess
import threading
from dataclasses import dataclass, field

from binaries import ControlPlaneError
from fixture_images import WORKLOAD, name_of
from kind_cluster import KindCluster
from processes import wait_until

NAMESPACE = "neighbour"
EVERY_S = 5.0


@dataclass
class Neighbour:
    """Creates a pod every few seconds and deletes it once it is bound; what was not bound in a minute is counted."""

    cluster: KindCluster
    placed: int = 0
    unplaced: list[str] = field(default_factory=list)
    _end: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin."""
        self.cluster.kubectl("create", "namespace", NAMESPACE)
        assert wait_until(lambda: "default" in self._kubectl("get", "serviceaccounts"), 30.0, 0.3)
        self._thread = threading.Thread(target=self._live, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End, after the pod that is under way."""
        self._end.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def restarts(self) -> int:
        """How often the default scheduler was restarted, beyond what befell the controller manager too.

        On a machine that is too slow both lose their leases and start anew, whoever else is on the cluster.
        """
        return max(0, self._restarts("kube-scheduler") - self._restarts("kube-controller-manager"))

    def _restarts(self, component: str) -> int:
        selector = ("--namespace=kube-system", f"--selector=component={component}")
        pods = json.loads(self.cluster.kubectl("get", "pods", *selector, "--output=json"))["items"]
        return sum(status["restartCount"] for pod in pods for status in pod["status"]["containerStatuses"])

    def _kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        return self.cluster.kubectl(*arguments, f"--namespace={NAMESPACE}", stdin=stdin)

    def _live(self) -> None:
        number = 0
        while not self._end.wait(EVERY_S):
            number += 1
            self._one(f"pod-{number}")

    def _one(self, name: str) -> None:
        container = {"name": "main", "image": name_of(WORKLOAD), "command": ["true"]}
        spec = {"restartPolicy": "Never", "containers": [container], "terminationGracePeriodSeconds": 0}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}
        try:
            self._kubectl("create", "--filename=-", stdin=json.dumps(pod))
            path = "--output=jsonpath={.spec.nodeName}"
            if wait_until(lambda: bool(self._kubectl("get", "pod", name, path)), 60.0, 0.5):
                self.placed += 1
            else:
                self.unplaced.append(name)
            self._kubectl("delete", "pod", name, "--wait=false")
        except (ControlPlaneError, subprocess.TimeoutExpired) as error:
            self.unplaced.append(f"{name}: {error}")
